// What a cache may hold, in memory and in a store of its own.
#include <atomic>
#include <map>
#include <thread>

#include "tests/support/random_json.h"
#include "tests/wrappers/cache_client.h"

namespace strata::testing {
namespace {

using cache::CacheTable;
using cache::TableOptions;
using SteadyClock = std::chrono::steady_clock;

const Context& ctx() { return Context::Background(); }

#ifdef STRATA_SANITIZED
constexpr int kScale = 1;
#else
constexpr int kScale = 8;
#endif

std::string TextOf(const StatusOr<std::optional<Record>>& r) {
  if (!r.ok()) return Describe(r.status());
  return *r ? std::string((*r)->document.text()) : "nothing";
}
// ---- bounds ----

// What an entry counts beside its id and its text.
size_t Overhead() {
  Client one({});
  const Document d = Version("a", 1);
  std::optional<Record> found;
  one.Read("a", Record{d, 1}, &found);
  return one.table().bytes() - 1 - d.text().size();
}

struct Crowd {
  TableOptions options;
  int ids;
  int typical, largest;  // bytes of documents
};

TEST(CacheBounds, HoldBehindEveryOperation) {
  const size_t overhead = Overhead();
  const uint64_t seed = PrintedSeed();
  for (const Crowd& load :
       {Crowd{{4096, 0}, 200, 300, 6000}, Crowd{{64 << 10, 20}, 200, 3000, 90000},
        Crowd{{2 << 20, 0}, 3000, 8000, 800000}, Crowd{{4 << 20, 1024}, 4000, 400, 1500000}}) {
    RandomJson random(seed);
    Client client(load.options);
    CacheTable& table = client.table();
    std::map<std::string, std::optional<Record>> truth;
    for (int i = 0; i < load.ids; ++i) truth["k" + std::to_string(i)];
    uint64_t revision = 0;
    const auto changed = [&](const std::string& id) {
      const int limit = random.Below(64) == 0 ? load.largest : load.typical;
      const auto bytes = static_cast<size_t>(random.Below(limit));
      ++revision;
      return Record{Version(id, static_cast<int64_t>(revision), bytes), revision};
    };
    // What is counted is what is there, and it is the newest.
    const auto check = [&] {
      size_t entries = 0, bytes = 0;
      for (const auto& [id, record] : truth) {
        std::optional<Record> found;
        if (!client.Holds(id, &found)) continue;
        ASSERT_EQ(found ? found->revision : 0, record ? record->revision : 0) << id;
        ++entries;
        bytes += overhead + id.size() + (found ? found->document.text().size() : 0);
      }
      ASSERT_EQ(table.entries(), entries);
      ASSERT_EQ(table.bytes(), bytes);
    };
    for (int i = 0; i < 5000 * kScale; ++i) {
      const std::string id = "k" + std::to_string(random.Below(load.ids));
      std::optional<Record>& record = truth[id];
      std::optional<Record> found;
      switch (random.Below(10)) {
        case 0:
        case 1:
          record = changed(id);
          client.Write(id, record);
          break;
        case 2:
          record.reset();
          client.Write(id, record);
          break;
        case 3:  // somebody else writes
          record = changed(id);
          table.Invalidate(id, revision);
          break;
        case 4:
          if (random.Below(1000) == 0) table.Clear();
          break;
        default:
          client.Read(id, record, &found);
          ASSERT_EQ(found ? found->revision : 0, record ? record->revision : 0) << id;
      }
      ASSERT_LE(table.bytes(), load.options.max_bytes);
      if (load.options.max_entries > 0) {
        ASSERT_LE(table.entries(), load.options.max_entries);
      }
      if (i % 1000 == 999) check();
      if (HasFatalFailure()) return;
    }
    EXPECT_GT(table.evictions(), 20u);
  }
}

TEST(CacheBounds, HoldWhileManyClientsReadAndWrite) {
  constexpr double kBytes = 16 << 10, kEntries = 30, kQueries = 4 << 10;
  constexpr int kIds = 200, kClients = 4;
  const uint64_t seed = PrintedSeed();
  Stack stack(R"("s":[{"type":"cache","capacity":"16KiB","max_entries":30,"queries":"4KiB",
                       "follow":"never"},"m"],"m":"memory:")");
  std::atomic<bool> stop{false};
  std::thread watcher([&] {
    while (!stop.load()) {
      // A newcomer is counted before those have gone that make room for it: one at a time, as there
      // is one shard, and none has more than half of the bytes.
      ASSERT_LE(stack.Figure("bytes"), kBytes * 1.5);
      ASSERT_LE(stack.Figure("entries"), kEntries + 1);
      ASSERT_LE(stack.Figure("query_bytes"), kQueries);
    }
  });
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&, c] {
      RandomJson random(seed + static_cast<uint64_t>(c));
      for (int i = 0; i < 1000 * kScale; ++i) {
        const std::string id = "k" + std::to_string(random.Below(kIds));
        const auto bytes = static_cast<size_t>(random.Below(random.Below(20) == 0 ? 20000 : 800));
        switch (random.Below(8)) {
          case 0:
            ASSERT_TRUE(Put(stack.s(), ctx(), Version(id, i, bytes)).ok());
            break;
          case 1: {
            const Status s =
                Update(stack.s(), ctx(), id, Doc("{\"more\":\"" + std::string(bytes, 'y') + "\"}"))
                    .status();
            ASSERT_TRUE(s.ok() || Code(s) == "NOT_FOUND") << Describe(s);
            break;
          }
          case 2:
            ASSERT_TRUE(Delete(stack.s(), ctx(), id).ok());
            break;
          case 3:
            ASSERT_TRUE(Collect(stack.s(), ctx(), "id=" + id + "&values(v)").ok());
            break;
          default:
            ASSERT_TRUE(Get(stack.s(), ctx(), id).ok());
        }
      }
    });
  }
  for (auto& t : clients) t.join();
  stop.store(true);
  watcher.join();
  EXPECT_LE(stack.Figure("bytes"), kBytes);
  EXPECT_LE(stack.Figure("entries"), kEntries);
  EXPECT_GT(stack.Figure("evictions"), 100);
  EXPECT_GT(stack.Figure("query_bytes"), 0);
  for (int i = 0; i < kIds; ++i) {
    const std::string id = "k" + std::to_string(i);
    ASSERT_EQ(TextOf(Get(stack.s(), ctx(), id)), TextOf(Get(stack["m"], ctx(), id)));
  }
}

TEST(CacheBounds, WhatIsTooLargeIsReadButNotKeptAndDrivesNothingOut) {
  Stack stack(R"("s":[{"type":"cache","capacity":"4KiB","follow":"never"},"m"],"m":"memory:")");
  const std::string big(Version("big", 1, 10000).text());
  ASSERT_TRUE(Put(stack["m"], ctx(), Doc(big)).ok());
  for (const char* id : {"a", "b"}) {
    ASSERT_TRUE(Put(stack["m"], ctx(), Version(id, 1)).ok());
    ASSERT_TRUE(Get(stack.s(), ctx(), id)->has_value());
  }
  for (int i = 0; i < 2; ++i) EXPECT_EQ(TextOf(Get(stack.s(), ctx(), "big")), big);
  EXPECT_EQ(stack.Figure("misses"), 4);
  EXPECT_EQ(stack.Figure("fills"), 2);
  EXPECT_EQ(stack.Figure("entries"), 2);
  // One that grows takes what there was of it along, and nothing else.
  const std::string grown(Version("a", 2, 10000).text());
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(grown)).ok());
  EXPECT_EQ(stack.Figure("entries"), 1);
  EXPECT_EQ(TextOf(Get(stack.s(), ctx(), "a")), grown);
  ASSERT_TRUE(Put(stack.s(), ctx(), Version("a", 3)).ok());
  EXPECT_EQ(stack.Figure("entries"), 2);
  EXPECT_EQ(stack.Figure("evictions"), 0);
  for (const char* id : {"a", "b"}) EXPECT_TRUE(Get(stack.s(), ctx(), id)->has_value());
  EXPECT_EQ(stack.Figure("hits"), 2);
}

TEST(CacheBounds, AnUpdateThatGrowsAnEntryMakesRoomForIt) {
  Client client({4096, 0});
  std::optional<Record> found;
  for (int i = 0; i < 10; ++i) {
    const std::string id = "k" + std::to_string(i);
    client.Read(id, Record{Version(id, 1, 150), 1}, &found);
  }
  ASSERT_EQ(client.table().entries(), 10u);
  const uint64_t before = client.table().bytes();
  const size_t smaller = Version("k9", 1, 150).text().size();
  const Document grown = Version("k9", 2, 1200);
  client.Write("k9", Record{grown, 2});
  EXPECT_GT(client.table().evictions(), 0u);
  EXPECT_LE(client.table().bytes(), 4096u);
  ASSERT_TRUE(client.Holds("k9", &found));
  EXPECT_EQ(found->document.text(), grown.text());
  // It takes the place of its old self, and not another one.
  const uint64_t evicted = client.table().evictions();
  EXPECT_EQ(client.table().entries(), 10 - evicted);
  const uint64_t each = (before - client.table().bytes() + grown.text().size() - smaller) / evicted;
  EXPECT_EQ(each, before / 10);
}

TEST(CacheBounds, WhatIsKnownNotToBeThereTakesRoomToo) {
  Stack stack(R"("s":[{"type":"cache","max_entries":10},"memory:"],
                 "b":[{"type":"cache","capacity":"4KiB"},"memory:"])");
  for (int i = 0; i < 500; ++i) {
    const std::string id = "k" + std::to_string(i);
    for (const char* store : {"s", "b"}) EXPECT_FALSE(Get(stack[store], ctx(), id)->has_value());
    ASSERT_LE(stack.Figure("entries"), 10);
    ASSERT_LE(stack.Figure("bytes", "b"), 4096);
  }
  EXPECT_EQ(stack.Figure("entries"), 10);
  EXPECT_EQ(stack.Figure("evictions"), 490);
  EXPECT_GT(stack.Figure("bytes", "b"), 2048);
  EXPECT_GT(stack.Figure("entries", "b"), 5);
}

// ---- the store for the entries ----

size_t CountIn(Stack& stack, const char* store) {
  const auto count = Count(stack[store], ctx());
  EXPECT_TRUE(count.ok()) << Describe(count.status());
  return count.ok() ? *count : 0;
}

TEST(CacheBounds, TheStoreForTheEntriesHoldsNoMoreThanIsCounted) {
  RandomJson random(PrintedSeed());
  Stack stack(R"("s":[{"type":"cache","in":"c","capacity":"16KiB","max_entries":20,
                       "follow":"never"},"m"],"m":"memory:","c":"memory:")");
  size_t seen = 0;
  for (int i = 0; i < 500 * kScale; ++i) {
    const std::string id = "k" + std::to_string(random.Below(100));
    const auto bytes = static_cast<size_t>(random.Below(random.Below(10) == 0 ? 20000 : 1500));
    switch (random.Below(6)) {
      case 0:
        ASSERT_TRUE(Put(stack.s(), ctx(), Version(id, i, bytes)).ok());
        break;
      case 1:
        ASSERT_TRUE(Delete(stack.s(), ctx(), id).ok());
        break;
      default:
        ASSERT_EQ(TextOf(Get(stack.s(), ctx(), id)), TextOf(Get(stack["m"], ctx(), id)));
    }
    if (i % 20 != 0) continue;
    const auto rows = Collect(stack["c"], ctx(), "");
    ASSERT_TRUE(rows.ok()) << Describe(rows.status());
    size_t held = 0;
    for (const Document& d : *rows) held += d.Find("document").text().size();
    ASSERT_LE(rows->size(), stack.Figure("entries"));
    ASSERT_LE(stack.Figure("entries"), 20);
    ASSERT_LE(held, 16u << 10);
    seen += rows->size();
  }
  EXPECT_GT(stack.Figure("evictions"), 50);
  EXPECT_GT(seen, 0u);
}

TEST(CacheBounds, WhatHasEndedAndIsGoneBelowLeavesTheStoreForTheEntries) {
  Stack stack(R"("s":[{"type":"cache","in":"c","ttl":"20ms","jitter":0,"negative_ttl":"1h",
                       "follow":"never"},"m"],"m":"memory:","c":"memory:")");
  for (int i = 0; i < 10; ++i) {
    const std::string id = "k" + std::to_string(i);
    ASSERT_TRUE(Put(stack["m"], ctx(), Version(id, 1)).ok());
    ASSERT_TRUE(Get(stack.s(), ctx(), id)->has_value());
    ASSERT_TRUE(Delete(stack["m"], ctx(), id).ok());
  }
  EXPECT_EQ(CountIn(stack, "c"), 10u);
  for (int i = 0; i < 10; ++i) {
    const std::string id = "k" + std::to_string(i);
    EXPECT_TRUE(Eventually([&] { return !Get(stack.s(), ctx(), id)->has_value(); }));
  }
  EXPECT_EQ(Rows(Collect(stack["c"], ctx(), "values(id)")), "");
}

TEST(CacheBounds, WhatIsForgottenWithTheFeedLeavesTheStoreForTheEntries) {
  // The feed breaks again and again, and then nothing that is kept can be trusted.
  Stack stack(R"("s":[{"type":"cache","in":"c","follow":"always"},
                      {"type":"fault","every":3,"operation":"changes"},"m"],
                 "m":"memory:","c":"memory:")");
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(Put(stack["m"], ctx(), Version("k" + std::to_string(i), 1)).ok());
  ASSERT_TRUE(Eventually([&] {
    for (int i = 0; i < 10; ++i)
      EXPECT_TRUE(Get(stack.s(), ctx(), "k" + std::to_string(i))->has_value());
    return stack.Figure("entries") == 10;
  }));
  ASSERT_TRUE(Eventually([&] {
    EXPECT_TRUE(Put(stack["m"], ctx(), Version("x", 1)).ok());
    return stack.Figure("entries") == 0;
  }));
  EXPECT_TRUE(Eventually([&] { return CountIn(stack, "c") == 0; }))
      << Rows(Collect(stack["c"], ctx(), "values(id)"));
}

TEST(CacheBounds, WhatIsWrongOrWasPutInVainLeavesTheStoreForTheEntries) {
  Stack stack(R"("m":"memory:","c":"memory:","s":[{"type":"cache","follow":"never","in":
      [{"type":"fault","every":2,"operation":"write","when":"after"},"c"]},"m"])");
  for (const char* id : {"a", "b"}) {
    ASSERT_TRUE(Put(stack["m"], ctx(), Version(id, 1)).ok());
    ASSERT_TRUE(Get(stack.s(), ctx(), id)->has_value());
  }
  // The second one was put, and it was said that it was not.
  EXPECT_EQ(Rows(Collect(stack["c"], ctx(), "values(id)")), R"("cache:s/0 (cache):a")");
  ASSERT_TRUE(Put(stack["c"], ctx(), Doc("{}"), "cache:s/0 (cache):a").ok());
  ASSERT_TRUE(Get(stack.s(), ctx(), "a")->has_value());
  EXPECT_EQ(CountIn(stack, "c"), 0u);
}

TEST(CacheBounds, WhatManyClientsReadAndWriteLeavesTheStoreForTheEntries) {
  constexpr int kIds = 60, kClients = 4;
  const uint64_t seed = PrintedSeed();
  Stack stack(R"("s":[{"type":"cache","in":"c","max_entries":59,"ttl":"5ms","stale":"5ms",
                       "negative_ttl":"5ms","follow":"never"},"m"],"m":"memory:","c":"memory:")");
  std::atomic<bool> stop{false};
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&, c] {
      RandomJson random(seed + static_cast<uint64_t>(c));
      while (!stop.load()) {
        const std::string id = "k" + std::to_string(random.Below(kIds));
        // Also past the cache.
        Store& target = stack[random.Below(4) == 0 ? "s" : "m"];
        switch (random.Below(400)) {
          case 0:
            ASSERT_TRUE(Put(target, ctx(), Version(id, 1)).ok());
            break;
          case 1:
            ASSERT_TRUE(Delete(target, ctx(), id).ok());
            break;
          default:
            ASSERT_TRUE(Get(stack.s(), ctx(), id).ok());
        }
      }
    });
  }
  EXPECT_TRUE(Eventually([&] {
    return stack.Figure("stale_serves") > 20 * kScale && stack.Figure("evictions") > 20 * kScale;
  }));
  stop.store(true);
  for (auto& t : clients) t.join();
  // Now nothing is known of any, and some refreshes may still end.
  for (int i = 0; i < kIds; ++i)
    ASSERT_TRUE(Delete(stack.s(), ctx(), "k" + std::to_string(i)).ok());
  EXPECT_TRUE(Eventually([&] { return CountIn(stack, "c") == 0; }))
      << Rows(Collect(stack["c"], ctx(), "values(id)"));
  EXPECT_EQ(stack.Figure("side_failures"), 0);
}

TEST(CacheBounds, WhatARefreshDoesNotFindIsServedNoLonger) {
  for (const char* in : {"", R"("in":"c",)"}) {
    Stack stack(Concat(R"("m":"memory:","c":"memory:","s":[{"type":"cache",)", in,
                       R"("ttl":"20ms","jitter":0,"stale":"1h","negative_ttl":"0ms",
                          "follow":"never"},"m"])"));
    ASSERT_TRUE(Put(stack["m"], ctx(), Version("a", 1)).ok());
    ASSERT_TRUE(Get(stack.s(), ctx(), "a")->has_value());
    ASSERT_TRUE(Delete(stack["m"], ctx(), "a").ok());
    EXPECT_TRUE(Eventually([&] { return !Get(stack.s(), ctx(), "a")->has_value(); }));
    EXPECT_EQ(stack.Figure("entries"), 0);
    EXPECT_TRUE(Eventually([&] { return CountIn(stack, "c") == 0; }));
  }
}

}  // namespace
}  // namespace strata::testing
