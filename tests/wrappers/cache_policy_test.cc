// Whom a cache drives out (S3-FIFO), what it says of that, and when its entries end.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <thread>

#include "tests/support/lru.h"
#include "tests/support/random_json.h"
#include "tests/wrappers/cache_client.h"

namespace strata::testing {
namespace {

const Context& ctx() { return Context::Background(); }

// ---- S3-FIFO ----

// Reads COUNT ids for the first time.
void Scan(Client& client, const std::string& prefix, int count) {
  for (int i = 0; i < count; ++i) EXPECT_FALSE(client.Read(prefix + std::to_string(i)));
}

TEST(S3Fifo, WhatWasReadOncePassesThroughTheSmallQueue) {
  Client client({1 << 20, 100});
  for (int i = 0; i < 50; ++i) {
    for (int n = 0; n < 3; ++n) client.Read("hot" + std::to_string(i));
  }
  for (int i = 0; i < 10000; ++i) EXPECT_FALSE(client.Read("once" + std::to_string(i)));
  // First in, first out of what was read once; the rest stays.
  EXPECT_EQ(client.Held("hot", 0, 50), 50);
  EXPECT_EQ(client.Held("once", 0, 9950), 0);
  EXPECT_EQ(client.Held("once", 9950, 10000), 50);
  EXPECT_EQ(client.table().evictions(), 9950u);
}

TEST(S3Fifo, WhatReturnsSoonEntersTheMainQueueAtOnce) {
  Client client({1 << 20, 100});
  // Both leave the small queue; one of them is asked for again soon, one too late.
  EXPECT_FALSE(client.Read("late"));
  Scan(client, "a", 300);
  EXPECT_FALSE(client.Read("soon"));
  Scan(client, "b", 110);
  EXPECT_FALSE(client.Read("soon"));
  EXPECT_FALSE(client.Read("late"));
  EXPECT_FALSE(client.Read("new"));
  Scan(client, "c", 1000);
  std::optional<Record> found;
  EXPECT_TRUE(client.Holds("soon", &found));
  EXPECT_FALSE(client.Holds("late", &found));
  EXPECT_FALSE(client.Holds("new", &found));
  EXPECT_EQ(client.table().entries(), 100u);
}

TEST(S3Fifo, WhatIsWrittenKeepsItsPlaceAndItsHits) {
  enum class Write { kWhole, kUnknown, kByOthers };
  const Record written{Doc("{\"v\":2}"), 2};
  for (const Write write : {Write::kWhole, Write::kUnknown, Write::kByOthers}) {
    Client client({1 << 20, 100});
    const auto hot = [](int i) { return "hot" + std::to_string(i); };
    for (int i = 0; i < 20; ++i) {
      for (int n = 0; n < 3; ++n) client.Read(hot(i));
    }
    Scan(client, "a", 200);
    ASSERT_EQ(client.Held("hot", 0, 20), 20);
    std::vector<std::string> dropped;
    for (int i = 0; i < 20; ++i) {
      switch (write) {
        case Write::kWhole:
          client.Write(hot(i), written);
          EXPECT_TRUE(client.Read(hot(i)));
          break;
        case Write::kUnknown:
          client.table().BeginWrite(hot(i));
          client.table().EndWrite(hot(i), nullptr, {}, &dropped);
          EXPECT_FALSE(client.Read(hot(i)));
          break;
        case Write::kByOthers:
          client.table().Invalidate(hot(i), 2);
          EXPECT_FALSE(client.Read(hot(i)));
          break;
      }
    }
    Scan(client, "b", 1000);
    EXPECT_EQ(client.Held("hot", 0, 20), 20);
  }
  // Also while it stands in the small queue; and a write alone makes nothing hot.
  Client client({1 << 20, 100});
  for (int n = 0; n < 3; ++n) client.Read("hot");
  client.Read("cold");
  for (int n = 0; n < 5; ++n) {
    for (const char* id : {"hot", "cold"}) client.Write(id, written);
  }
  Scan(client, "a", 1000);
  std::optional<Record> found;
  EXPECT_TRUE(client.Holds("hot", &found));
  EXPECT_FALSE(client.Holds("cold", &found));
}

TEST(S3Fifo, WhatReturnedIsNoGhostAndAGhostAnewIsLastInLine) {
  // The main queue is full, so the small one has ten entries and 90 ghosts are remembered.
  const auto prepare = [](Client& client) {
    for (int i = 0; i < 90; ++i) {
      for (int n = 0; n < 3; ++n) client.Read("hot" + std::to_string(i));
    }
    Scan(client, "a", 200);
    EXPECT_EQ(client.Held("hot", 0, 90), 90);
    // Leaves the small queue, returns to the main one, and is forgotten.
    EXPECT_FALSE(client.Read("x"));
    Scan(client, "b", 15);
    EXPECT_FALSE(client.Read("x"));
    client.table().Erase("x");
    EXPECT_FALSE(client.Read("x"));
  };
  std::optional<Record> found;
  {
    Client client({1 << 20, 100});
    prepare(client);
    Scan(client, "c", 15);
    EXPECT_FALSE(client.Holds("x", &found));
  }
  Client client({1 << 20, 100});
  prepare(client);
  // It leaves the small queue again, and then its first place in line, but not yet its second one,
  // is reached.
  Scan(client, "c", 85);
  EXPECT_FALSE(client.Read("x"));
  Scan(client, "d", 1000);
  EXPECT_TRUE(client.Holds("x", &found));
}

// The share of hits among requests of which the i-th most frequent id has the share 1/i. `scan`: so
// many ids that nobody asks for again follow every 2,000 requests.
template <typename Cache>
double HitRatio(Cache& cache, int scan) {
  constexpr int kIds = 10000, kRequests = 100000;
  std::vector<double> up_to;
  double sum = 0;
  for (int i = 1; i <= kIds; ++i) up_to.push_back(sum += 1.0 / i);
  // Not one of the library's distributions, which differ from library to library.
  std::mt19937_64 random(7);
  int hits = 0, fresh = 0;
  for (int i = 0; i < kRequests; ++i) {
    const double x = static_cast<double>(random() >> 11) * 0x1p-53 * sum;
    const auto id = std::lower_bound(up_to.begin(), up_to.end(), x) - up_to.begin();
    hits += cache.Read("k" + std::to_string(id));
    if (i % 2000 != 1999) continue;
    for (int k = 0; k < scan; ++k) cache.Read("scan" + std::to_string(fresh++));
  }
  return static_cast<double>(hits) / kRequests;
}

TEST(S3Fifo, HitsMoreOftenThanLruAndScansDoNotMatter) {
  constexpr size_t kEntries = 200;
  Client plain({64 << 20, kEntries}), scanned({64 << 20, kEntries});
  Lru<std::string> plain_lru(kEntries), scanned_lru(kEntries);
  const double without = HitRatio(plain, 0), with = HitRatio(scanned, 1000);
  const double lru_without = HitRatio(plain_lru, 0), lru_with = HitRatio(scanned_lru, 1000);
  std::cout << "hits: S3-FIFO " << without << ", with scans " << with << "; LRU " << lru_without
            << ", with scans " << lru_with << "\n";
  EXPECT_GT(without, lru_without + 0.05);
  EXPECT_GT(with, lru_with + 0.08);
  EXPECT_GT(with, without - 0.02);
  EXPECT_LE(scanned.table().entries(), kEntries);
}

// ---- documents elsewhere ----

// Whatever happens to an entry, and in whatever order fetches end.
TEST(CacheElsewhere, OfEveryDocumentElsewhereItIsSaidWhenItIsForgotten) {
#ifdef STRATA_SANITIZED
  constexpr int kSteps = 20000;
#else
  constexpr int kSteps = 200000;
#endif
  using cache::CacheTable;
  using Fetch = std::pair<std::string, std::shared_ptr<cache::Flight>>;
  RandomJson random(PrintedSeed());
  CacheTable table({8192, 12});
  static int64_t now;
  now = 0;
  uint64_t revision = 0;
  std::set<std::string> elsewhere;
  size_t most = 0;  // of them at any time
  std::vector<Fetch> under_way;
  std::vector<std::string> dropped;
  const auto some_record = [&] {
    const int largest = random.Below(10) == 0 ? 8000 : 800;
    ++revision;
    return Record{Version("k", 1, static_cast<size_t>(random.Below(largest))), revision};
  };
  for (int i = 0; i < kSteps; ++i, ++now) {
    std::string id = "k" + std::to_string(random.Below(30));
    bool gone = false;
    switch (random.Below(8)) {
      case 0: {
        gone = table.BeginWrite(id);
        std::optional<Record> left;
        if (random.Below(2) == 0) left = some_record();
        table.EndWrite(id, random.Below(2) == 0 ? &left : nullptr, {}, &dropped);
        break;
      }
      case 1:
        gone = random.Below(2) == 0 ? table.Erase(id) : table.Invalidate(id, ++revision);
        break;
      case 2:
        if (random.Below(200) > 0) break;
        dropped = table.Clear();
        break;
      case 3:
      case 4:
      case 5: {
        std::optional<Record> record;
        std::shared_ptr<cache::Flight> flight;
        switch (table.Find(
            id, [] { return now; }, &record, &flight)) {
          case CacheTable::Found::kStale:
          case CacheTable::Found::kLead:
            if (flight != nullptr) under_way.emplace_back(id, flight);
            break;
          case CacheTable::Found::kHit:
          case CacheTable::Found::kJoin:
          case CacheTable::Found::kBusy:
            break;
        }
        break;
      }
      default: {
        if (under_way.empty()) break;
        std::swap(under_way[static_cast<size_t>(random.Below(static_cast<int>(under_way.size())))],
                  under_way.back());
        const std::shared_ptr<cache::Flight> flight = under_way.back().second;
        id = under_way.back().first;
        under_way.pop_back();
        const std::optional<Record> nothing;
        if (!table.Begin(flight, id) && random.Below(2) == 0) break;
        switch (random.Below(5)) {
          case 0:
            gone = table.Abandon(flight, id);
            break;
          case 1:
            gone = table.Abandon(flight, id, nothing);
            break;
          case 2:
            table.Fill(flight, id, nothing, {now + 20, now + 20}, false, &dropped);
            break;
          default:
            elsewhere.insert(id);
            table.Fill(flight, id, some_record(), {now + 20, now + 40}, true, &dropped);
        }
      }
    }
    if (gone) elsewhere.erase(id);
    for (const std::string& d : dropped) elsewhere.erase(d);
    dropped.clear();
    ASSERT_LE(elsewhere.size(), table.entries());
    most = std::max(most, elsewhere.size());
  }
  EXPECT_GT(table.evictions(), 500u);
  EXPECT_GT(most, 0u);
  for (const std::string& d : table.Clear()) elsewhere.erase(d);
  EXPECT_EQ(elsewhere, std::set<std::string>());
}

// ---- jitter ----

// How entries come into the cache.
enum class Kept { kWhenRead, kWhenWritten, kAsNothing };

// Reads 200 entries of one moment until all have ended. True when it looked at them while only some
// should have; how fast it looks is the machine's.
bool WatchThemEnd(Kept how, int ttl) {
  using Millis = std::chrono::milliseconds;
  constexpr size_t kEntries = 200;
  // The cache's clock goes by the kernel's ticks, and so does this one.
  const auto now = [] {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return Millis(static_cast<int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1000000);
  };
  constexpr Millis kTick(2);
  const Millis longest(ttl), spread(ttl / 2);
  const std::string duration = "\"" + std::to_string(ttl) + "ms\"";
  Stack stack(R"("s":[{"type":"cache","ttl":)" + duration + R"(,"negative_ttl":)" + duration +
              R"(,"jitter":50,"follow":"never"},"m"],"m":"memory:")");
  std::vector<std::string> ids;
  WriteBatch first, second;
  for (size_t i = 0; i < kEntries; ++i) {
    ids.push_back("k" + std::to_string(i));
    first.Put(Version(ids.back(), 1));
    second.Put(Version(ids.back(), 2));
  }
  const std::vector<std::string_view> views(ids.begin(), ids.end());
  std::vector<std::optional<Record>> out(kEntries);
  if (how == Kept::kWhenRead) {
    EXPECT_TRUE(stack["m"].Write(ctx(), first).ok());
  }
  const auto filling = now();
  if (how == Kept::kWhenWritten) {
    EXPECT_TRUE(stack.s().Write(ctx(), first).ok());
  } else {
    EXPECT_TRUE(stack.s().Read(ctx(), views, out).ok());
  }
  const auto filled = now();
  EXPECT_EQ(stack.Figure("entries"), kEntries);
  // The cache does not hear of this.
  EXPECT_TRUE(stack["m"].Write(ctx(), second).ok());
  bool seen = false;
  for (;;) {
    const auto begin = now();
    EXPECT_TRUE(stack.s().Read(ctx(), views, out).ok());
    const auto end = now();
    const auto ended = std::count_if(out.begin(), out.end(), [](const auto& r) {
      return r && r->document.Find("v").number().int_value() == 2;
    });
    if (end + kTick < filling + longest - spread) {
      EXPECT_EQ(ended, 0);
    }
    if (begin > filled + longest - spread * 3 / 4 && end < filling + longest - spread / 4) {
      // A quarter has ended and another one has not, each but for the tick.
      EXPECT_GT(ended, 10);
      EXPECT_LT(ended, 190);
      seen = true;
    }
    if (begin > filled + longest + kTick) {
      EXPECT_EQ(ended, 200);
      return seen;
    }
    std::this_thread::sleep_for(Millis(2));
  }
}

TEST(CacheJitter, EntriesOfOneMomentEndApartAndNoneLivesLongerThanItMay) {
  for (const Kept how : {Kept::kWhenRead, Kept::kWhenWritten, Kept::kAsNothing}) {
    bool seen = false;
    for (int ttl = 800; !seen && ttl < 60000; ttl *= 2) seen = WatchThemEnd(how, ttl);
    EXPECT_TRUE(seen) << "the machine was too slow to look";
  }
}

}  // namespace
}  // namespace strata::testing
