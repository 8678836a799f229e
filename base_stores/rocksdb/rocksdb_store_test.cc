#include "base_stores/rocksdb/rocksdb_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base_stores/rocksdb/store_fixture.h"
#include "store/ops.h"

namespace strata {
namespace {

using ::testing::HasSubstr;

TEST_F(RocksdbStoreTest, SaysThatTheDirectoryIsOpenElsewhere) {
  const auto first = Open();
  const auto second = OpenRocksdbStore(options_);
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(Message(second.status())), HasSubstr("is open already"));
}

// RocksDB would open it a second time under another name, and each would delete the other's files.
TEST_F(RocksdbStoreTest, SaysThatTheDirectoryIsOpenUnderAnotherName) {
  const auto first = Open();
  ASSERT_TRUE(Put(*first, Ctx(), Doc(R"({"id":"a"})")).ok());
  const std::string path = options_.path;
  const std::string link = path + "-link";
  std::filesystem::remove(link);
  std::filesystem::create_directory_symlink(path, link);
  for (const std::string& name :
       {path + "/", path + "/.", link, std::filesystem::proximate(path).string()}) {
    options_.path = name;
    const auto second = OpenRocksdbStore(options_);
    ASSERT_FALSE(second.ok()) << name;
    EXPECT_THAT(Describe(second.status()), HasSubstr("is open already")) << name;
  }
  std::filesystem::remove(link);
  options_.path = path;
  EXPECT_EQ(*Count(*first, Ctx()), 1u);
}

// Processes that live for one write each, as the command's do, leave a write-ahead log each.
TEST_F(RocksdbStoreTest, LogsOfProcessesBeforeDoNotPileUp) {
  const auto logs = [&](uintmax_t* bytes) {
    int n = 0;
    *bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(options_.path)) {
      if (file.path().extension() != ".log") continue;
      ++n;
      *bytes += file.file_size();
    }
    return n;
  };
  uintmax_t bytes = 0;
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(Put(*Open(), Ctx(), Doc("{\"id\":\"" + std::to_string(i) + "\"}")).ok());
    EXPECT_LE(logs(&bytes), 12) << i;
  }
  const std::string text(1 << 20, 'x');
  for (int i = 0; i < 6; ++i) {
    const auto store = Open();
    for (int k = 0; k < 8; ++k) {
      ASSERT_TRUE(
          Put(*store, Ctx(),
              Doc("{\"id\":\"big" + std::to_string(8 * i + k) + "\",\"x\":\"" + text + "\"}"))
              .ok());
    }
  }
  logs(&bytes);
  EXPECT_LE(bytes, 40u << 20);  // of 48 MiB that were written
  EXPECT_EQ(*Count(*Open(), Ctx()), 88u);
}

TEST_F(RocksdbStoreTest, RefusesADirectoryOfANewerVersion) {
  Open().reset();
  PutRaw("meta", "format", "4");
  const auto s = OpenRocksdbStore(options_);
  EXPECT_EQ(s.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Message(s.status())),
              HasSubstr("was written in format 4; this version knows formats up to 3"));
}

// Creations of one batch share a record of the change log; nobody who reads it can tell.
TEST_F(RocksdbStoreTest, TheChangeLogIsTheSameWhereverAReaderBegins) {
  auto store = Open();
  std::vector<std::string> expected;
  const auto write = [&](const WriteBatch& batch) {
    const auto w = store->Write(Ctx(), batch);
    ASSERT_TRUE(w.ok()) << Describe(w.status());
    for (size_t i = 0; i < w->outcomes.size(); ++i) {
      const WriteOutcome& o = w->outcomes[i];
      expected.push_back(std::to_string(o.revision) +
                         (o.created   ? "+"
                          : o.deleted ? "-"
                                      : "~") +
                         o.id + batch.origin);
    }
  };
  for (const std::string origin : {"", "x", "x"}) {
    WriteBatch batch;
    batch.origin = origin;
    const std::string n = std::to_string(expected.size());
    for (int i = 0; i < 5; ++i)
      batch.Put(Doc("{\"id\":\"" + n + "-" + std::to_string(i) + "\",\"v\":1}"));
    batch.Put(Doc("{\"id\":\"" + n + "-2\",\"v\":2}"));  // changes what it made
    batch.Put(Doc("{\"id\":\"" + n + "-5\",\"v\":1}"));
    batch.Delete(n + "-0");
    batch.Put(Doc("{\"id\":\"" + n + "-0\",\"v\":3}"));  // again
    for (int i = 6; i < 9; ++i)
      batch.Put(Doc("{\"id\":\"" + n + "-" + std::to_string(i) + "\",\"v\":1}"));
    write(batch);
    // A batch that fails leaves nothing, also of its creations.
    batch.ops.push_back({WriteKind::kMerge, "missing", Doc("{}"), Presence::kMustExist, {}});
    batch.ops[0].document = Doc(R"({"id":"never"})");
    EXPECT_FALSE(store->Write(Ctx(), batch).ok());
  }
  for (const bool reopened : {false, true}) {
    if (reopened) {
      store.reset();
      store = Open();
    }
    for (uint64_t from = 1; from <= expected.size(); ++from) {
      for (const size_t most : {1, 2, 3, 7, 100}) {
        SubscribeRequest request;
        request.from = from;
        request.max_changes = most;
        const auto feed = store->Subscribe(Ctx(), request).value();
        std::vector<std::string> found;
        while (found.size() < expected.size() - from + 1) {
          const auto batch = feed->Next(Ctx());
          ASSERT_TRUE(batch.ok()) << Describe(batch.status());
          ASSERT_FALSE(batch->gap);
          ASSERT_LE(batch->changes.size(), most);
          for (const Change& c : batch->changes) {
            found.push_back(std::to_string(c.sequence) +
                            (c.kind == ChangeKind::kCreate   ? "+"
                             : c.kind == ChangeKind::kDelete ? "-"
                                                             : "~") +
                            c.id + c.origin);
            EXPECT_EQ(static_cast<bool>(c.after), c.kind != ChangeKind::kDelete);
            EXPECT_EQ(static_cast<bool>(c.before), c.kind != ChangeKind::kCreate);
          }
          EXPECT_EQ(batch->resume_from, from + found.size());
        }
        EXPECT_EQ(found,
                  std::vector<std::string>(expected.begin() + static_cast<std::ptrdiff_t>(from - 1),
                                           expected.end()))
            << from << " " << most;
      }
    }
    EXPECT_EQ(store->Write(Ctx(), WriteBatch().Put(Doc(R"({"id":"last"})")))->outcomes[0].revision,
              expected.size() + 1);
    expected.push_back(std::to_string(expected.size() + 1) + (reopened ? "~" : "+") + "last");
  }
}

// Ids beyond the last one are not looked for: whatever that was, and however it came or went.
TEST_F(RocksdbStoreTest, TheLastIdIsKnown) {
  auto store = Open();
  const auto created = [&](const std::string& id) {
    const auto r = Put(*store, Ctx(), Doc("{\"id\":\"" + id + "\"}"));
    EXPECT_TRUE(r.ok()) << Describe(r.status());
    return r.ok() && r->created;
  };
  EXPECT_TRUE(created("m"));
  EXPECT_FALSE(created("m"));
  EXPECT_TRUE(created("b"));
  WriteBatch twice;
  twice.Put(Doc(R"({"id":"x","n":1})")).Put(Doc(R"({"id":"x","n":2})")).Delete("x");
  const auto r = store->Write(Ctx(), twice);
  ASSERT_TRUE(r.ok()) << Describe(r.status());
  EXPECT_TRUE(r->outcomes[0].created);
  EXPECT_FALSE(r->outcomes[1].created);
  EXPECT_TRUE(r->outcomes[2].deleted);
  EXPECT_TRUE(created("x"));
  {
    auto t = *store->Begin(Ctx(), {});
    ASSERT_TRUE(Put(*t, Ctx(), Doc(R"({"id":"z"})")).ok());
    ASSERT_TRUE(t->Commit(Ctx()).ok());
  }
  EXPECT_FALSE(created("z"));
  for (const bool compacted : {false, true}) {
    store.reset();
    std::string file;
    if (compacted) CompactRaw(&file);
    store = Open();
    EXPECT_EQ(Create(*store, Ctx(), Doc(R"({"id":"z"})")).status().code(),
              StatusCode::kAlreadyExists);
    EXPECT_FALSE(created("b"));
  }
  ASSERT_TRUE(Delete(*store, Ctx(), "z").ok());
  store.reset();
  store = Open();
  EXPECT_TRUE(created("z"));
  EXPECT_FALSE(created("x"));
}

TEST_F(RocksdbStoreTest, SaysWhatCannotBeOpened) {
  options_.create = false;
  EXPECT_EQ(OpenRocksdbStore(options_).status().code(), StatusCode::kNotFound);
  options_.create = true;
  std::ofstream(options_.path) << "a file";
  EXPECT_EQ(OpenRocksdbStore(options_).status().code(), StatusCode::kInvalidArgument);
  options_.path += "/below";
  EXPECT_EQ(OpenRocksdbStore(options_).status().code(), StatusCode::kUnavailable);
  options_.path = options_.path.substr(0, options_.path.size() - 6);
}

TEST_F(RocksdbStoreTest, ABackupIsAStore) {
  auto store = Open();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Put(*store, Ctx(), Doc("{\"id\":\"" + std::to_string(i) + "\"}")).ok());
  }
  RocksdbOptions copy = options_;
  copy.path += ".backup";
  std::filesystem::remove_all(copy.path);
  ASSERT_TRUE(BackupRocksdb(*store, copy.path).ok());
  ASSERT_TRUE(Put(*store, Ctx(), Doc(R"({"id":"later"})")).ok());
  {
    const auto opened = OpenRocksdbStore(copy);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(*Count(**opened, Ctx()), 100u);
  }
  EXPECT_FALSE(BackupRocksdb(*store, copy.path).ok());
  std::filesystem::remove_all(copy.path);
}

TEST_F(RocksdbStoreTest, TheChangeLogIsBoundedAndSaysSo) {
  options_.change_log_entries = 16;
  auto store = Open();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Put(*store, Ctx(), Doc("{\"id\":\"a\",\"i\":" + std::to_string(i) + "}")).ok());
  }
  for (const bool reopened : {false, true}) {
    if (reopened) {
      store.reset();
      store = Open();
    }
    SubscribeRequest request;
    request.from = 1;
    auto s = store->Subscribe(Ctx(), request);
    ASSERT_TRUE(s.ok());
    const auto gap = (*s)->Next(Ctx().WithTimeout(std::chrono::seconds(10)));
    ASSERT_TRUE(gap.ok()) << gap.status();
    EXPECT_TRUE(gap->gap);
    EXPECT_GT(gap->resume_from, 80u);
    const auto rest = (*s)->Next(Ctx().WithTimeout(std::chrono::seconds(10)));
    ASSERT_TRUE(rest.ok()) << rest.status();
    EXPECT_FALSE(rest->gap);
    EXPECT_EQ(rest->changes.front().sequence, gap->resume_from);
    EXPECT_EQ(rest->changes.back().after.text(), R"({"id":"a","i":99})");
  }
}

TEST_F(RocksdbStoreTest, AnEmptyBatchAsksForASync) {
  const auto store = Open();
  WriteBatch sync;
  sync.durability = WriteDurability::kSync;
  EXPECT_TRUE(store->Write(Ctx(), sync).ok());
}

}  // namespace
}  // namespace strata
