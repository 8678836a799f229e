// Indexes of a directory as they come and go between openings, and builds that are killed.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/indexes/index_fixture.h"
#include "tests/support/random_json.h"

namespace strata::testing {
namespace {

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

TEST_P(RocksdbIndexTest, WhatCannotBeReadBackIsRefused) {
  Open("[]");
  for (const char* paths : {"a,b,c,d,e,f,g,h,i", "a,a", "a,-a", "scan"}) {
    EXPECT_EQ(admin().CreateIndex(IndexFromPaths(paths).value(), IndexOrigin::kAdded).code(),
              StatusCode::kInvalidArgument)
        << paths;
  }
  Open("[]");
  EXPECT_TRUE(admin().Indexes().empty());
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
  // STRATA_INDEX_DOCUMENTS: as many as one has time for (10,000,000 take some minutes).
  const char* wished = std::getenv("STRATA_INDEX_DOCUMENTS");
  const int documents = wished != nullptr ? std::atoi(wished) : 3000 * kScale;
  const auto pace = static_cast<uint64_t>(std::max(1, documents / 30000));
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
    std::this_thread::sleep_for(std::chrono::microseconds((30000 + random() % 60000) * pace));
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
  for (const char* range : {"n=ge=0", "n=lt=17", "n=777"}) {
    const std::string counted = std::string(range) + "&count()";
    EXPECT_EQ(Counted(counted + "&using(n)"), Counted(counted + "&using(scan)")) << range;
    EXPECT_EQ(Counted(counted + "&using(-n%2Ct)"), Counted(counted + "&using(scan)")) << range;
  }
  for (const char* range : {"n=17", "n=lt=3"})
    EXPECT_EQ(Ids(std::string(range) + "&using(n)"), Ids(std::string(range) + "&using(scan)"));
  if (wished == nullptr) ExpectWhole("n", "n");
  for (const char* value : {"0", "1", "2", "5", "9"}) {
    EXPECT_EQ(Counted("contains(t," + std::string(value) + ")&count()&using(t)"),
              Counted("contains(t," + std::string(value) + ")&count()&using(scan)"));
  }
  if (wished != nullptr) return;  // the rest compares whole answers in memory
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
