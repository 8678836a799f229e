// Single documents behave as registers: every recorded history of concurrent clients can be put
// into one order that respects real time.
#include "tests/support/linearizability.h"

#include <atomic>
#include <thread>

#include "tests/support/random_json.h"
#include "tests/wrappers/stack.h"

namespace strata::testing {
namespace {

struct Named {
  const char* name;
  const char* stores;
};
void PrintTo(const Named& n, std::ostream* out) { *out << n.name; }

class Linearizability : public ::testing::TestWithParam<Named> {};

TEST(LinearizabilityChecker, TellsRightFromWrong) {
  using K = RegisterOp::Kind;
  // A read of the old value between the end of a write and the next one.
  EXPECT_FALSE(IsLinearizable({{K::kWrite, 1, 0, 1, 2}, {K::kRead, 0, 0, 3, 4}}, 0));
  EXPECT_TRUE(IsLinearizable({{K::kWrite, 1, 0, 1, 5}, {K::kRead, 0, 0, 3, 4}}, 0));
  // New, then old.
  EXPECT_FALSE(
      IsLinearizable({{K::kWrite, 1, 0, 1, 9}, {K::kRead, 1, 0, 2, 3}, {K::kRead, 0, 0, 4, 5}}, 0));
  // An operation whose end is not known may have happened, or not.
  EXPECT_TRUE(IsLinearizable({{K::kWrite, 1, 0, 1, UINT64_MAX}, {K::kRead, 1, 0, 3, 4}}, 0));
  EXPECT_TRUE(IsLinearizable({{K::kWrite, 1, 0, 1, UINT64_MAX}, {K::kRead, 0, 0, 3, 4}}, 0));
  // Two that both found the same.
  EXPECT_FALSE(IsLinearizable({{K::kSwap, 1, 0, 1, 4}, {K::kSwap, 2, 0, 2, 5}}, 0));
}

TEST_P(Linearizability, HistoriesOfEightClients) {
#ifdef STRATA_SANITIZED
  constexpr int kHistories = 80;
#else
  constexpr int kHistories = 1000;
#endif
  constexpr int kClients = 8, kKeys = 4, kOps = 24;
  const uint64_t seed = PrintedSeed();
  Stack stack(GetParam().stores);
  Store& store = stack.s();
  const Context& ctx = Context::Background();
  std::atomic<uint64_t> clock{1};
  std::atomic<int64_t> values{1};
  int checked = 0;
  for (int round = 0; checked < kHistories && round < kHistories; ++round) {
    std::vector<std::vector<RegisterOp>> recorded(kClients * kKeys);
    std::vector<std::thread> clients;
    for (int c = 0; c < kClients; ++c) {
      clients.emplace_back([&, c] {
        RandomJson random(seed + static_cast<uint64_t>(round) * kClients +
                          static_cast<uint64_t>(c));
        for (int i = 0; i < kOps; ++i) {
          const int k = static_cast<int>(random.Below(kKeys));
          const std::string id = std::to_string(round) + "-" + std::to_string(k);
          RegisterOp op;
          op.begin = clock.fetch_add(1);
          const uint64_t what = random.Below(10);
          bool known = true;
          if (what < 6) {
            const auto r = Get(store, ctx, id);
            ASSERT_TRUE(r.ok()) << Describe(r.status());
            op.value = *r ? (*r)->document.Find("v").number().int_value() : 0;
          } else if (what == 6) {
            op.kind = RegisterOp::Kind::kWrite;
            ASSERT_TRUE(Delete(store, ctx, id).ok());
          } else if (what == 7) {
            // Creates, or fails because something is there.
            op.kind = RegisterOp::Kind::kSwap;
            op.value = values.fetch_add(1);
            const auto w = Create(
                store, ctx, Doc("{\"id\":\"" + id + "\",\"v\":" + std::to_string(op.value) + "}"));
            known = w.ok();
            if (!w.ok()) {
              ASSERT_EQ(Code(w.status()), "ALREADY_EXISTS") << Describe(w.status());
            }
          } else {
            op.kind = RegisterOp::Kind::kWrite;
            op.value = values.fetch_add(1);
            const auto w = Put(
                store, ctx, Doc("{\"id\":\"" + id + "\",\"v\":" + std::to_string(op.value) + "}"));
            ASSERT_TRUE(w.ok()) << Describe(w.status());
          }
          op.end = clock.fetch_add(1);
          if (known) recorded[static_cast<size_t>(c * kKeys + k)].push_back(op);
        }
      });
    }
    for (auto& t : clients) t.join();
    for (int k = 0; k < kKeys; ++k) {
      std::vector<RegisterOp> history;
      for (int c = 0; c < kClients; ++c) {
        const auto& part = recorded[static_cast<size_t>(c * kKeys + k)];
        history.insert(history.end(), part.begin(), part.end());
      }
      if (history.size() > 64) continue;  // more than the checker takes
      ++checked;
      ASSERT_TRUE(IsLinearizable(history, 0)) << ShowHistory(history);
    }
  }
  std::cout << "histories checked: " << checked << "\n";
  EXPECT_GE(checked, kHistories);
}

constexpr Named kStacks[] = {
    {"memory", R"("s":"memory:")"},
    {"rocksdb", R"("s":{"type":"rocksdb","path":"d","durability":"async"})"},
    {"cache_rocksdb",
     R"("s":[{"type":"cache"},{"type":"rocksdb","path":"d","durability":"async"}])"},
    {"cache_of_two_rocksdb",
     R"("s":[{"type":"cache","max_entries":2},{"type":"rocksdb","path":"d","durability":"async"}])"},
    {"cache_in_memory_over_memory", R"("s":[{"type":"cache","in":"memory:"},"memory:"])"},
    {"cache_following_memory", R"("s":[{"type":"cache","follow":"always"},"memory:"])"},
    {"expire_memory", R"("s":[{"type":"expire"},"memory:"])"},
    {"replicate_all", R"("s":{"type":"replicate","inners":["memory:","memory:"]})"},
    {"replicate_all_rocksdb",
     R"("s":{"type":"replicate","inners":[{"type":"rocksdb","path":"d","durability":"async"},)"
     R"("memory:"]})"},
    {"aggregate", R"("s":{"type":"aggregate","inners":["memory:","memory:"],)"
                  R"("properties":["*",["v"]]})"},
};
INSTANTIATE_TEST_SUITE_P(All, Linearizability, ::testing::ValuesIn(kStacks),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace strata::testing
