#include "wrappers/limit_rate/limit_rate_store.h"

#include <algorithm>
#include <chrono>

#include "core/sync.h"
#include "wrappers/core/hooked.h"
#include "wrappers/core/wait.h"

namespace strata {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct RateOptions {
  int64_t rate = 0;
  int64_t burst = 0;
  int64_t max_wait = 0;
};

// Safe for concurrent use.
class Bucket {
 public:
  explicit Bucket(const RateOptions& o)
      : interval_(std::chrono::nanoseconds(std::chrono::seconds(1)) / o.rate),
        depth_(interval_ * std::max<int64_t>(o.burst, 1)),
        max_wait_(std::chrono::milliseconds(o.max_wait)) {}

  // Takes a token and gives how long to wait for it. When that is too long, none is taken.
  StatusOr<std::chrono::nanoseconds> Take(const Context& ctx) {
    const auto now = SteadyClock::now();
    MutexLock lock(mutex_);
    // The time at which the bucket would be full again (the virtual scheduling algorithm).
    const auto full = std::max(full_at_, now) + interval_;
    const auto wait = full - depth_ - now;
    if (wait > max_wait_ || (wait.count() > 0 && now + wait > ctx.deadline())) {
      const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count() + 1;
      return ResourceExhausted(
          Concat("too many operations; try again in ", std::to_string(millis), " ms"));
    }
    full_at_ = full;
    return wait;
  }

 private:
  const std::chrono::nanoseconds interval_;
  const std::chrono::nanoseconds depth_;
  const std::chrono::nanoseconds max_wait_;
  Mutex mutex_;
  SteadyClock::time_point full_at_ STRATA_GUARDED_BY(mutex_);
};

struct RateHook {
  std::shared_ptr<Bucket> bucket;

  template <typename Call>
  Status operator()(Operation op, const CallInfo& info, Call call) const {
    switch (op) {
      case Operation::kRead:
      case Operation::kWrite:
      case Operation::kOpen:
      case Operation::kBegin:
      case Operation::kSubscribe: {
        ASSIGN_OR_RETURN(const auto wait, bucket->Take(*info.ctx));
        if (wait.count() > 0) RETURN_IF_ERROR(WaitFor(*info.ctx, wait));
        break;
      }
      default:
        break;
    }
    return call(*info.ctx);
  }
  ExplainNode Explained(ExplainNode n) const { return n; }
};

OptionTable<RateOptions> Table() {
  OptionTable<RateOptions> t;
  t.Integer("rate", &RateOptions::rate, 0, "operations a second").Required().Range(1, 100000000);
  t.Integer("burst", &RateOptions::burst, 100,
            "operations that may come at once after a quiet time")
      .Range(1, 100000000);
  t.Duration("max_wait", &RateOptions::max_wait, "1s",
             "how long an operation waits for its turn before it is refused");
  return t;
}

StatusOr<std::shared_ptr<Store>> Build(const RateOptions& options, StoreInfo info,
                                       const BuildContext&) {
  return std::make_shared<HookedStore<RateHook>>(std::move(info),
                                                 RateHook{std::make_shared<Bucket>(options)});
}

}  // namespace

Status RegisterLimitRate(StageRegistry& registry) {
  return registry.Register(
      MakeStageType<RateOptions>("limit_rate", "lets so many operations a second pass",
                                 "//wrappers/limit_rate", Children::kOne, Table(), Build));
}

}  // namespace strata
