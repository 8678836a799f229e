#include "wrappers/slow/slow_store.h"

#include <atomic>

#include "wrappers/core/hooked.h"
#include "wrappers/core/wait.h"

namespace strata {
namespace {

struct SlowOptions {
  int64_t delay = 0;
  int64_t jitter = 0;
};

struct SlowHook {
  SlowOptions options;
  std::shared_ptr<std::atomic<uint64_t>> calls;

  template <typename Call>
  Status operator()(Operation op, const CallInfo& info, Call call) const {
    if (op == Operation::kChanges) return call(*info.ctx);
    int64_t wait = options.delay;
    if (options.jitter > 0) {
      // A fixed sequence, so that runs can be repeated.
      const uint64_t n = calls->fetch_add(1, std::memory_order_relaxed) * 0x9E3779B97F4A7C15u;
      wait += static_cast<int64_t>((n >> 32) % static_cast<uint64_t>(options.jitter + 1));
    }
    RETURN_IF_ERROR(WaitFor(*info.ctx, std::chrono::milliseconds(wait)));
    return call(*info.ctx);
  }
  ExplainNode Explained(ExplainNode n) const { return n; }
};

OptionTable<SlowOptions> Table() {
  OptionTable<SlowOptions> t;
  t.Duration("delay", &SlowOptions::delay, "1s", "how long every operation waits first");
  t.Duration("jitter", &SlowOptions::jitter, "0ms", "up to this much more, differing each time");
  return t;
}

StatusOr<std::shared_ptr<Store>> Build(const SlowOptions& options, StoreInfo info,
                                       const BuildContext&) {
  return std::make_shared<HookedStore<SlowHook>>(
      std::move(info), SlowHook{options, std::make_shared<std::atomic<uint64_t>>(0)});
}

}  // namespace

Status RegisterSlow(StageRegistry& registry) {
  StageType type = MakeStageType<SlowOptions>("slow", "makes operations late, for tests",
                                              "//wrappers/slow", Children::kOne, Table(), Build);
  type.order.testing_only = true;
  return registry.Register(std::move(type));
}

}  // namespace strata
