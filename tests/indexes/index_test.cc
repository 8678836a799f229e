// Indexes as they come, go, are refused, and survive: uniqueness, online builds under writes and
// kills, drops, advice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "pipeline/all_stages.h"
#include "pipeline/pipeline.h"
#include "store/auto_index.h"
#include "store/index_admin.h"
#include "store/ops.h"
#include "tests/support/random_json.h"

namespace strata::testing {
namespace {

using ::testing::HasSubstr;

#ifdef STRATA_SANITIZED
constexpr int kScale = 1;
#else
constexpr int kScale = 10;
#endif

const Context& Ctx() { return Context::Background(); }

Document Doc(const std::string& text) { return Document::Parse(text).value(); }

class IndexTest : public ::testing::TestWithParam<std::string> {
 protected:
  IndexTest() {
    EXPECT_TRUE(RegisterAll(registry_).ok());
    const char* base = std::getenv("TEST_TMPDIR");
    folder_ = std::filesystem::path(base != nullptr ? base : "/tmp") /
              ("strata-" + std::to_string(std::random_device{}()));
    std::filesystem::create_directories(folder_);
  }
  ~IndexTest() override {
    Close();
    std::filesystem::remove_all(folder_);
  }

  void Close() {
    store_.reset();
    pipeline_.reset();
  }

  void Open(const std::string& indexes, const std::string& more = "") {
    Close();
    const std::string base =
        GetParam() == "memory"
            ? R"({"type":"memory")"
            : R"({"type":"rocksdb","path":"data","write_buffer":"4MiB","durability":"async")";
    auto p = Pipeline::FromText(
        R"({"stores":{"s":)" + base + more + R"(,"indexes":)" + indexes + R"(}},"serve":["s"]})",
        folder_.string(), registry_);
    ASSERT_TRUE(p.ok()) << Describe(p.status());
    pipeline_ = *std::move(p);
    store_ = pipeline_->Find("s");
  }

  IndexAdmin& admin() { return dynamic_cast<IndexAdmin&>(*pipeline_->FindBase("s")); }

  std::string Ids(const std::string& rql) {
    const auto rows = Collect(*store_, Ctx(), rql);
    if (!rows.ok()) return std::string(Message(rows.status()));
    std::string out;
    for (const Document& d : *rows) out += (out.empty() ? "" : " ") + StoredId(d);
    return out;
  }

  uint64_t Counted(const std::string& rql) {
    const auto rows = Collect(*store_, Ctx(), rql);
    EXPECT_TRUE(rows.ok()) << Describe(rows.status());
    return rows.ok() ? static_cast<uint64_t>((*rows)[0].root().number().int_value()) : ~0ull;
  }

  // Whether the index holds exactly what a scan finds.
  void ExpectWhole(const std::string& index, const std::string& path) {
    EXPECT_EQ(Ids("exists(" + path + ")&sort(" + path + ")&using(" + index + ")"),
              Ids("exists(" + path + ")&sort(" + path + ")&using(scan)"));
    EXPECT_EQ(Counted("exists(" + path + ")&count()&using(" + index + ")"),
              Counted("exists(" + path + ")&count()&using(scan)"));
  }

  std::string StateOf(const std::string& name) {
    for (const IndexReport& r : admin().Indexes()) {
      if (r.spec.name == name) return std::string(IndexStateName(r.state));
    }
    return "none";
  }

  StageRegistry registry_;
  std::filesystem::path folder_;
  std::unique_ptr<Pipeline> pipeline_;
  std::shared_ptr<Store> store_;
};

TEST_P(IndexTest, AUniqueIndexNamesItselfTheValueAndTheOther) {
  Open(R"([{"path":["name","year"],"unique":true}])");
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"a","name":"x","year":1})")).ok());
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"b","name":"x","year":2})")).ok());
  // What is missing binds nobody.
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"c","name":"x"})")).ok());
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"d","name":"x"})")).ok());
  const auto again = Put(*store_, Ctx(), Doc(R"({"id":"e","name":"x","year":1.0})"));
  EXPECT_EQ(again.status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Message(again.status()),
            "the index \"name,year\" is unique and has name \"x\", year 1.0 already, of the "
            "document \"a\"");
  // The same document may be written again, and the value is free when it has gone.
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"a","name":"x","year":1,"more":true})")).ok());
  ASSERT_TRUE(Delete(*store_, Ctx(), "a").ok());
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"e","name":"x","year":1})")).ok());
  EXPECT_EQ(Ids("name=x&year=1&using(name,year)"),
            "using: there is no index \"name\" (there are: "
            "scan name,year)");
  EXPECT_EQ(Ids("name=x&year=1"), "e");
}

TEST_P(IndexTest, ABatchIsJudgedByWhatItMakesInTheEnd) {
  Open(R"([{"path":"n","unique":true}])");
  WriteBatch first;
  first.Put(Doc(R"({"id":"a","n":1})")).Put(Doc(R"({"id":"b","n":2})"));
  ASSERT_TRUE(store_->Write(Ctx(), first).ok());
  WriteBatch swap;
  swap.Put(Doc(R"({"id":"a","n":2})")).Put(Doc(R"({"id":"b","n":1})"));
  ASSERT_TRUE(store_->Write(Ctx(), swap).ok());
  EXPECT_EQ(Ids("sort(n)"), "b a");
  // One that fails leaves nothing, neither data nor index entries.
  WriteBatch bad;
  bad.Put(Doc(R"({"id":"c","n":3})")).Put(Doc(R"({"id":"d","n":1})"));
  const auto written = store_->Write(Ctx(), bad);
  EXPECT_EQ(written.status().code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(Message(written.status())), HasSubstr("operation 1 of the batch"));
  EXPECT_EQ(Ids("sort(n)&using(n)"), "b a");
  WriteBatch twice;
  twice.Put(Doc(R"({"id":"e","n":9})")).Put(Doc(R"({"id":"f","n":9})"));
  EXPECT_EQ(store_->Write(Ctx(), twice).status().code(), StatusCode::kAlreadyExists);
  // In a transaction, at the commit.
  auto t = store_->Begin(Ctx(), {});
  ASSERT_TRUE(t.ok());
  ASSERT_TRUE(Put(**t, Ctx(), Doc(R"({"id":"g","n":1})")).ok());
  EXPECT_EQ((*t)->Commit(Ctx()).status().code(), StatusCode::kAlreadyExists);
  ExpectWhole("n", "n");
}

TEST_P(IndexTest, OneOfManyWritersGetsAUniqueValue) {
  Open(R"([{"path":"n","unique":true}])");
  std::atomic<int> won{0};
  std::atomic<int> lost{0};
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < 100 * kScale; ++i) {
        const auto s = Create(*store_, Ctx(),
                              Doc("{\"id\":\"" + std::to_string(w) + "-" + std::to_string(i) +
                                  "\",\"n\":" + std::to_string(i) + "}"));
        if (s.ok()) {
          ++won;
        } else if (s.status().code() == StatusCode::kAlreadyExists) {
          ++lost;
        }
      }
    });
  }
  for (std::thread& w : writers) w.join();
  EXPECT_EQ(won, 100 * kScale);
  EXPECT_EQ(lost, 300 * kScale);
  EXPECT_EQ(Counted("count()"), static_cast<uint64_t>(100 * kScale));
  ExpectWhole("n", "n");
}

TEST_P(IndexTest, ATextTooLongToBeIndexedIsRefusedWithTheIndex) {
  Open(R"([{"path":"s"}])");
  const auto s =
      Put(*store_, Ctx(), Doc("{\"id\":\"a\",\"s\":\"" + std::string(20000, 'x') + "\"}"));
  EXPECT_EQ(s.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(s.status())), HasSubstr("the index \"s\" would hold a key of"));
  EXPECT_EQ(Counted("count()"), 0u);
}

TEST_P(IndexTest, AnIndexIsBuiltAndDroppedWhileOthersReadAndWrite) {
  Open("[]");
  WriteBatch batch;
  for (int i = 0; i < 500 * kScale; ++i) {
    batch.Put(Doc("{\"id\":\"" + std::to_string(i) + "\",\"n\":" + std::to_string(i % 97) + "}"));
  }
  ASSERT_TRUE(store_->Write(Ctx(), batch).ok());
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0};
  std::vector<std::thread> clients;
  for (int w = 0; w < 2; ++w) {
    clients.emplace_back([&, w] {
      std::mt19937 random(static_cast<unsigned>(w));
      while (!stop) {
        const std::string id = std::to_string(random() % (500 * kScale));
        const auto s =
            random() % 5 == 0
                ? Delete(*store_, Ctx(), id).status()
                : Put(*store_, Ctx(),
                      Doc("{\"id\":\"" + id + "\",\"n\":" + std::to_string(random() % 97) + "}"))
                      .status();
        if (!s.ok()) ++failures;
      }
    });
  }
  clients.emplace_back([&] {
    for (int i = 0; !stop; ++i) {
      const auto rows = Collect(*store_, Ctx(), "n=" + std::to_string(i % 97) + "&sort(-n)");
      if (!rows.ok() && rows.status().code() != StatusCode::kAborted) ++failures;
      if (!rows.ok()) continue;
      for (const Document& d : *rows) {
        if (d.Find("n").text() != std::to_string(i % 97)) ++failures;
      }
    }
  });
  for (int round = 0; round < 3; ++round) {
    const IndexSpec spec = IndexFromPaths("n").value();
    ASSERT_TRUE(admin().CreateIndex(spec, IndexOrigin::kAdded).ok());
    EXPECT_EQ(admin().CreateIndex(spec, IndexOrigin::kAdded).code(), StatusCode::kAlreadyExists);
    ASSERT_TRUE(admin().WaitForIndexes(Ctx()).ok());
    std::this_thread::yield();
    if (round == 2) break;
    ASSERT_TRUE(admin().DropIndex("n").ok());
    EXPECT_EQ(admin().DropIndex("n").code(), StatusCode::kNotFound);
    ASSERT_TRUE(admin().WaitForIndexes(Ctx()).ok());
  }
  stop = true;
  for (std::thread& c : clients) c.join();
  EXPECT_EQ(failures, 0);
  ExpectWhole("n", "n");
}

TEST_P(IndexTest, AdviceComesFromWhatQueriesDid) {
  Open("[]", R"(,"auto_index":"dry_run")");
  WriteBatch batch;
  for (int i = 0; i < 400; ++i) {
    batch.Put(Doc("{\"id\":\"" + std::to_string(i) + "\",\"a\":" + std::to_string(i % 40) +
                  ",\"b\":" + std::to_string(i) + ",\"t\":[\"x" + std::to_string(i % 4) + "\"]}"));
  }
  ASSERT_TRUE(store_->Write(Ctx(), batch).ok());
  const auto proposals = [&] {
    std::string out;
    for (const auto& p : ProposeIndexes(admin().Indexes(), admin().queries().Candidates(), 400.0))
      out += p.spec.name + " ";
    return out;
  };
  EXPECT_EQ(proposals(), "");
  for (int i = 0; i < 20; ++i) {
    Ids("a=" + std::to_string(i) + "&sort(-b)&limit(3)");
    Ids("contains(t,x" + std::to_string(i % 4) + ")");
    Ids("sort(b)");  // looks at what it gives: an index would save nothing
  }
  EXPECT_EQ(proposals(), "a,-b t[] ");
  AutoIndexer dry(&admin(), AutoIndex::kDryRun, 1);
  EXPECT_EQ(dry.Round(400), "would build a,-b");
  AutoIndexer indexer(&admin(), AutoIndex::kOn, 1);
  EXPECT_EQ(indexer.Round(400), "builds a,-b");
  ASSERT_TRUE(admin().WaitForIndexes(Ctx()).ok());
  EXPECT_THAT(
      ExplainText(
          (*PrepareComplete(*store_, Ctx(), *Query::Parse("a=1&sort(-b)&limit(3)")))->Explain()),
      HasSubstr("index a,-b"));
  // It is not dropped for another while it serves queries …
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(indexer.Round(400), "");
    Ids("a=" + std::to_string(round) + "&sort(-b)&limit(3)");
  }
  // … but when it has served none for a while.
  EXPECT_EQ(indexer.Round(400), "");
  EXPECT_EQ(indexer.Round(400), "");
  EXPECT_EQ(indexer.Round(400), "");
  EXPECT_EQ(indexer.Round(400), "dropped a,-b");
  EXPECT_EQ(indexer.Round(400), "builds t[]");
}

TEST_P(IndexTest, StatisticsTellRareValuesFromFrequentOnes) {
  Open(R"([{"path":"a"},{"path":["a","b"]}])");
  WriteBatch batch;
  for (int i = 0; i < 20000; ++i) {
    // One value has half of the documents, the others share the rest.
    const int a = i % 2 == 0 ? 0 : 1 + i % 4000;
    batch.Put(Doc("{\"id\":\"" + std::to_string(i) + "\",\"a\":" + std::to_string(a) +
                  ",\"b\":" + std::to_string(i % 10) + "}"));
  }
  ASSERT_TRUE(store_->Write(Ctx(), batch).ok());
  for (const bool again : {false, true}) {
    if (again) {
      ASSERT_TRUE(admin().Analyze(Ctx()).ok());
    }
    const auto estimate = [&](const std::string& rql) {
      return *(*PrepareComplete(*store_, Ctx(), *Query::Parse(rql)))->Explain().estimated_rows;
    };
    EXPECT_NEAR(estimate("a=0&using(a)"), 10000, 1500);
    EXPECT_LT(estimate("a=2&using(a)"), 60);
    EXPECT_NEAR(estimate("a=gt=2000&using(a)"), 5000, 1200);
    EXPECT_LT(estimate("a=gt=3999&using(a)"), 100);
    for (const IndexReport& r : admin().Indexes()) {
      EXPECT_EQ(r.stats->entries(), 20000u);
      EXPECT_NEAR(r.stats->Distinct(1), 2001, 400);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Bases, IndexTest, ::testing::Values("memory", "rocksdb"),
                         [](const auto& info) { return info.param; });

class RocksdbIndexTest : public IndexTest {};

TEST_P(RocksdbIndexTest, WhatIsDeclaredIsBuiltAndWhatIsNotGoes) {
  Open("[]");
  WriteBatch batch;
  for (int i = 0; i < 3000; ++i)
    batch.Put(Doc("{\"id\":\"" + std::to_string(i) + "\",\"n\":" + std::to_string(i % 7) + "}"));
  ASSERT_TRUE(store_->Write(Ctx(), batch).ok());
  Open(R"([{"path":"n"}])");
  ASSERT_TRUE(admin().WaitForIndexes(Ctx()).ok());
  EXPECT_EQ(StateOf("n"), "ready");
  ExpectWhole("n", "n");
  EXPECT_EQ(Message(admin().DropIndex("n")),
            "the index \"n\" is declared in the configuration; take it out there, and it goes when "
            "the store is opened again");
  // The same name with another meaning is another index.
  Open(R"([{"path":"-n","name":"n"}])");
  ASSERT_TRUE(admin().WaitForIndexes(Ctx()).ok());
  EXPECT_EQ(admin().Indexes().size(), 1u);
  ExpectWhole("n", "n");
  Open("[]");
  ASSERT_TRUE(admin().WaitForIndexes(Ctx()).ok());
  EXPECT_TRUE(admin().Indexes().empty());
  // Statistics come back with the store.
  ASSERT_TRUE(admin().CreateIndex(IndexFromPaths("n").value(), IndexOrigin::kAdded).ok());
  ASSERT_TRUE(admin().WaitForIndexes(Ctx()).ok());
  Open("[]");
  EXPECT_EQ(StateOf("n"), "ready");
  EXPECT_EQ(admin().Indexes()[0].stats->entries(), 3000u);
}

TEST_P(RocksdbIndexTest, AUniqueIndexOverEqualValuesFailsAndSaysWhich) {
  Open("[]");
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"a","n":1})")).ok());
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"b","n":1})")).ok());
  Open(R"([{"path":"n","unique":true}])");
  ASSERT_TRUE(admin().WaitForIndexes(Ctx()).ok());
  ASSERT_EQ(StateOf("n"), "failed");
  EXPECT_EQ(admin().Indexes()[0].message,
            "the document \"b\": the index \"n\" is unique and has n 1 already, of the document "
            "\"a\"");
  EXPECT_EQ(Ids("n=1"), "a b");
  // Mended, it is built at the next opening.
  ASSERT_TRUE(Delete(*store_, Ctx(), "b").ok());
  Open(R"([{"path":"n","unique":true}])");
  ASSERT_TRUE(admin().WaitForIndexes(Ctx()).ok());
  EXPECT_EQ(StateOf("n"), "ready");
  ExpectWhole("n", "n");
}

TEST_P(RocksdbIndexTest, ABuildUnderWritesSurvivesBeingKilled) {
  const uint64_t seed = PrintedSeed();
  std::mt19937_64 random(seed);
  const int documents = 3000 * kScale;
  Open("[]");
  for (int at = 0; at < documents;) {
    WriteBatch batch;
    for (int i = 0; i < 500; ++i, ++at) {
      batch.Put(Doc("{\"id\":\"" + std::to_string(at) +
                    "\",\"n\":" + std::to_string(random() % 1000) + ",\"t\":[" +
                    std::to_string(at % 3) + ",9]}"));
    }
    ASSERT_TRUE(store_->Write(Ctx(), batch).ok());
  }
  Close();
  const std::string indexes = R"([{"path":"n"},{"path":["-n","t"]},{"path":"t","multi":true}])";
  int unfinished = 0;
  for (int kill_round = 0; kill_round < 5; ++kill_round) {
    const uint64_t child_seed = random();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Open(indexes);
      if (store_ == nullptr) ::_exit(3);
      std::mt19937_64 r(child_seed);
      for (;;) {
        const std::string id = std::to_string(r() % static_cast<uint64_t>(documents));
        const auto s = r() % 4 == 0
                           ? Delete(*store_, Ctx(), id).status()
                           : Put(*store_, Ctx(),
                                 Doc("{\"id\":\"" + id + "\",\"n\":" + std::to_string(r() % 1000) +
                                     ",\"t\":[5]}"))
                                 .status();
        if (!s.ok()) ::_exit(4);
      }
    }
    ::usleep(static_cast<useconds_t>(30000 + random() % 60000));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << WEXITSTATUS(status);
    Open(indexes);
    for (const IndexReport& r : admin().Indexes()) unfinished += r.state == IndexState::kBuilding;
    Close();
  }
  std::printf("%d builds were found unfinished\n", unfinished);
  Open(indexes);
  ASSERT_TRUE(admin().WaitForIndexes(Ctx()).ok());
  for (const char* name : {"n", "-n,t", "t"}) EXPECT_EQ(StateOf(name), "ready") << name;
  ExpectWhole("n", "n");
  for (const char* value : {"0", "1", "2", "5", "9"}) {
    EXPECT_EQ(Ids("contains(t," + std::string(value) + ")&using(t)"),
              Ids("contains(t," + std::string(value) + ")&using(scan)"));
  }
  const auto compound = Node::Call(Op::kUsing, {Node::Str("-n,t")});
  const Query sorted = Query::Parse("sort(-n,t)").value();
  const auto by_index = Collect(*store_, Ctx(), sorted.Then(compound));
  const auto by_scan = Collect(*store_, Ctx(), sorted);
  ASSERT_TRUE(by_index.ok() && by_scan.ok());
  ASSERT_EQ(by_index->size(), by_scan->size());
  for (size_t i = 0; i < by_scan->size(); ++i)
    ASSERT_EQ((*by_index)[i].text(), (*by_scan)[i].text()) << i;
}

INSTANTIATE_TEST_SUITE_P(Bases, RocksdbIndexTest, ::testing::Values("rocksdb"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace strata::testing
