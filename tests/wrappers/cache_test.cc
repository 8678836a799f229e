// What a cache must never do, and what it is for.
#include <atomic>
#include <thread>

#include "tests/support/random_json.h"
#include "tests/wrappers/stack.h"
#include "wrappers/cache/cache_table.h"

namespace strata::testing {
namespace {

const Context& ctx() { return Context::Background(); }
Document Version(const std::string& id, int64_t v) {
  return Doc("{\"id\":\"" + id + "\",\"v\":" + std::to_string(v) + "}");
}
int64_t VersionOf(const std::optional<Record>& r) {
  return r ? r->document.Find("v").number().int_value() : 0;
}
TEST(Cache, ServesWhatItHasAndCounts) {
  Stack stack(R"("s":[{"type":"cache"},"m"],"m":"memory:")");
  ASSERT_TRUE(Put(stack["m"], ctx(), Version("a", 1)).ok());
  EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), "a")), 1);
  EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), "a")), 1);
  EXPECT_FALSE(Get(stack.s(), ctx(), "none")->has_value());
  EXPECT_FALSE(Get(stack.s(), ctx(), "none")->has_value());
  ASSERT_TRUE(Put(stack.s(), ctx(), Version("b", 2)).ok());
  EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), "b")), 2);
  EXPECT_EQ(stack.Figure("hits"), 2);
  EXPECT_EQ(stack.Figure("misses"), 2);
  EXPECT_EQ(stack.Figure("negative_hits"), 1);
  EXPECT_EQ(stack.Figure("entries"), 3);
  EXPECT_GT(stack.Figure("bytes"), 300);
  // What was not there is not there for ever.
  ASSERT_TRUE(Create(stack.s(), ctx(), Version("none", 3)).ok());
  EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), "none")), 3);
}

TEST(Cache, AFailedWriteLeavesNothingBehind) {
  for (const char* when : {"before", "after"}) {
    Stack stack(std::string(R"("s":[{"type":"cache"},{"type":"fault","every":2,"operation":"write",
                                    "when":")") +
                when + R"("},"m"],"m":"memory:")");
    ASSERT_TRUE(Put(stack.s(), ctx(), Version("a", 1)).ok());
    EXPECT_FALSE(Put(stack.s(), ctx(), Version("a", 2)).ok());
    EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), "a")), VersionOf(*Get(stack["m"], ctx(), "a")));
  }
}

TEST(Cache, NothingUncommittedIsKept) {
  Stack stack(R"("s":[{"type":"cache"},"memory:"])");
  ASSERT_TRUE(Put(stack.s(), ctx(), Version("a", 1)).ok());
  auto t = stack.s().Begin(ctx(), {});
  ASSERT_TRUE(Put(**t, ctx(), Version("a", 2)).ok());
  EXPECT_EQ(VersionOf(*Get(**t, ctx(), "a")), 2);
  EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), "a")), 1);
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "values(v)")), "1");
  ASSERT_TRUE((*t)->Abort().ok());
  EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), "a")), 1);
  auto u = stack.s().Begin(ctx(), {});
  ASSERT_TRUE(Put(**u, ctx(), Version("a", 3)).ok());
  ASSERT_TRUE((*u)->Commit(ctx()).ok());
  EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), "a")), 3);
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "values(v)")), "3");
}

TEST(Cache, OneFetchForAllWhoWantIt) {
  Stack stack(R"("s":[{"type":"cache"},{"type":"slow","delay":"100ms"},"m"],"m":"memory:")");
  ASSERT_TRUE(Put(stack["m"], ctx(), Version("a", 1)).ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), "a")), 1); });
  for (auto& t : threads) t.join();
  EXPECT_EQ(stack.Figure("misses"), 1);
  EXPECT_EQ(stack.Figure("joined") + stack.Figure("hits"), 7);
}

TEST(Cache, OneFetchForAllWhoWantNothing) {
  Stack stack(R"("s":[{"type":"cache","negative_ttl":"0ms"},{"type":"slow","delay":"200ms"},
                      "memory:"])");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { EXPECT_FALSE(Get(stack.s(), ctx(), "a")->has_value()); });
  for (auto& t : threads) t.join();
  EXPECT_EQ(stack.Figure("misses") + stack.Figure("joined"), 8);
  EXPECT_EQ(stack.Figure("passed"), 0);
  EXPECT_EQ(stack.Figure("entries"), 0);
}

// A refresh may stand in a queue behind the reader who would wait for it.
TEST(Cache, NobodyWaitsForARefreshThatHasNotBegun) {
  using cache::CacheTable;
  static int64_t now;
  now = 0;
  const auto clock = [] { return now; };
  CacheTable table({});
  std::optional<Record> record;
  std::shared_ptr<cache::Flight> first, refresh, taken, joined;
  std::vector<std::string> dropped;
  ASSERT_EQ(table.Find("a", clock, &record, &first), CacheTable::Found::kLead);
  table.Fill(first, "a", Record{Version("a", 1), 1}, {10, 20}, false, &dropped);
  now = 15;
  ASSERT_EQ(table.Find("a", clock, &record, &refresh), CacheTable::Found::kStale);
  ASSERT_NE(refresh, nullptr);
  now = 25;
  ASSERT_EQ(table.Find("a", clock, &record, &taken), CacheTable::Found::kLead);
  EXPECT_FALSE(table.Begin(refresh, "a"));
  ASSERT_EQ(table.Find("a", clock, &record, &joined), CacheTable::Found::kJoin);
  EXPECT_EQ(joined, taken);
  table.Fill(taken, "a", Record{Version("a", 2), 2}, {30, 40}, false, &dropped);
  EXPECT_EQ(VersionOf(**joined->Wait(ctx())), 2);
  // One that has begun is waited for.
  now = 35;
  refresh = nullptr;
  ASSERT_EQ(table.Find("a", clock, &record, &refresh), CacheTable::Found::kStale);
  EXPECT_TRUE(table.Begin(refresh, "a"));
  now = 45;
  ASSERT_EQ(table.Find("a", clock, &record, &joined), CacheTable::Found::kJoin);
  EXPECT_EQ(joined, refresh);
  table.Abandon(refresh, "a");
}

TEST(Cache, BatchesThatWaitForOneAnotherEnd) {
  Stack stack(R"("s":[{"type":"cache","max_entries":1,"negative_ttl":"0ms"},
                      {"type":"slow","delay":"1ms"},"memory:"])");
  std::vector<std::thread> threads;
  for (int n = 0; n < 4; ++n) {
    threads.emplace_back([&, n] {
      const std::string_view forwards[] = {"a", "b", "a", "c"}, backwards[] = {"c", "b", "a", "b"};
      std::optional<Record> out[4];
      for (int i = 0; i < 50; ++i)
        EXPECT_TRUE(stack.s().Read(ctx(), n % 2 == 0 ? forwards : backwards, out).ok());
    });
  }
  for (auto& t : threads) t.join();
}

TEST(Cache, AWaiterDoesNotFailWithTheFetcher) {
  Stack stack(R"("s":[{"type":"cache"},{"type":"slow","delay":"2s"},"m"],"m":"memory:")");
  ASSERT_TRUE(Put(stack["m"], ctx(), Version("a", 1)).ok());
  std::thread fetcher([&] {
    EXPECT_EQ(Code(Get(stack.s(), ctx().WithTimeout(std::chrono::milliseconds(50)), "a").status()),
              "DEADLINE_EXCEEDED");
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), "a")), 1);
  fetcher.join();
}

TEST(Cache, EntriesEndAndMayBeServedStaleMeanwhile) {
  Stack stack(R"("s":[{"type":"cache","ttl":"20ms","jitter":0,"follow":"never"},"m"],"m":"memory:",
                 "w":[{"type":"cache","ttl":"20ms","jitter":0,"stale":"1h","follow":"never"},"m"])");
  ASSERT_TRUE(Put(stack["m"], ctx(), Version("a", 1)).ok());
  for (const char* name : {"s", "w"}) EXPECT_EQ(VersionOf(*Get(stack[name], ctx(), "a")), 1);
  ASSERT_TRUE(Put(stack["m"], ctx(), Version("a", 2)).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), "a")), 2);
  EXPECT_EQ(VersionOf(*Get(stack["w"], ctx(), "a")), 1);
  EXPECT_EQ(stack.Figure("stale_serves", "w"), 1);
  for (int i = 0; i < 2000 && VersionOf(*Get(stack["w"], ctx(), "a")) != 2; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(VersionOf(*Get(stack["w"], ctx(), "a")), 2);
}

TEST(Cache, ResultsOfQueriesEndAsRecordsDo) {
  Stack stack(R"("s":[{"type":"cache","ttl":"20ms","follow":"never"},"m"],"m":"memory:")");
  ASSERT_TRUE(Put(stack["m"], ctx(), Version("a", 1)).ok());
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "values(v)")), "1");
  ASSERT_TRUE(Put(stack["m"], ctx(), Version("a", 2)).ok());
  EXPECT_TRUE(Eventually([&] { return Rows(Collect(stack.s(), ctx(), "values(v)")) == "2"; }));
}

TEST(Cache, WhatALaggingCopyAnsweredEnds) {
  Stack stack(R"("s":[{"type":"cache","cache_writes":false},
      {"type":"replicate","mode":"primary","reads":"any",
       "inners":["memory:",[{"type":"slow","delay":"100ms"},"memory:"]]}])");
  int64_t v = 0, got = 0;
  // Until a copy is asked that lags.
  ASSERT_TRUE(Eventually([&] {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(Put(stack.s(), ctx(), Version("a", ++v)).ok());
    got = VersionOf(*Get(stack.s(), ctx(), "a"));
    return got < v;
  }));
  EXPECT_TRUE(Eventually([&] { return VersionOf(*Get(stack.s(), ctx(), "a")) == v; })) << got;
}

TEST(Cache, HearsOfOtherWriters) {
  Stack stack(R"("s":[{"type":"cache"},"m"],"m":"memory:","other":[{"type":"forward"},"m"])");
  ASSERT_TRUE(Put(stack["m"], ctx(), Version("a", 1)).ok());
  for (int64_t v = 2; v < 30; ++v) {
    EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), "a")), v - 1);
    EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "values(v)")), std::to_string(v - 1));
    ASSERT_TRUE(Put(stack["other"], ctx(), Version("a", v)).ok());
    ASSERT_TRUE(Eventually([&] { return VersionOf(*Get(stack.s(), ctx(), "a")) == v; }));
    ASSERT_TRUE(Eventually(
        [&] { return Rows(Collect(stack.s(), ctx(), "values(v)")) == std::to_string(v); }));
  }
}

TEST(Cache, KeepsResultsOfQueriesWhileNothingIsWritten) {
  Stack stack(R"("s":[{"type":"cache"},"memory:"])");
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(Put(stack.s(), ctx(), Version("k" + std::to_string(i), i)).ok());
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "v=ge=8&values(v)")), "8 9");
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "v=ge=8&values(v)")), "8 9");
  EXPECT_EQ(stack.Figure("query_hits"), 1);
  ASSERT_TRUE(Put(stack.s(), ctx(), Version("k8", 1)).ok());
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "v=ge=8&values(v)")), "9");
  EXPECT_EQ(stack.Figure("query_hits"), 1);
  auto t = stack.s().Begin(ctx(), {});
  ASSERT_TRUE(Put(**t, ctx(), Version("k7", 8)).ok());
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "v=ge=8&values(v)")), "9");
  ASSERT_TRUE((*t)->Commit(ctx()).ok());
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "v=ge=8&values(v)")), "8 9");
}

TEST(Cache, AStoreForTheEntriesMayFailOrLie) {
  Stack stack(
      R"("s":[{"type":"cache","in":[{"type":"fault","every":3,"operation":"read"},"c"]},"m"],
                 "m":"memory:","c":"memory:")");
  for (int64_t v = 1; v < 40; ++v) {
    const std::string id = "k" + std::to_string(v % 5);
    ASSERT_TRUE(Put(stack.s(), ctx(), Version(id, v)).ok());
    EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), id)), v);
    EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), id)), v);
    // Somebody meddles with the entries.
    if (v % 7 == 0) {
      ASSERT_TRUE(Put(stack["c"], ctx(), Doc("{\"x\":1}"), "cache:s/0 (cache):" + id).ok());
    }
    EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), id)), v);
  }
  EXPECT_GT(stack.Figure("hits"), 10);
}

TEST(Cache, OnlyItsOwnEntriesInTheStoreForThemAreTouched) {
  Stack stack(R"("s":[{"type":"cache","in":"c"},"m"],"m":"memory:",
                 "c":{"type":"rocksdb","path":"c"})");
  const std::string others = R"({"id":"cache:t/0 (cache):a","x":1})";
  ASSERT_TRUE(Put(stack["c"], ctx(), Doc(others)).ok());
  ASSERT_TRUE(Put(stack.s(), ctx(), Version("a", 1)).ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(VersionOf(*Get(stack.s(), ctx(), "a")), 1);
  }
  EXPECT_EQ(stack.Figure("hits"), 1);
  EXPECT_EQ(Rows(Collect(stack["c"], ctx(), "sort(id)&values(id)")),
            R"("cache:s/0 (cache):a" "cache:t/0 (cache):a")");
  stack.Reopen();
  EXPECT_EQ(Rows(Collect(stack["c"], ctx(), "sort(id)")), others);
}

TEST(Cache, AStoreWithOtherDocumentsIsNoPlaceForEntries) {
  Stack stack(R"("c":{"type":"rocksdb","path":"c"})");
  ASSERT_TRUE(Put(stack["c"], ctx(), Version("mine", 1)).ok());
  stack.Close();
  {
    StageRegistry registry;
    ASSERT_TRUE(RegisterAll(registry).ok());
    const auto refused = Pipeline::FromText(
        R"({"stores":{"s":[{"type":"cache","in":{"type":"rocksdb","path":"c"}},"memory:"]}})",
        stack.folder().string(), registry);
    EXPECT_EQ(Code(refused.status()), "FAILED_PRECONDITION");
    EXPECT_EQ(Message(refused.status()),
              "\"in\" names s/0/in (rocksdb), which holds documents (as \"mine\") that are not a "
              "cache's entries; name an empty store that nothing else uses");
  }
  stack.Open();
  EXPECT_EQ(VersionOf(*Get(stack["c"], ctx(), "mine")), 1);
}

// No read that begins after a write was acknowledged gives what was there before.
void NeverStale(const std::string& stores) {
#ifdef STRATA_SANITIZED
  constexpr int kOps = 1500;
#else
  constexpr int kOps = 15000;
#endif
  constexpr int kKeys = 6, kThreads = 6;
  const uint64_t seed = PrintedSeed();
  Stack stack(stores);
  std::atomic<int64_t> acknowledged[kKeys] = {};
  Mutex writing[kKeys];
  std::vector<std::thread> threads;
  for (int n = 0; n < kThreads; ++n) {
    threads.emplace_back([&, n] {
      RandomJson random(seed + static_cast<uint64_t>(n));
      for (int i = 0; i < kOps; ++i) {
        const size_t k = random.Below(kKeys);
        const std::string id = "k" + std::to_string(k);
        if (random.Below(4) == 0) {
          MutexLock lock(writing[k]);
          const int64_t v = acknowledged[k].load() + 1;
          if (random.Below(3) == 0) {
            auto t = stack.s().Begin(ctx(), {});
            ASSERT_TRUE(Put(**t, ctx(), Version(id, v)).ok());
            ASSERT_TRUE((*t)->Commit(ctx()).ok());
          } else {
            ASSERT_TRUE(Put(stack.s(), ctx(), Version(id, v)).ok());
          }
          acknowledged[k].store(v);
        } else {
          const int64_t before = acknowledged[k].load();
          if (random.Below(5) == 0) {
            const auto rows = Collect(stack.s(), ctx(), "id=" + id + "&values(v)");
            ASSERT_TRUE(rows.ok());
            if (before > 0) {
              ASSERT_GE((*rows)[0].root().number().int_value(), before);
            }
          } else {
            const auto r = Get(stack.s(), ctx(), id);
            ASSERT_TRUE(r.ok());
            ASSERT_GE(VersionOf(*r), before);
          }
        }
      }
    });
  }
  for (auto& t : threads) t.join();
}

TEST(Cache, IsNeverStaleOverMemory) { NeverStale(R"("s":[{"type":"cache"},"memory:"])"); }
TEST(Cache, IsNeverStaleWhenCrowded) {
  NeverStale(R"("s":[{"type":"cache","max_entries":3,"cache_writes":false},"memory:"])");
}
TEST(Cache, IsNeverStaleWithAStoreForItsEntries) {
  NeverStale(R"("s":[{"type":"cache","in":"memory:","max_entries":4},"memory:"])");
}
TEST(Cache, IsNeverStaleOverRocksdb) {
  NeverStale(R"("s":[{"type":"cache"},{"type":"rocksdb","path":"d","durability":"async"}])");
}

}  // namespace
}  // namespace strata::testing
