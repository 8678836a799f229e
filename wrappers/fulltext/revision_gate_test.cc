#include "wrappers/fulltext/revision_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "wrappers/fulltext/text_index.h"

namespace strata::fulltext {
namespace {

const Context& ctx() { return Context::Background(); }

bool Waits(RevisionGate& gate) {
  const Status s =
      gate.AwaitReaders(Context::Background().WithTimeout(std::chrono::milliseconds(20)));
  return s.code() == StatusCode::kDeadlineExceeded;
}

TEST(RevisionGate, WhoWritesWaitsForThoseWhoReadOlderRevisions) {
  RevisionGate gate;
  gate.Committed(5);
  std::optional<RevisionGate::Pass> old(gate.Enter(5));
  EXPECT_EQ(old->revision(), 5u);
  // What is written now becomes 6, and 5 stays.
  EXPECT_FALSE(Waits(gate));
  gate.Committed(6);
  const RevisionGate::Pass current = gate.EnterNewest();
  EXPECT_EQ(current.revision(), 6u);
  std::optional<RevisionGate::Pass> another(gate.Enter(5));
  EXPECT_EQ(another->revision(), 5u);
  EXPECT_TRUE(Waits(gate));
  // From now on nobody may need the old one.
  EXPECT_EQ(gate.Enter(5).revision(), 6u);
  old.reset();
  EXPECT_TRUE(Waits(gate));
  another.reset();
  EXPECT_FALSE(Waits(gate));
  EXPECT_FALSE(gate.HoldsUp());
}

TEST(RevisionGate, WhoLeavesWakesTheWriter) {
  RevisionGate gate;
  gate.Committed(1);
  std::optional<RevisionGate::Pass> old(gate.Enter(1));
  gate.Committed(2);
  std::atomic<bool> wrote{false};
  std::thread writer([&] {
    EXPECT_TRUE(gate.AwaitReaders(ctx()).ok());
    wrote = true;
  });
  while (!gate.HoldsUp()) std::this_thread::yield();
  EXPECT_FALSE(wrote);
  old.reset();
  writer.join();
  EXPECT_TRUE(wrote);
}

// Every commit leaves places that the next one writes over, while searches go on.
TEST(RevisionGate, SearchesOfAnIndexThatIsWrittenToAllTheTimeNeverFail) {
#ifdef STRATA_SANITIZED
  constexpr int kCommits = 30;
#else
  constexpr int kCommits = 300;
#endif
  constexpr int kDocuments = 400, kSearchers = 3;
  const auto folder = std::filesystem::path(::testing::TempDir()) / "busy";
  std::filesystem::remove_all(folder);
  TextSchema schema;
  schema.fields.push_back({"t", PathFrom("t"), 1, "english", true});
  schema.values.push_back(PathFrom("n"));
  auto index = TextIndex::Open(folder.string(), schema);
  ASSERT_TRUE(index.ok()) << index.status();
  TextIndex& text = **index;
  ASSERT_TRUE(text.Clear().ok());
  // At each commit all documents have the same number.
  const auto put_all = [&](int number) {
    for (int i = 0; i < kDocuments; ++i) {
      const auto d = Document::Parse("{\"id\":\"k" + std::to_string(i) + "\",\"t\":\"word w" +
                                     std::to_string(number % 7) +
                                     " some more\",\"n\":" + std::to_string(number) + "}");
      ASSERT_TRUE(d.ok()) << d.status();
      const Status s = text.Put(*d);
      ASSERT_TRUE(s.ok()) << s;
    }
    const Status s = text.Commit(static_cast<uint64_t>(number + 1), std::nullopt);
    ASSERT_TRUE(s.ok()) << s;
  };
  ASSERT_NO_FATAL_FAILURE(put_all(0));
  std::atomic<bool> over{false};
  std::vector<std::thread> searchers;
  for (int n = 0; n < kSearchers; ++n) {
    searchers.emplace_back([&, n] {
      TextRequest request;
      request.all = {{"", "word"}};
      request.ranked = n == 0;
      while (!over) {
        auto search = text.Search(request);
        ASSERT_TRUE(search.ok()) << search.status();
        // One that goes on while the writer does.
        for (int page = 0; page < 20; ++page) {
          const auto hits =
              n == 0 ? (*search)->Ranked(ctx(), 0, kDocuments) : (*search)->All(ctx());
          ASSERT_TRUE(hits.ok()) << hits.status();
          if (n != 0) {
            ASSERT_EQ(hits->size(), kDocuments);
          }
        }
        const auto counts = text.Facets(ctx(), request, PathFrom("n"), 10);
        ASSERT_TRUE(counts.ok()) << counts.status();
        ASSERT_EQ(counts->size(), 1u);
        ASSERT_EQ((*counts)[0].count, kDocuments);
        ASSERT_TRUE(text.Stats().ok());
      }
    });
  }
  for (int c = 1; c <= kCommits && !::testing::Test::HasFailure(); ++c) put_all(c);
  over = true;
  for (std::thread& t : searchers) t.join();
  EXPECT_FALSE(text.damaged());
}

}  // namespace
}  // namespace strata::fulltext
