#include "wrappers/limit_concurrency/limit_concurrency_store.h"

#include <algorithm>
#include <chrono>

#include "core/sync.h"
#include "store/introspection.h"
#include "wrappers/core/hooked.h"

namespace strata {
namespace {

struct ConcurrencyOptions {
  int64_t max = 0;
  int64_t queue = 0;
  int64_t max_wait = 0;
};

// Safe for concurrent use.
class Places {
 public:
  explicit Places(const ConcurrencyOptions& o) : options_(o) {}

  Status Enter(const Context& ctx) {
    MutexLock lock(mutex_);
    if (running_ < options_.max) {
      ++running_;
      return OkStatus();
    }
    if (waiting_ >= options_.queue) {
      ++refused_;
      return ResourceExhausted(Concat(std::to_string(options_.max), " operations run and ",
                                      std::to_string(waiting_), " wait; try again later"));
    }
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.max_wait);
    ++waiting_;
    Status s = OkStatus();
    while (running_ >= options_.max) {
      s = ctx.Check();
      if (s.ok() && std::chrono::steady_clock::now() >= until) {
        s = ResourceExhausted(
            Concat("no place became free within ", std::to_string(options_.max_wait), " ms"));
      }
      if (!s.ok()) break;
      const auto step = std::chrono::steady_clock::now() + std::chrono::milliseconds(10);
      free_.WaitUntil(mutex_, std::min({until, step, ctx.deadline()}));
    }
    --waiting_;
    if (s.ok()) {
      ++running_;
    } else {
      ++refused_;
    }
    return s;
  }

  void Leave() {
    {
      MutexLock lock(mutex_);
      --running_;
    }
    free_.NotifyOne();
  }

  std::vector<Metric> Metrics() const {
    MutexLock lock(mutex_);
    return {
        {"running", MetricKind::kGauge, static_cast<double>(running_), "operations that run now"},
        {"waiting", MetricKind::kGauge, static_cast<double>(waiting_), "operations in the queue"},
        {"refused", MetricKind::kCounter, static_cast<double>(refused_), "operations refused"}};
  }

 private:
  const ConcurrencyOptions options_;
  mutable Mutex mutex_;
  CondVar free_;
  int64_t running_ STRATA_GUARDED_BY(mutex_) = 0;
  int64_t waiting_ STRATA_GUARDED_BY(mutex_) = 0;
  uint64_t refused_ STRATA_GUARDED_BY(mutex_) = 0;
};

struct ConcurrencyHook {
  std::shared_ptr<Places> places;

  template <typename Call>
  Status operator()(Operation op, const CallInfo& info, Call call) const {
    if (op == Operation::kChanges) return call(*info.ctx);
    RETURN_IF_ERROR(places->Enter(*info.ctx));
    Status s = call(*info.ctx);
    places->Leave();
    return s;
  }
  ExplainNode Explained(ExplainNode n) const { return n; }
};

class LimitConcurrencyStore final : public HookedStore<ConcurrencyHook>, public Introspection {
 public:
  using HookedStore::HookedStore;
  std::vector<Metric> Metrics() const override { return hook().places->Metrics(); }
};

OptionTable<ConcurrencyOptions> Table() {
  OptionTable<ConcurrencyOptions> t;
  t.Integer("max", &ConcurrencyOptions::max, 0, "operations that run at a time")
      .Required()
      .Range(1, 1000000);
  t.Integer("queue", &ConcurrencyOptions::queue, 1000, "operations that may wait")
      .Range(0, 1000000);
  t.Duration("max_wait", &ConcurrencyOptions::max_wait, "5s",
             "how long an operation waits before it is refused");
  return t;
}

StatusOr<std::shared_ptr<Store>> Build(const ConcurrencyOptions& options, StoreInfo info,
                                       const BuildContext&) {
  return std::make_shared<LimitConcurrencyStore>(
      std::move(info), ConcurrencyHook{std::make_shared<Places>(options)});
}

}  // namespace

Status RegisterLimitConcurrency(StageRegistry& registry) {
  return registry.Register(MakeStageType<ConcurrencyOptions>(
      "limit_concurrency", "lets so many operations run at a time", "//wrappers/limit_concurrency",
      Children::kOne, Table(), Build));
}

}  // namespace strata
