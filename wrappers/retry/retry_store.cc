#include "wrappers/retry/retry_store.h"

#include <algorithm>
#include <random>

#include "core/sync.h"
#include "store/apply.h"
#include "store/introspection.h"
#include "wrappers/core/hooked.h"
#include "wrappers/core/wait.h"

namespace strata {
namespace {

struct RetryOptions {
  int64_t attempts = 0;
  int64_t pause = 0;
  int64_t max_pause = 0;
  int64_t budget = 0;
};

// What all calls through one stage share. Safe for concurrent use.
class RetryBudget {
 public:
  explicit RetryBudget(const RetryOptions& options) : options_(options) {}

  void Succeeded() {
    MutexLock lock(mutex_);
    percent_ = std::min<int64_t>(percent_ + options_.budget, kFull);
  }
  // Whether another try is allowed, and after how long.
  bool Take(int attempt, std::chrono::nanoseconds* pause) {
    MutexLock lock(mutex_);
    if (percent_ < 100) {
      ++refused_;
      return false;
    }
    percent_ -= 100;
    ++retries_;
    const int64_t longest =
        std::min(options_.max_pause, options_.pause << std::min(attempt, 20)) * 1000000;
    *pause = std::chrono::nanoseconds(
        std::uniform_int_distribution<int64_t>(longest / 2, longest)(random_));
    return true;
  }
  std::vector<Metric> Metrics() const {
    MutexLock lock(mutex_);
    return {{"retries", MetricKind::kCounter, static_cast<double>(retries_), "calls made again"},
            {"over_budget", MetricKind::kCounter, static_cast<double>(refused_),
             "calls not made again because too many failed"}};
  }
  int64_t attempts() const { return options_.attempts; }

 private:
  static constexpr int64_t kFull = 100 * 100;

  const RetryOptions options_;
  mutable Mutex mutex_;
  int64_t percent_ STRATA_GUARDED_BY(mutex_) = kFull;
  uint64_t retries_ STRATA_GUARDED_BY(mutex_) = 0;
  uint64_t refused_ STRATA_GUARDED_BY(mutex_) = 0;
  std::minstd_rand random_ STRATA_GUARDED_BY(mutex_){std::random_device{}()};
};

// Doing it twice is as good as once.
bool MayBeRepeated(const WriteBatch& batch) {
  return std::all_of(batch.ops.begin(), batch.ops.end(), [](const WriteOp& op) {
    return op.kind != WriteKind::kPatch && op.presence == Presence::kAny && !op.if_revision;
  });
}

struct RetryHook {
  std::shared_ptr<RetryBudget> budget;

  template <typename Call>
  Status operator()(Operation op, const CallInfo& info, Call call) const {
    const bool repeats =
        (op == Operation::kRead || op == Operation::kPrepare || op == Operation::kOpen ||
         op == Operation::kBegin || op == Operation::kSubscribe ||
         (op == Operation::kWrite && MayBeRepeated(*info.batch)));
    for (int attempt = 0;; ++attempt) {
      Status s = call(*info.ctx);
      if (s.ok()) budget->Succeeded();
      if (!IsRetryable(s.code()) || !repeats || attempt + 1 >= budget->attempts()) return s;
      std::chrono::nanoseconds pause;
      if (!budget->Take(attempt, &pause)) return s;
      if (std::chrono::steady_clock::now() + pause > info.ctx->deadline()) return s;
      RETURN_IF_ERROR(WaitFor(*info.ctx, pause));
    }
  }
  ExplainNode Explained(ExplainNode n) const { return n; }
};

class RetryStore final : public HookedStore<RetryHook>, public Introspection {
 public:
  using HookedStore::HookedStore;

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    const bool named = std::none_of(batch.ops.begin(), batch.ops.end(),
                                    [](const WriteOp& op) { return op.id.empty(); });
    if (named) return HookedStore::Write(ctx, batch);
    WriteBatch copy = batch;
    for (size_t i = 0; i < copy.ops.size(); ++i) {
      StatusOr<std::string> id = ResolveId(copy.ops[i], ids_);
      if (!id.ok()) return InBatch(id.status(), batch, i);
      copy.ops[i].id = *std::move(id);
    }
    return HookedStore::Write(ctx, copy);
  }
  // What happens within a transaction cannot be repeated.
  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    return ThroughHook(hook(), Operation::kBegin, {&ctx},
                       [&](const Context& c) { return inner().Begin(c, options); });
  }
  std::vector<Metric> Metrics() const override { return hook().budget->Metrics(); }

 private:
  IdGenerator ids_;
};

OptionTable<RetryOptions> Table() {
  OptionTable<RetryOptions> t;
  t.Integer("attempts", &RetryOptions::attempts, 4, "how often a call is made at most")
      .Range(1, 100);
  t.Duration("pause", &RetryOptions::pause, "20ms", "the first pause; it doubles");
  t.Duration("max_pause", &RetryOptions::max_pause, "2s", "the longest pause");
  t.Integer("budget", &RetryOptions::budget, 10, "percent of a retry that each success earns")
      .Range(0, 100);
  return t;
}

StatusOr<std::shared_ptr<Store>> Build(const RetryOptions& options, StoreInfo info,
                                       const BuildContext&) {
  return std::make_shared<RetryStore>(std::move(info),
                                      RetryHook{std::make_shared<RetryBudget>(options)});
}

}  // namespace

Status RegisterRetry(StageRegistry& registry) {
  StageType type =
      MakeStageType<RetryOptions>("retry", "makes calls again that failed for a passing reason",
                                  "//wrappers/retry", Children::kOne, Table(), Build);
  type.order.better_below = {{"replicate", "it should see a failing store at once"}};
  return registry.Register(std::move(type));
}

}  // namespace strata
