// How a full-text index follows its data, and comes back from what may happen to it.
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <future>
#include <memory>
#include <thread>

#include "tests/wrappers/stack.h"
#include "wrappers/fulltext/fulltext_store.h"
#include "wrappers/fulltext/text_follower.h"
#include "wrappers/fulltext/text_index.h"

namespace strata::testing {
namespace {

const Context& ctx() { return Context::Background(); }

constexpr char kOnDisk[] = R"("d":{"type":"rocksdb","path":"d","durability":"async"},
    "s":[{"type":"fulltext","path":"text","fields":{"t":{}},"commit_after":"1h"},"d"])";

TEST(FulltextIndex, CatchesUpWithWhatHappenedMeanwhile) {
  Stack stack(kOnDisk);
  const auto count = [&](std::string_view word) {
    return Rows(Collect(stack.s(), ctx(), "fulltext(" + std::string(word) + ")&count()"));
  };
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(
        Put(stack.s(), ctx(), Doc("{\"id\":\"k" + std::to_string(i) + "\",\"t\":\"one\"}")).ok());
  EXPECT_EQ(count("one"), "100");
  // Around the stage: what is written there is only in the base.
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(
        Put(stack["d"], ctx(), Doc("{\"id\":\"k" + std::to_string(i) + "\",\"t\":\"two\"}")).ok());
  ASSERT_TRUE(Delete(stack["d"], ctx(), "k99").ok());
  stack.Reopen();
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"z","t":"three"})")).ok());
  EXPECT_EQ(count("two"), "50");
  EXPECT_EQ(count("one"), "49");
  EXPECT_EQ(stack.Figure("builds"), 0);
}

// Where no feed reaches back, as over an aggregate, which begins a new one each time.
TEST(FulltextIndex, IsComparedWithTheDataWhenTheFeedDoesNotReachBack) {
  Stack stack(R"("d":{"type":"rocksdb","path":"d","durability":"async"},
      "e":{"type":"rocksdb","path":"e","durability":"async"},
      "s":[{"type":"fulltext","path":"text","fields":{"t":{}},"terms":["n"]},
           {"type":"aggregate","properties":["*",["t"]],"journal":"j","inners":["d","e"]}])");
  const auto ids = [&](const std::string& condition) {
    return Rows(Collect(stack.s(), ctx(), condition + "&values(id)"));
  };
  for (int i = 0; i < 500; ++i) {
    const std::string n = std::to_string(i);
    ASSERT_TRUE(
        Put(stack.s(), ctx(), Doc("{\"id\":\"k" + n + "\",\"t\":\"one\",\"n\":" + n + "}")).ok());
  }
  EXPECT_EQ(ids("fulltext(one)&n=7"), "\"k7\"");
  stack.Reopen();
  EXPECT_EQ(ids("fulltext(one)&n=7"), "\"k7\"");
  EXPECT_EQ(stack.Figure("builds"), 0);
  EXPECT_EQ(stack.Figure("comparisons"), 1);
  EXPECT_EQ(stack.Figure("built"), 0);
  // Written around both stages, into a part that has no say in revisions: nobody was told.
  ASSERT_TRUE(Put(stack["e"], ctx(), Doc(R"({"id":"k1","t":"two"})")).ok());
  ASSERT_TRUE(Put(stack["d"], ctx(), Doc(R"({"id":"k2","n":"new"})")).ok());
  ASSERT_TRUE(Put(stack["d"], ctx(), Doc(R"({"id":"new","n":1})")).ok());
  ASSERT_TRUE(Put(stack["e"], ctx(), Doc(R"({"id":"new","t":"two"})")).ok());
  ASSERT_TRUE(Delete(stack["d"], ctx(), "k3").ok());
  stack.Reopen();
  EXPECT_EQ(ids("fulltext(two)"), R"("k1" "new")");
  EXPECT_EQ(ids("fulltext(one)&n=new"), "\"k2\"");
  EXPECT_EQ(ids("fulltext(one)&n=3"), "");
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "fulltext(one)&count()")), "498");
  EXPECT_EQ(stack.Figure("builds"), 0);
  EXPECT_EQ(stack.Figure("built"), 3);
  EXPECT_EQ(stack.Figure("documents"), 500);
  auto* admin = dynamic_cast<FulltextAdmin*>(stack.pipeline().FindStage("s").get());
  EXPECT_TRUE(admin->Check(ctx()).ok());
}

TEST(FulltextIndex, IsComparedWithTheDataAfterAGap) {
  Stack stack(R"("d":{"type":"memory","change_log_entries":20},
      "s":[{"type":"fulltext","path":"text","fields":{"t":{}}},"d"])");
  std::vector<Document> documents;
  for (int round = 0; round < 20; ++round) {
    documents.clear();
    // The log holds twenty of them, so the index is overtaken.
    for (int i = 0; i < 1000; ++i) {
      documents.push_back(Doc("{\"id\":\"k" + std::to_string(i) + "\",\"t\":\"word r" +
                              std::to_string(i % 2 == 0 ? round : 0) + "\"}"));
    }
    ASSERT_TRUE(Load(stack.s(), ctx(), documents).ok());
    const std::string hits = "fulltext(r" + std::to_string(round) + ")&count()";
    EXPECT_EQ(Rows(Collect(stack.s(), ctx(), hits)), round == 0 ? "1000" : "500");
  }
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "fulltext(r18)&count()")), "0");
  EXPECT_GT(stack.Figure("comparisons"), 0);
  EXPECT_EQ(stack.Figure("builds"), 1);
}

TEST(FulltextIndex, ADamagedOlderOrForeignIndexIsBuiltAnew) {
  Stack stack(kOnDisk);
  const auto hits = [&] { return Rows(Collect(stack.s(), ctx(), "fulltext(one)&count()")); };
  for (int i = 0; i < 300; ++i)
    ASSERT_TRUE(
        Put(stack.s(), ctx(), Doc("{\"id\":" + std::to_string(i) + ",\"t\":\"one\"}")).ok());
  EXPECT_EQ(hits(), "300");
  stack.Close();
  // Damage: the version file, which every opening reads.
  for (const auto& entry : std::filesystem::recursive_directory_iterator(stack.folder() / "text")) {
    if (entry.path().filename() == "iamglass")
      std::ofstream(entry.path(), std::ios::binary) << "not an index";
  }
  stack.Open();
  EXPECT_EQ(hits(), "300");
  EXPECT_EQ(stack.Figure("builds"), 1);
  // The data are gone, the index is not: it is ahead.
  stack.Close();
  std::filesystem::remove_all(stack.folder() / "d");
  stack.Open();
  EXPECT_EQ(hits(), "0");
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc("{\"id\":1,\"t\":\"one\"}")).ok());
  EXPECT_EQ(hits(), "1");
}

// Writes over parts of each of the index' lists of postings.
void Damage(const Stack& stack, size_t offset, size_t length, char with) {
  constexpr size_t kBlock = 8192;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(stack.folder() / "text")) {
    if (entry.path().filename() != "postlist.glass") continue;
    const size_t size = std::filesystem::file_size(entry.path());
    std::fstream file(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
    for (size_t at = 0; at + kBlock <= size; at += kBlock) {
      file.seekp(static_cast<std::streamoff>(at + offset));
      file << std::string(length, with);
    }
  }
}

void PutNumbered(Stack& stack, int count) {
  std::vector<Document> documents;
  for (int i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    documents.push_back(
        Doc("{\"id\":\"k" + n + "\",\"t\":\"one n" + n + " m" + std::to_string(i % 300) + "\"}"));
  }
  ASSERT_TRUE(Load(stack.s(), ctx(), documents).ok());
}

TEST(FulltextIndex, BytesThatChangedWhileItWasClosedAreFoundAndItIsBuiltAnew) {
  Stack stack(kOnDisk);
  const auto hits = [&](std::string_view word) {
    return Rows(Collect(stack.s(), ctx(), "fulltext(" + std::string(word) + ")&count()"));
  };
  PutNumbered(stack, 3000);
  EXPECT_EQ(hits("one"), "3000");
  stack.Reopen();
  EXPECT_EQ(hits("m7"), "10");
  EXPECT_EQ(stack.Figure("builds"), 0);
  stack.Close();
  Damage(stack, 4000, 200, '\0');
  stack.Open();
  for (int i = 0; i < 300; ++i) EXPECT_EQ(hits("m" + std::to_string(i)), "10") << i;
  EXPECT_EQ(stack.Figure("builds"), 1);
  // As after a crash, when nothing says what the bytes should be.
  stack.Close();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(stack.folder() / "text")) {
    if (entry.path().filename() == "strata.seal") std::filesystem::remove(entry.path());
  }
  stack.Open();
  EXPECT_EQ(hits("m7"), "10");
  EXPECT_EQ(stack.Figure("builds"), 0);
  stack.Close();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(stack.folder() / "text")) {
    if (entry.path().filename() == "strata.seal") std::filesystem::remove(entry.path());
  }
  Damage(stack, 20, 4000, '\xFF');
  stack.Open();
  EXPECT_EQ(hits("m7"), "10");
  EXPECT_EQ(stack.Figure("builds"), 1);
}

TEST(FulltextIndex, DamageThatASearchMeetsFailsItAndBuildsTheIndexAnew) {
  Stack stack(kOnDisk);
  const auto hits = [&](std::string_view word) {
    return Rows(Collect(stack.s(), ctx(), "fulltext(" + std::string(word) + ")&count()"));
  };
  PutNumbered(stack, 3000);
  EXPECT_EQ(hits("m7"), "10");
  Damage(stack, 0, 8192, '\0');
  // A block that was read before may be kept.
  const std::string met = hits("n1500");
  EXPECT_EQ(met.substr(0, 9), "DATA_LOSS") << met;
  EXPECT_EQ(hits("m7"), "10");
  EXPECT_EQ(hits("n1500"), "1");
  EXPECT_EQ(stack.Figure("builds"), 2);
}

TEST(FulltextIndex, WhatAFailedCommitHeldIsIndexedAgain) {
  // In memory, so that only the index meets the limit.
  Stack stack(R"("s":[{"type":"fulltext","path":"text","fields":{"t":{}},"commit_after":"1h",
                       "max_wait":"2s"},"memory:"])");
  const auto hits = [&] { return Rows(Collect(stack.s(), ctx(), "fulltext(one)&count()")); };
  PutNumbered(stack, 1000);
  EXPECT_TRUE(Eventually([&] { return hits() == "1000"; })) << hits();
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(
        Put(stack.s(), ctx(), Doc("{\"id\":\"f" + std::to_string(i) + "\",\"t\":\"one\"}")).ok());
  ASSERT_TRUE(Delete(stack.s(), ctx(), "k1").ok());
  Eventually([&] { return stack.Figure("uncommitted") >= 101; }, "they are put into the index");
  // No file of this process may grow: a full disk, but for the error's name.
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit none = {0, limit.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  const std::string first = hits(), second = hits();
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(first.substr(0, 11), "UNAVAILABLE") << first;
  EXPECT_EQ(second.substr(0, 11), "UNAVAILABLE") << second;
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"z","t":"one"})")).ok());
  EXPECT_TRUE(Eventually([&] { return hits() == "1100"; })) << hits();
  EXPECT_EQ(stack.Figure("builds"), 1);
  auto* admin = dynamic_cast<FulltextAdmin*>(stack.pipeline().FindStage("s").get());
  EXPECT_TRUE(admin->Check(ctx()).ok()) << admin->Check(ctx());
}

TEST(FulltextIndex, ACheckComparesContents) {
  Stack stack(kOnDisk);
  PutNumbered(stack, 500);
  const auto check = [&] {
    auto* admin = dynamic_cast<FulltextAdmin*>(stack.pipeline().FindStage("s").get());
    return Describe(admin->Check(ctx()));
  };
  EXPECT_EQ(check(), "OK: ");
  stack.Close();
  // As many documents as before, one of them another.
  fulltext::TextSchema schema;
  schema.fields.push_back({"t", fulltext::PathFrom("t"), 1, "english", true});
  const auto change = [&](const char* document, const char* remove) {
    auto index = fulltext::TextIndex::Open((stack.folder() / "text").string(), schema);
    ASSERT_TRUE(index.ok()) << index.status();
    ASSERT_TRUE((*index)->Verify(ctx()).ok());
    ASSERT_TRUE((*index)->Put(Doc(document)).ok());
    ASSERT_TRUE((*index)->Remove(remove).ok());
    ASSERT_TRUE((*index)->Commit(*(*index)->next(), std::nullopt).ok());
  };
  change(R"({"id":"k7","t":"one n7 m7 too"})", "none");
  stack.Open();
  EXPECT_EQ(
      check(),
      "DATA_LOSS: the full-text index does not hold the document \"k7\" as it is; rebuild it");
  stack.Close();
  change(R"({"id":"k7","t":"one n7 m7"})", "none");
  stack.Open();
  EXPECT_EQ(check(), "OK: ");
  stack.Close();
  change(R"({"id":"other","t":"one n7 m7"})", "k8");
  stack.Open();
  EXPECT_EQ(
      check(),
      "DATA_LOSS: the full-text index does not hold the document \"k8\" as it is; rebuild it");
}

TEST(FulltextIndex, IsBuiltWhileWritesGoOn) {
  Stack stack(kOnDisk);
  std::vector<Document> documents;
  for (int i = 0; i < 3000; ++i)
    documents.push_back(Doc("{\"id\":\"k" + std::to_string(i) + "\",\"t\":\"one\"}"));
  ASSERT_TRUE(Load(stack["d"], ctx(), documents).ok());
  auto* admin = dynamic_cast<FulltextAdmin*>(stack.pipeline().FindStage("s").get());
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      const std::string id = "k" + std::to_string(i % 4000);
      if (i % 3 == 0) {
        ASSERT_TRUE(Delete(stack.s(), ctx(), id).ok());
      } else {
        ASSERT_TRUE(Put(stack.s(), ctx(), Doc("{\"id\":\"" + id + "\",\"t\":\"one\"}")).ok());
      }
    }
  });
  // Half of them are there at any time, and no search meets an index without them.
  std::thread searcher([&] {
    while (!stop) {
      const auto rows = Collect(stack.s(), ctx(), "fulltext(one)&count()");
      ASSERT_TRUE(rows.ok()) << Describe(rows.status());
      ASSERT_GT(std::stoi(Rows(rows)), 1000);
    }
  });
  for (int n = 0; n < 3; ++n) {
    admin->Rebuild();
    EXPECT_TRUE(admin->WaitWhole(ctx()).ok());
  }
  stop = true;
  writer.join();
  searcher.join();
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "fulltext(one)&count()")),
            std::to_string(*Count(stack.s(), ctx())));
  EXPECT_TRUE(admin->Check(ctx()).ok()) << admin->Check(ctx());
}

// A search that takes long keeps the index from going on, and nobody else from anything.
TEST(FulltextIndex, NobodyHangsBehindALongSearch) {
  Stack stack(R"("d":"memory:","s":[{"type":"fulltext","path":"other","fields":{"t":{}}},"d"])");
  fulltext::TextSchema schema;
  schema.fields.push_back({"t", fulltext::PathFrom("t"), 1, "english", true});
  auto index = fulltext::TextIndex::Open((stack.folder() / "text").string(), schema);
  ASSERT_TRUE(index.ok()) << index.status();
  auto follower =
      std::make_unique<fulltext::TextFollower>(stack["d"], **index, fulltext::FollowOptions());
  const auto put = [&] {
    const auto w = Put(stack["d"], ctx(), Doc(R"({"id":"a","t":"one"})"));
    EXPECT_TRUE(w.ok()) << w.status();
    return w->revision;
  };
  ASSERT_TRUE(follower->WaitFor(ctx(), put()).ok());
  std::promise<void> reads, ends;
  std::thread search([&] {
    (void)(*index)->Check(ctx(), [&]() -> StatusOr<std::vector<Document>> {
      reads.set_value();
      ends.get_future().wait();
      return Aborted("that was all");
    });
  });
  reads.get_future().wait();
  EXPECT_TRUE(follower->WaitFor(ctx(), put()).ok());
  const uint64_t last = put();
  const Status late = follower->WaitFor(ctx().WithTimeout(std::chrono::milliseconds(100)), last);
  EXPECT_EQ(late.code(), StatusCode::kDeadlineExceeded) << late;
  EXPECT_TRUE(follower->State().whole);
  follower.reset();
  ends.set_value();
  search.join();
}

TEST(FulltextIndex, SaysHowFarBehindItIsInsteadOfWaitingForEver) {
  Stack stack(R"("s":[{"type":"fulltext","path":"text","fields":{"t":{}},"max_wait":"100ms"},
                      {"type":"fault","every":1,"operation":"subscribe"},"memory:"])");
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"a","t":"one"})")).ok());
  Status late;
  // The first time the feed may not have been asked for yet.
  EXPECT_TRUE(Eventually([&] {
    late = Collect(stack.s(), ctx(), "fulltext(one)").status();
    return Message(late).find("injected fault") != std::string_view::npos;
  })) << late;
  EXPECT_EQ(Code(late), "UNAVAILABLE");
  EXPECT_NE(Message(late).find("is being built"), std::string_view::npos) << late;
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "t=one&count()")), "1");
}

}  // namespace
}  // namespace strata::testing
