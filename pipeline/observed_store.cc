#include "pipeline/observed_store.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "core/trace.h"
#include "store/write_batch.h"

namespace strata {
namespace {

using SteadyClock = std::chrono::steady_clock;

uint64_t NanosSince(SteadyClock::time_point start) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now() - start).count());
}

// Of what a stage handed out. The stage's store outlives it.
struct ObserveHook {
  std::shared_ptr<StageStats> stats;
  std::shared_ptr<Store> store;
  std::string subject;

  template <typename Call>
  Status operator()(Operation op, const CallInfo& info, Call call) const {
    const bool sample =
        stats->CountCall(op) % StageStats::kSampleEvery == 0 && op != Operation::kChanges;
    const auto start = sample ? SteadyClock::now() : SteadyClock::time_point();
    Status s = Traced(*info.ctx, store->info().stage, OperationName(op), call);
    if (sample) stats->CountLatency(NanosSince(start));
    if (s.ok()) return s;
    stats->CountError(op);
    return AddFrame(s, store->info().stage, OperationName(op), subject);
  }

  ExplainNode Explained(ExplainNode n) const {
    if (n.stage == store->info().stage) return n;
    ExplainNode outer;
    outer.stage = store->info().stage;
    outer.operation = store->info().type;
    outer.children.push_back(std::move(n));
    return outer;
  }
};

class ObservedStore final : public Store {
 public:
  ObservedStore(std::shared_ptr<Store> inner, std::shared_ptr<StageStats> stats)
      : inner_(std::move(inner)), stats_(std::move(stats)) {}

  const StoreInfo& info() const override { return inner_->info(); }
  Capabilities capabilities() const override { return inner_->capabilities(); }

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    if (ctx.spans() != nullptr || !stats_->CountUnsampledCall(Operation::kRead)) [[unlikely]]
      return ReadSlowly(ctx, ids, out);
    return ReadQuickly(ctx, ids, out);
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    const bool sample = stats_->CountCall(Operation::kWrite) % StageStats::kSampleEvery == 0;
    const auto start = sample ? SteadyClock::now() : SteadyClock::time_point();
    StatusOr<WriteResult> r =
        Spanned(ctx, Operation::kWrite, [&](const Context& c) { return inner_->Write(c, batch); });
    if (sample) stats_->CountLatency(NanosSince(start));
    if (r.ok()) return r;
    return Fail(r.status(), Operation::kWrite, batch.ops.size() == 1 ? batch.ops[0].id : "");
  }

  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    stats_->CountCall(Operation::kPrepare);
    auto plan = Spanned(ctx, Operation::kPrepare,
                        [&](const Context& c) { return inner_->Prepare(c, query); });
    if (!plan.ok()) return Fail(plan.status(), Operation::kPrepare, query.ToString());
    return std::make_unique<HookedPlan<ObserveHook>>(*std::move(plan), Hook(query.ToString()));
  }

  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    stats_->CountCall(Operation::kBegin);
    auto transaction = Spanned(ctx, Operation::kBegin,
                               [&](const Context& c) { return inner_->Begin(c, options); });
    if (!transaction.ok()) return Fail(transaction.status(), Operation::kBegin, "");
    return std::make_unique<HookedTransaction<ObserveHook>>(*std::move(transaction), Hook(""));
  }

  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                    const SubscribeRequest& request) override {
    stats_->CountCall(Operation::kSubscribe);
    auto subscription = Spanned(ctx, Operation::kSubscribe,
                                [&](const Context& c) { return inner_->Subscribe(c, request); });
    if (!subscription.ok())
      return Fail(subscription.status(), Operation::kSubscribe, request.query.ToString());
    return std::make_unique<HookedSubscription<ObserveHook>>(*std::move(subscription), Hook(""));
  }

 private:
  template <typename Call>
  auto Spanned(const Context& ctx, Operation op, const Call& call) -> decltype(call(ctx)) {
    return Traced(ctx, info().stage, OperationName(op), call);
  }
  Status ReadQuickly(const Context& ctx, std::span<const std::string_view> ids,
                     const std::span<std::optional<Record>>& out) {
    Status s = inner_->Read(ctx, ids, out);
    if (!s.ok()) [[unlikely]]
      s = Fail(s, Operation::kRead, ids.empty() ? "" : ids[0]);
    return s;
  }
  // A call whose time is taken, for a span or as a sample.
  [[gnu::noinline]] Status ReadSlowly(const Context& ctx, std::span<const std::string_view> ids,
                                      const std::span<std::optional<Record>>& out) {
    const bool sample = stats_->CountCall(Operation::kRead) % StageStats::kSampleEvery == 0;
    const auto start = SteadyClock::now();
    const Status s =
        Spanned(ctx, Operation::kRead, [&](const Context& c) { return inner_->Read(c, ids, out); });
    if (sample) stats_->CountLatency(NanosSince(start));
    return s.ok() ? s : Fail(s, Operation::kRead, ids.empty() ? "" : ids[0]);
  }

  ObserveHook Hook(std::string subject) const { return {stats_, inner_, std::move(subject)}; }

  Status Fail(const Status& s, Operation op, std::string_view subject) const {
    stats_->CountError(op);
    return AddFrame(s, info().stage, OperationName(op), subject);
  }

  const std::shared_ptr<Store> inner_;
  const std::shared_ptr<StageStats> stats_;
};

}  // namespace

void StageStats::CountLatency(uint64_t nanoseconds) {
  const int bucket = nanoseconds == 0 ? 0 : 63 - __builtin_clzll(nanoseconds);
  counters_.Add(2 * kOperations + std::min(bucket, kBuckets - 1));
}

uint64_t StageStats::LatencyQuantile(double q) const {
  std::array<uint64_t, kBuckets> counts;
  uint64_t total = 0;
  for (int b = 0; b < kBuckets; ++b) total += counts[b] = counters_.Read(2 * kOperations + b);
  uint64_t seen = 0;
  for (int b = 0; b < kBuckets; ++b) {
    seen += counts[b];
    if (seen > 0 && static_cast<double>(seen) >= q * static_cast<double>(total))
      return uint64_t{2} << b;
  }
  return 0;
}

std::string StatsJson(const StageStats& stats) {
  std::string out = "{";
  for (int i = 0; i < kOperations; ++i) {
    const auto op = static_cast<Operation>(i);
    out += "\"" + std::string(OperationName(op)) +
           "\":{\"calls\":" + std::to_string(stats.calls(op)) +
           ",\"errors\":" + std::to_string(stats.errors(op)) + "},";
  }
  return out + "\"latency_ns\":{\"p50\":" + std::to_string(stats.LatencyQuantile(0.5)) +
         ",\"p99\":" + std::to_string(stats.LatencyQuantile(0.99)) + "}}";
}

std::shared_ptr<Store> Observe(std::shared_ptr<Store> inner, std::shared_ptr<StageStats> stats) {
  return std::make_shared<ObservedStore>(std::move(inner), std::move(stats));
}

}  // namespace strata
