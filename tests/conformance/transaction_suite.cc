#include <thread>

#include "tests/conformance/composition.h"

namespace strata::testing {
namespace {

using TransactionSuite = ConformanceTest;

std::string Texts(const StatusOr<std::vector<Document>>& rows) {
  if (!rows.ok()) return Describe(rows.status());
  std::string out;
  for (const Document& d : *rows) out += Shown(d);
  return out;
}

TEST_P(TransactionSuite, SeesItsOwnWritesAndNobodyElses) {
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"a","n":1})")).ok());
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"c","n":1})")).ok());
  auto t = store().Begin(ctx(), {});
  ASSERT_TRUE(t.ok()) << t.status();
  ASSERT_TRUE(Put(**t, ctx(), Doc(R"({"id":"b","n":2})")).ok());
  ASSERT_TRUE(Delete(**t, ctx(), "a").ok());
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"d","n":4})")).ok());
  EXPECT_EQ(Texts(Collect(**t, ctx(), "")), R"({"id":"b","n":2}{"id":"c","n":1})");
  EXPECT_EQ(Texts(Collect(**t, ctx(), "sort(-n)&limit(1)&values(id)")), "\"b\"");
  EXPECT_FALSE(Get(**t, ctx(), "a")->has_value());
  EXPECT_FALSE(Get(**t, ctx(), "d")->has_value());
  EXPECT_EQ(Texts(Collect(store(), ctx(), "values(id)")), "\"a\"\"c\"\"d\"");
  const auto committed = (*t)->Commit(ctx());
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(committed->outcomes.size(), 2u);
  EXPECT_EQ(Texts(Collect(store(), ctx(), "values(id)")), "\"b\"\"c\"\"d\"");
  EXPECT_EQ((*t)->Commit(ctx()).status().code(), StatusCode::kFailedPrecondition);
}

TEST_P(TransactionSuite, AbortAndDestructionUndoEverything) {
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"a","n":1})")).ok());
  {
    auto t = store().Begin(ctx(), {});
    ASSERT_TRUE(Put(**t, ctx(), Doc(R"({"id":"a","n":2})")).ok());
    ASSERT_TRUE((*t)->Abort().ok());
    auto u = store().Begin(ctx(), {});
    ASSERT_TRUE(Delete(**u, ctx(), "a").ok());
  }
  EXPECT_EQ(Texts(Collect(store(), ctx(), "")), R"({"id":"a","n":1})");
}

TEST_P(TransactionSuite, SavepointsNest) {
  auto t = store().Begin(ctx(), {});
  ASSERT_TRUE(Put(**t, ctx(), Doc(R"({"id":"a"})")).ok());
  ASSERT_TRUE((*t)->Savepoint("one").ok());
  ASSERT_TRUE(Put(**t, ctx(), Doc(R"({"id":"b"})")).ok());
  ASSERT_TRUE((*t)->Savepoint("two").ok());
  ASSERT_TRUE(Put(**t, ctx(), Doc(R"({"id":"c"})")).ok());
  ASSERT_TRUE((*t)->RollbackTo("two").ok());
  EXPECT_EQ(Texts(Collect(**t, ctx(), "values(id)")), "\"a\"\"b\"");
  ASSERT_TRUE((*t)->RollbackTo("one").ok());
  EXPECT_EQ((*t)->RollbackTo("two").code(), StatusCode::kNotFound);
  ASSERT_TRUE(Put(**t, ctx(), Doc(R"({"id":"d"})")).ok());
  ASSERT_TRUE((*t)->Commit(ctx()).ok());
  EXPECT_EQ(Texts(Collect(store(), ctx(), "values(id)")), "\"a\"\"d\"");
}

TEST_P(TransactionSuite, TheFirstCommitterWins) {
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"a","n":1})")).ok());
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"z","n":1})")).ok());
  for (const bool by_delete : {false, true}) {
    auto t = store().Begin(ctx(), {});
    ASSERT_TRUE(Update(**t, ctx(), "a", Doc(R"({"n":2})")).ok());
    if (by_delete) {
      ASSERT_TRUE(Delete(store(), ctx(), "a").ok());
    } else {
      ASSERT_TRUE(Update(store(), ctx(), "a", Doc(R"({"n":3})")).ok());
    }
    EXPECT_EQ((*t)->Commit(ctx()).status().code(), StatusCode::kAborted);
  }
  // Two that create the same document.
  auto t = store().Begin(ctx(), {});
  auto u = store().Begin(ctx(), {});
  ASSERT_TRUE(Create(**t, ctx(), Doc(R"({"id":"new"})")).ok());
  ASSERT_TRUE(Create(**u, ctx(), Doc(R"({"id":"new"})")).ok());
  EXPECT_TRUE((*t)->Commit(ctx()).ok());
  EXPECT_EQ((*u)->Commit(ctx()).status().code(), StatusCode::kAborted);
}

// Two that each read what the other writes: Isolation::kSnapshot admits that both commit, and no
// more than that, since each sees the state before both.
TEST_P(TransactionSuite, WriteSkewIsAllThatASnapshotAdmits) {
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"a","on":true})")).ok());
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"b","on":true})")).ok());
  auto t = store().Begin(ctx(), {});
  auto u = store().Begin(ctx(), {});
  ASSERT_TRUE(t.ok() && u.ok());
  const auto read = [&](Transaction& at, const char* id) {
    const auto r = Get(at, ctx(), id);
    return r.ok() && *r ? std::string((*r)->document.Find("on").text()) : Describe(r.status());
  };
  EXPECT_EQ(read(**t, "b"), "true");
  EXPECT_EQ(read(**u, "a"), "true");
  ASSERT_TRUE(Update(**t, ctx(), "a", Doc(R"({"on":false})")).ok());
  ASSERT_TRUE(Update(**u, ctx(), "b", Doc(R"({"on":false})")).ok());
  ASSERT_TRUE((*t)->Commit(ctx()).ok());
  // What the first committed is not seen in the second's snapshot, by id or by query.
  EXPECT_EQ(read(**u, "a"), "true");
  EXPECT_EQ(Texts(Collect(**u, ctx(), "on=true&values(id)")), "\"a\"");
  const auto second = (*u)->Commit(ctx());
  EXPECT_TRUE(second.ok()) << second.status();
  // Who also writes what it read is refused: no update is lost.
  auto v = store().Begin(ctx(), {});
  auto w = store().Begin(ctx(), {});
  for (Transaction* const at : {v->get(), w->get()}) {
    (void)read(*at, "a");
    (void)read(*at, "b");
    ASSERT_TRUE(Update(*at, ctx(), "a", Doc(R"({"n":1})")).ok());
    ASSERT_TRUE(Update(*at, ctx(), "b", Doc(R"({"n":1})")).ok());
  }
  EXPECT_TRUE((*v)->Commit(ctx()).ok());
  EXPECT_EQ((*w)->Commit(ctx()).status().code(), StatusCode::kAborted);
}

TEST_P(TransactionSuite, AFailedBatchLeavesTheTransactionAsItWas) {
  auto t = store().Begin(ctx(), {});
  ASSERT_TRUE(Put(**t, ctx(), Doc(R"({"id":"a","n":1})")).ok());
  WriteBatch batch;
  batch.Put(Doc(R"({"id":"a","n":2})")).Put(Doc(R"({"id":"b"})"));
  batch.ops.push_back({WriteKind::kMerge, "missing", Doc("{}"), Presence::kMustExist, {}});
  EXPECT_EQ((*t)->Write(ctx(), batch).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Texts(Collect(**t, ctx(), "")), R"({"id":"a","n":1})");
}

TEST_P(TransactionSuite, AVoteHoldsWhatWasWritten) {
  auto t = store().Begin(ctx(), {});
  ASSERT_TRUE(Put(**t, ctx(), Doc(R"({"id":"a","n":1})")).ok());
  ASSERT_TRUE((*t)->Vote(ctx()).ok());
  EXPECT_EQ(Put(store(), ctx(), Doc(R"({"id":"a","n":9})")).status().code(), StatusCode::kAborted);
  EXPECT_TRUE(Put(store(), ctx(), Doc(R"({"id":"b","n":9})")).ok());
  EXPECT_EQ(Put(**t, ctx(), Doc(R"({"id":"c"})")).status().code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE((*t)->Commit(ctx()).ok());
  EXPECT_TRUE(Put(store(), ctx(), Doc(R"({"id":"a","n":9})")).ok());
  auto u = store().Begin(ctx(), {});
  ASSERT_TRUE(Put(**u, ctx(), Doc(R"({"id":"a","n":1})")).ok());
  ASSERT_TRUE((*u)->Vote(ctx()).ok());
  ASSERT_TRUE((*u)->Abort().ok());
  EXPECT_TRUE(Put(store(), ctx(), Doc(R"({"id":"a","n":10})")).ok());
}

TEST_P(TransactionSuite, ConcurrentTransfersKeepTheSum) {
#ifdef STRATA_SANITIZED
  const int transfers = Rounds(60);
#else
  const int transfers = Rounds(300);
#endif
  constexpr int kAccounts = 8, kThreads = 4;
  for (int i = 0; i < kAccounts; ++i) {
    ASSERT_TRUE(
        Put(store(), ctx(), Doc("{\"id\":\"acc" + std::to_string(i) + "\",\"sum\":100}")).ok());
  }
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  std::atomic<int> conflicts{0};
  for (int n = 0; n < kThreads; ++n) {
    threads.emplace_back([&, n] {
      uint64_t r = static_cast<uint64_t>(n) * 7919 + 1;
      for (int i = 0; i < transfers;) {
        r = r * 6364136223846793005ULL + 1442695040888963407ULL;
        const std::string from = "acc" + std::to_string(r >> 33 & 7);
        const std::string to = "acc" + std::to_string(r >> 40 & 7);
        if (from == to) continue;
        auto t = store().Begin(ctx(), {});
        ASSERT_TRUE(t.ok());
        const auto add = [&](const std::string& id, int64_t d) {
          const int64_t sum =
              Get(**t, ctx(), id)->value().document.Find("sum").number().int_value();
          return Update(**t, ctx(), id, Doc("{\"sum\":" + std::to_string(sum + d) + "}")).ok();
        };
        ASSERT_TRUE(add(from, -1) && add(to, 1));
        const auto committed = (*t)->Commit(ctx());
        if (committed.ok()) {
          ++i;
        } else {
          ASSERT_EQ(committed.status().code(), StatusCode::kAborted) << committed.status();
          ++conflicts;
        }
      }
    });
  }
  std::thread reader([&] {
    while (!stop.load()) {
      const auto sum = Collect(store(), ctx(), "prefix(id,acc)&sum(sum)");
      ASSERT_TRUE(sum.ok());
      ASSERT_EQ((*sum)[0].text(), "800");
    }
  });
  for (std::thread& t : threads) t.join();
  stop = true;
  reader.join();
  EXPECT_EQ(Texts(Collect(store(), ctx(), "sum(sum)")), "800");
}

TEST_P(TransactionSuite, ConcurrentWritersAndReadersOfManyDocuments) {
#ifdef STRATA_SANITIZED
  const int writes = Rounds(300);
#else
  const int writes = Rounds(3000);
#endif
  // Each writer puts pairs in one batch; whoever reads sees both or neither.
  std::vector<std::thread> threads;
  std::atomic<bool> stop{false};
  for (int n = 0; n < 3; ++n) {
    threads.emplace_back([&, n] {
      for (int i = 0; i < writes; ++i) {
        const std::string k = std::to_string(n) + "-" + std::to_string(i % 50);
        WriteBatch batch;
        if (i % 7 == 3) {
          batch.Delete("x" + k).Delete("y" + k);
        } else {
          batch.Put(Doc("{\"id\":\"x" + k + "\",\"v\":" + std::to_string(i) + "}"));
          batch.Put(Doc("{\"id\":\"y" + k + "\",\"v\":" + std::to_string(i) + "}"));
        }
        ASSERT_TRUE(store().Write(ctx(), batch).ok());
      }
    });
  }
  std::thread reader([&] {
    while (!stop.load()) {
      const auto rows = Collect(store(), ctx(), Query());
      ASSERT_TRUE(rows.ok());
      std::map<std::string, std::string> x, y;
      for (const Document& d : *rows) {
        const std::string id = StoredId(d);
        (id[0] == 'x' ? x : y)[id.substr(1)] = d.Find("v").text();
      }
      ASSERT_EQ(x, y);
    }
  });
  std::thread points([&] {
    while (!stop.load()) {
      for (int i = 0; i < 50; ++i) ASSERT_TRUE(Get(store(), ctx(), "x1-" + std::to_string(i)).ok());
    }
  });
  for (std::thread& t : threads) t.join();
  stop = true;
  reader.join();
  points.join();
}

INSTANTIATE_CONFORMANCE(TransactionSuite);

}  // namespace
}  // namespace strata::testing
