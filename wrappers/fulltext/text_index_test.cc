// The index on disk by itself: writers beside searches, and what it makes of a folder that it
// finds.
#include "wrappers/fulltext/text_index.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "store/record.h"

namespace strata::fulltext {
namespace {

const Context& ctx() { return Context::Background(); }

Document Doc(int i, const std::string& text, int number) {
  return *Document::Parse("{\"id\":\"k" + std::to_string(i) + "\",\"t\":\"" + text +
                          "\",\"n\":" + std::to_string(number) + "}");
}

class TextIndexTest : public ::testing::Test {
 protected:
  TextIndexTest() {
    std::filesystem::remove_all(folder_);
    schema_.fields.push_back({"t", PathFrom("t"), 1, "english", true});
    schema_.values.push_back(PathFrom("n"));
  }
  TextIndex& Open() {
    index_.reset();
    auto index = TextIndex::Open(folder_.string(), schema_);
    EXPECT_TRUE(index.ok()) << index.status();
    index_ = *std::move(index);
    return *index_;
  }
  // A new index of so many documents.
  TextIndex& Fill(int count) {
    TextIndex& text = Open();
    EXPECT_TRUE(text.Clear().ok());
    for (int i = 0; i < count; ++i) EXPECT_TRUE(text.Put(Doc(i, "word", 0)).ok());
    EXPECT_TRUE(text.Commit(1, std::nullopt).ok());
    return text;
  }
  static TextRequest Words() {
    TextRequest request;
    request.all = {{"", "word"}};
    request.ranked = false;
    return request;
  }
  // How many there are; -1: an error.
  static int Found(TextSearch& search) {
    const auto hits = search.All(ctx());
    return hits.ok() ? static_cast<int>(hits->size()) : -1;
  }

  const std::filesystem::path folder_ = std::filesystem::path(::testing::TempDir()) / "text";
  TextSchema schema_;
  std::unique_ptr<TextIndex> index_;
};

// Reads for as long as it is told to.
class LongCheck {
 public:
  explicit LongCheck(TextIndex& text)
      : thread_([this, &text] {
          result_ = text.Check(ctx(), [this]() -> StatusOr<std::vector<Document>> {
            if (!std::exchange(first_, false)) return std::vector<Document>{Doc(0, "word", 0)};
            reads_.set_value();
            ends_.get_future().wait();
            return std::vector<Document>{Doc(0, "word", 0)};
          });
        }) {
    reads_.get_future().wait();
  }
  Status End() {
    ends_.set_value();
    thread_.join();
    return result_;
  }

 private:
  bool first_ = true;
  std::promise<void> reads_, ends_;
  Status result_;
  std::thread thread_;
};

TEST_F(TextIndexTest, ACheckThatHoldsUpAWriterIsAborted) {
  TextIndex& text = Fill(10);
  LongCheck check(text);
  // More than Xapian commits by itself: that would be a place for the next one to wait.
  ASSERT_TRUE(text.MayWrite());
  for (int i = 0; i < 11000; ++i) ASSERT_TRUE(text.Put(Doc(i, "word", 1)).ok());
  EXPECT_TRUE(text.MayWrite());
  ASSERT_TRUE(text.Commit(2, std::nullopt).ok());
  EXPECT_FALSE(text.MayWrite());
  // Searches go on over what is committed.
  auto search = text.Search(Words());
  ASSERT_TRUE(search.ok()) << search.status();
  EXPECT_EQ(Found(**search), 11000);
  const Context soon = Context::Background().WithTimeout(std::chrono::milliseconds(20));
  EXPECT_EQ(text.AwaitReaders(soon).code(), StatusCode::kDeadlineExceeded);
  // The check goes on until it sees this one wait.
  std::thread writer([&] { EXPECT_TRUE(text.Put(Doc(0, "word", 2)).ok()); });
  const Status ended = check.End();
  writer.join();
  EXPECT_EQ(ended.code(), StatusCode::kAborted) << ended;
  EXPECT_TRUE(text.MayWrite());
}

// Every commit leaves places that the next one writes over, while searches go on.
TEST_F(TextIndexTest, SearchesOfAnIndexThatIsWrittenToAllTheTimeNeverFail) {
#ifdef STRATA_SANITIZED
  constexpr int kCommits = 30;
#else
  constexpr int kCommits = 300;
#endif
  constexpr int kDocuments = 400, kSearchers = 3;
  TextIndex& text = Open();
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

TEST_F(TextIndexTest, ASearchThatCouldNotMoveOnDoesSoLater) {
  TextIndex& text = Fill(10);
  auto search = text.Search(Words());
  ASSERT_TRUE(search.ok()) << search.status();
  EXPECT_EQ(Found(**search), 10);
  for (int round = 1; round <= 2; ++round) {
    ASSERT_TRUE(text.Put(Doc(10, "word", round)).ok());
    ASSERT_TRUE(text.Commit(1, std::nullopt).ok());
  }
  // It has to open the index again, and cannot.
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none = {0, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto hits = (*search)->All(ctx());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(hits.status().code(), StatusCode::kUnavailable) << hits.status();
  EXPECT_EQ(Found(**search), 11);
  EXPECT_FALSE(text.damaged());
}

TEST_F(TextIndexTest, ASearchIsAbortedRatherThanAskedOfAnIndexThatIsBeingBuilt) {
  TextIndex& text = Fill(10);
  auto before = text.Search(Words());
  ASSERT_TRUE(before.ok()) << before.status();
  ASSERT_TRUE(text.Clear().ok());
  EXPECT_EQ(text.Search(Words()).status().code(), StatusCode::kAborted);
  ASSERT_TRUE(text.Put(Doc(1, "word", 0)).ok());
  ASSERT_TRUE(text.Commit(1, "k1").ok());
  EXPECT_EQ(text.Search(Words()).status().code(), StatusCode::kAborted);
  ASSERT_TRUE(text.Commit(1, std::nullopt).ok());
  auto after = text.Search(Words());
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(Found(**after), 1);
  // One that was under way keeps what it has.
  EXPECT_EQ(Found(**before), 10);
}

TEST_F(TextIndexTest, AnIndexForOtherFieldsOrWithoutACommitIsToBeEmptied) {
  Fill(10);
  EXPECT_TRUE(Open().Verify(ctx()).ok());
  EXPECT_EQ(index_->next(), 1u);
  schema_.fields.push_back({"u", PathFrom("u"), 1, "english", true});
  const Status other = Open().Verify(ctx());
  EXPECT_EQ(other.code(), StatusCode::kDataLoss);
  EXPECT_NE(Message(other).find("for other fields"), std::string_view::npos) << other;
  ASSERT_TRUE(index_->Clear().ok());
  // As when the process ends before its first commit.
  EXPECT_EQ(Open().Verify(ctx()).code(), StatusCode::kDataLoss);
  EXPECT_EQ(index_->next(), std::nullopt);
}

}  // namespace
}  // namespace strata::fulltext
