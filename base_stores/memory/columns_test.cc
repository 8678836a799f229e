// Columns under writers: what a query says by columns is what the documents of the same snapshot
// say.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "base_stores/memory/memory_store.h"
#include "store/ops.h"
#include "tests/support/random_json.h"

namespace strata {
namespace {

#ifdef STRATA_SANITIZED
constexpr int kDocuments = 9000;
constexpr int kRounds = 60;
#else
constexpr int kDocuments = 20000;
constexpr int kRounds = 300;
#endif

const Context& Ctx() { return Context::Background(); }

std::shared_ptr<Store> NewStore(memory::Columns columns, int64_t bytes = 256 << 20) {
  MemoryOptions options;
  options.columns = columns;
  options.column_bytes = bytes;
  return NewMemoryStore(options, StoreInfo{}, nullptr);
}

std::string IdOf(int i) {
  std::string n = std::to_string(i);
  return "d" + std::string(6 - n.size(), '0') + n;
}

Document Row(int i, int64_t v) {
  return Document::Parse("{\"id\":\"" + IdOf(i) + "\",\"g\":\"g" + std::to_string(i % 5) +
                         "\",\"v\":" + std::to_string(v) + "}")
      .value();
}

void Fill(Store& store, int documents) {
  std::vector<Document> rows;
  for (int i = 0; i < documents; ++i) rows.push_back(Row(i, 100));
  ASSERT_TRUE(Load(store, Ctx(), rows, 500).ok());
}

template <typename Target>
std::string One(Target& target, const std::string& rql) {
  const auto rows = Collect(target, Ctx(), rql);
  if (!rows.ok()) return Describe(rows.status());
  std::string out;
  for (const Document& d : *rows) out += d.text();
  return out;
}

uint64_t ByColumns(Store& store, const std::string& rql) {
  const auto plan = PrepareComplete(store, Ctx(), *Query::Parse(rql)).value();
  const auto cursor = plan->Open(Ctx(), {}).value();
  RowBatch batch;
  do {
    EXPECT_TRUE(cursor->Next(Ctx(), kBatchRows, &batch).ok());
  } while (batch.end == EndReason::kMore);
  ExplainNode n = cursor->Explain();
  while (!n.children.empty()) n = ExplainNode(n.children[0]);
  return n.by_columns.value_or(0);
}

TEST(Columns, AreKeptFromTheSecondScanOnAndDroppedWhereSomebodyWrites) {
  const auto store = NewStore(memory::Columns::kAuto);
  Fill(*store, kDocuments);
  constexpr const char* kQuery = "v=gt=99&sum(v)";
  EXPECT_EQ(ByColumns(*store, kQuery), 0u);
  (void)ByColumns(*store, kQuery);  // makes them
  EXPECT_EQ(ByColumns(*store, kQuery), static_cast<uint64_t>(kDocuments));
  ASSERT_TRUE(Put(*store, Ctx(), Row(7, 101)).ok());
  const uint64_t left = ByColumns(*store, kQuery);
  EXPECT_LT(left, static_cast<uint64_t>(kDocuments));
  EXPECT_GT(left, static_cast<uint64_t>(kDocuments) / 2);
  EXPECT_EQ(One(*store, kQuery), std::to_string(100 * kDocuments + 1));
  // A range that is written to between all scans has none in the end.
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(Put(*store, Ctx(), Row(7, 101 + i)).ok());
    ASSERT_EQ(One(*store, kQuery), std::to_string(100 * kDocuments + 1 + i));
  }
}

TEST(Columns, OffAndABudgetOfNothingKeepNone) {
  for (const auto& store :
       {NewStore(memory::Columns::kOff), NewStore(memory::Columns::kAlways, 0)}) {
    Fill(*store, 5000);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(One(*store, "v=100&count()"), "5000");
  }
  const auto off = NewStore(memory::Columns::kOff);
  Fill(*off, 5000);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ByColumns(*off, "v=100&count()"), 0u);
}

TEST(Columns, WhatIsNoLongerReadMakesRoom) {
  const auto store = NewStore(memory::Columns::kAlways, 400000);
  std::vector<Document> rows;
  for (int i = 0; i < 5000; ++i) {
    std::string text = "{\"id\":\"" + IdOf(i) + "\"";
    for (int f = 0; f < 20; ++f)
      text += ",\"f" + std::to_string(f) + "\":" + std::to_string(i % 10);
    rows.push_back(Document::Parse(text + "}").value());
  }
  ASSERT_TRUE(Load(*store, Ctx(), rows, 500).ok());
  for (int f = 0; f < 20; ++f) {
    const std::string q = "f" + std::to_string(f) + "=3&count()";
    for (int i = 0; i < 20; ++i) ASSERT_EQ(One(*store, q), "500");
    EXPECT_GT(ByColumns(*store, q), 0u) << q;
  }
}

// Texts, numbers, missing values and what is equal but written otherwise; within the budget and
// beyond it.
TEST(Columns, DistinctGivesTheFirstRowOfEachValue) {
  constexpr const char* kValues[] = {R"("a")",      "1",   "1.0",  "null",
                                     R"("\u0061")", "[1]", "true", ""};
  std::vector<Document> rows;
  for (int i = 0; i < 9000; ++i) {
    const std::string v = kValues[i * 7 % 8];
    rows.push_back(Document::Parse("{\"id\":\"" + IdOf(i) + "\"" +
                                   (v.empty() ? "" : ",\"v\":" + v) + ",\"g\":\"g" +
                                   std::to_string(i / 100) + "\"}")
                       .value());
  }
  const auto by_columns = NewStore(memory::Columns::kAlways);
  const auto by_rows = NewStore(memory::Columns::kOff);
  for (const auto& store : {by_columns, by_rows}) ASSERT_TRUE(Load(*store, Ctx(), rows, 500).ok());
  for (const char* rql : {"distinct(v)", "distinct(g)", "distinct(v,g)", "g=ne=g7&distinct(g,v)"}) {
    for (const size_t budget : {size_t{1}, size_t{2000}, size_t{1} << 20}) {
      OpenOptions options;
      options.memory_budget = budget;
      const auto ids = [&](Store& store) {
        const auto plan = PrepareComplete(store, Ctx(), *Query::Parse(rql)).value();
        const auto found = CollectRows(*plan, Ctx(), options);
        if (!found.ok()) return Describe(found.status());
        std::string out;
        for (const Document& d : *found) out += StoredId(d);
        return out;
      };
      for (int scan = 0; scan < 3; ++scan) ASSERT_EQ(ids(*by_columns), ids(*by_rows)) << rql;
    }
    EXPECT_EQ(ByColumns(*by_columns, rql), 9000u) << rql;
  }
}

TEST(Columns, NamesWithSlashesAreNotPaths) {
  const auto store = NewStore(memory::Columns::kAlways);
  ASSERT_TRUE(
      Put(*store, Ctx(), Document::Parse(R"({"id":"x","a/b":1,"a":{"b":2}})").value()).ok());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(One(*store, "a/b=2&count()"), "1");
    EXPECT_EQ(One(*store, "a%2Fb=1&count()"), "1");
  }
}

// Writers move amounts between documents, and make and delete documents of nothing; the sum stays.
TEST(Columns, ReadersSeeOneMomentUnderWriters) {
  const uint64_t seed = testing::PrintedSeed();
  const auto store = NewStore(memory::Columns::kAlways);
  Fill(*store, kDocuments);
  std::atomic<bool> stop{false};
  std::vector<std::thread> writers;
  for (int w = 0; w < 2; ++w) {
    writers.emplace_back([&, w] {
      std::mt19937_64 random(seed + static_cast<uint64_t>(w));
      int made = 0;
      while (!stop.load()) {
        // Half of the ids are hot, the others are left alone for long.
        const int span = random() % 16 == 0 ? kDocuments : kDocuments / 8;
        const int from = static_cast<int>(random() % static_cast<uint64_t>(span));
        const int to = static_cast<int>(random() % static_cast<uint64_t>(span));
        if (from == to) continue;
        auto t = store->Begin(Ctx(), {});
        ASSERT_TRUE(t.ok());
        const auto value = [&](int i) {
          return Get(**t, Ctx(), IdOf(i))->value().document.Find("v").number().int_value();
        };
        ASSERT_TRUE(Put(**t, Ctx(), Row(from, value(from) - 1)).ok());
        ASSERT_TRUE(Put(**t, Ctx(), Row(to, value(to) + 1)).ok());
        if (random() % 8 == 0) {
          const std::string id = IdOf(static_cast<int>(random() % kDocuments)) + "x" +
                                 std::to_string(w) + "-" + std::to_string(made++ % 500);
          if (made % 2 == 0) {
            ASSERT_TRUE(
                Put(**t, Ctx(), Document::Parse("{\"id\":\"" + id + "\",\"v\":0}").value()).ok());
          } else {
            ASSERT_TRUE(Delete(**t, Ctx(), id).ok());
          }
        }
        (void)(*t)->Commit(Ctx());
      }
    });
  }
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&, r] {
      const std::string total = std::to_string(100LL * kDocuments);
      for (int i = 0; i < kRounds; ++i) {
        ASSERT_EQ(One(*store, "sum(v)"), total);
        // A transaction's own snapshot, as documents and by columns.
        auto t = store->Begin(Ctx(), {});
        ASSERT_TRUE(t.ok());
        int64_t sum = 0;
        std::map<std::string, int64_t> by_group;
        uint64_t rich = 0;
        if (i % 8 == r) {
          const auto rows = Collect(**t, Ctx(), "limit(1000000)");
          ASSERT_TRUE(rows.ok());
          for (const Document& d : *rows) {
            const int64_t v = d.Find("v").number().int_value();
            sum += v;
            by_group[std::string(d.Find("g").text())] += v;
            rich += v > 100;
          }
          EXPECT_EQ(std::to_string(sum), total);
          EXPECT_EQ(One(**t, "v=gt=100&count()"), std::to_string(rich));
          for (const auto& [group, s] : by_group) {
            const std::string q =
                group.empty() ? "not(exists(g))&sum(v)" : "g=" + group.substr(1, 2) + "&sum(v)";
            ASSERT_EQ(One(**t, q), std::to_string(s)) << q;
          }
        }
        ASSERT_EQ(One(**t, "sum(v)"), total);
      }
    });
  }
  for (auto& t : readers) t.join();
  stop.store(true);
  for (auto& t : writers) t.join();
  EXPECT_EQ(One(*store, "sum(v)"), std::to_string(100LL * kDocuments));
}

// A transaction that began before everything reads what it sees and leaves the others' columns.
TEST(Columns, AnOldSnapshotDropsNothing) {
  const auto store = NewStore(memory::Columns::kAlways);
  Fill(*store, 100);
  auto old = store->Begin(Ctx(), {});
  ASSERT_TRUE(old.ok());
  Fill(*store, kDocuments);
  constexpr const char* kQuery = "v=gt=99&count()";
  (void)ByColumns(*store, kQuery);
  ASSERT_EQ(ByColumns(*store, kQuery), static_cast<uint64_t>(kDocuments));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(One(**old, kQuery), "100");
  EXPECT_EQ(ByColumns(*store, kQuery), static_cast<uint64_t>(kDocuments));
}

TEST(Columns, ManyPathsThatAreReadOnceKeepNobodyOut) {
  const auto store = NewStore(memory::Columns::kAuto);
  Fill(*store, 5000);
  for (int i = 0; i < 600; ++i) EXPECT_EQ(One(*store, "x" + std::to_string(i) + "=1&count()"), "0");
  for (int i = 0; i < 2; ++i) (void)ByColumns(*store, "v=100&count()");
  EXPECT_EQ(ByColumns(*store, "v=100&count()"), 5000u);
}

TEST(Columns, ACancelledScanEnds) {
  const auto store = NewStore(memory::Columns::kAlways);
  Fill(*store, 5000);
  CancelSource cancel;
  cancel.Cancel();
  EXPECT_EQ(Collect(*store, Ctx().WithCancel(cancel), "v=100&count()").status().code(),
            StatusCode::kCancelled);
}

// Ids that come at the end and go at the beginning: ranges do not pile up, rows stay right.
TEST(Columns, AQueueOfDocumentsStaysRight) {
  const auto store = NewStore(memory::Columns::kAlways);
  int first = 0;
  int next = 0;
  for (int round = 0; round < 30; ++round) {
    WriteBatch batch;
    for (int i = 0; i < 3000; ++i, ++next) batch.Put(Row(next, 1));
    while (next - first > 10000) batch.Delete(IdOf(first++));
    ASSERT_TRUE(store->Write(Ctx(), batch).ok());
    for (int i = 0; i < 3; ++i)
      ASSERT_EQ(One(*store, "v=1&count()"), std::to_string(next - first)) << round;
    ASSERT_EQ(Collect(*store, Ctx(), "v=1")->size(), static_cast<size_t>(next - first));
  }
}

}  // namespace
}  // namespace strata
