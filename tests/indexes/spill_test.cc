// Sorts, aggregates and distincts that do not fit into their budget give the same rows as those
// that do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "base_stores/memory/memory_store.h"
#include "store/ops.h"
#include "tests/support/random_json.h"

namespace strata::testing {
namespace {

const Context& Ctx() { return Context::Background(); }

class SpillTest : public ::testing::Test {
 protected:
  SpillTest() : store_(NewMemoryStore({}, {})) {
    RandomJson random(PrintedSeed());
    WriteBatch batch;
    for (int i = 0; i < kDocuments; ++i) {
      std::string text =
          "{\"id\":\"" + std::to_string(i) + "\",\"k\":" + std::to_string(random.Below(700)) +
          ",\"s\":" + random.String() + ",\"v\":" + std::to_string(random.Below(1000)) + ".5}";
      batch.Put(Document::Parse(text).value());
    }
    EXPECT_TRUE(store_->Write(Ctx(), batch).ok());
  }

  // The rows, `page` at a time, and how many bytes were spilled.
  std::vector<std::string> Rows(const Query& q, size_t budget, size_t page, uint64_t* spilled) {
    std::vector<std::string> rows;
    const auto plan = PrepareComplete(*store_, Ctx(), q).value();
    OpenOptions options;
    options.memory_budget = budget;
    *spilled = 0;
    for (;;) {
      const auto cursor = plan->Open(Ctx(), options);
      EXPECT_TRUE(cursor.ok()) << cursor.status();
      RowBatch batch;
      do {
        const Status s = (*cursor)->Next(Ctx(), std::min(page, kBatchRows), &batch);
        EXPECT_TRUE(s.ok()) << q.ToString() << " " << Describe(s);
        if (!s.ok()) return rows;
        for (const Document& d : batch.rows) rows.emplace_back(d.text());
      } while (batch.end == EndReason::kMore && page > kBatchRows);
      *spilled += Spilled((*cursor)->Explain());
      if (batch.end != EndReason::kMore) return rows;
      options.position = (*cursor)->Position();
    }
  }

  static uint64_t Spilled(const ExplainNode& n) {
    uint64_t sum = n.spilled_bytes.value_or(0);
    for (const ExplainNode& c : n.children) sum += Spilled(c);
    return sum;
  }

  static constexpr int kDocuments = 6000;
  std::shared_ptr<Store> store_;
};

TEST_F(SpillTest, RowsAreTheSameWithinAnyBudget) {
  for (const char* rql :
       {"sort(s)", "sort(-k,v)&select(id,k)", "sort(-v)&limit(2000,10)", "k=lt=300&sort(v)",
        "aggregate(s,count(),sum(v),min(k),max(s))", "aggregate(k,s,mean(v),first(id))",
        "distinct(s)", "distinct()", "distinct(k)&sort(s)", "sort(s)&distinct(v)&count()",
        "sort(k)&values(v,id)"}) {
    const Query q = Query::Parse(rql).value();
    uint64_t spilled = 0;
    const auto expected = Rows(q, 1u << 30, 1u << 30, &spilled);
    EXPECT_EQ(spilled, 0u) << rql;
    for (const size_t budget : {size_t{2} << 10, size_t{40} << 10, size_t{300} << 10}) {
      EXPECT_EQ(Rows(q, budget, 1u << 30, &spilled), expected) << rql << " within " << budget;
      if (budget < 10000) {
        EXPECT_GT(spilled, 0u) << rql;
      }
    }
  }
  const Query q = Query::Parse("sort(s)&limit(900)").value();
  uint64_t spilled = 0;
  EXPECT_EQ(Rows(q, 40 << 10, 250, &spilled), Rows(q, 1u << 30, 1u << 30, &spilled));
}

TEST_F(SpillTest, AFullDiskIsSaidAndTheStoreGoesOn) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 64 << 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  OpenOptions options;
  options.memory_budget = 20 << 10;
  const auto rows = Collect(*store_, Ctx(), *Query::Parse("sort(s)"), options);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(rows.status().code(), StatusCode::kResourceExhausted) << rows.status();
  EXPECT_THAT(std::string(Message(rows.status())),
              ::testing::HasSubstr("set TMPDIR to another folder, or raise memory_budget"));
  const auto again = Collect(*store_, Ctx(), *Query::Parse("sort(s)"), options);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->size(), static_cast<size_t>(kDocuments));
}

TEST_F(SpillTest, AFolderThatIsNotThereIsNamed) {
  OpenOptions options;
  options.memory_budget = 20 << 10;
  options.spill_folder = "/nonexistent/folder";
  const auto rows = Collect(*store_, Ctx(), *Query::Parse("sort(s)"), options);
  EXPECT_EQ(rows.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(Message(rows.status())), ::testing::HasSubstr("/nonexistent/folder"));
}

}  // namespace
}  // namespace strata::testing
