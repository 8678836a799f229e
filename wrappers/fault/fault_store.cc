#include "wrappers/fault/fault_store.h"

#include <atomic>

#include "wrappers/core/forwarding_store.h"
#include "wrappers/core/hooked.h"

namespace strata {
namespace {

enum class When : uint8_t { kBefore, kAfter, kInstead };
enum class Target : uint8_t {
  kAny,
  kRead,
  kWrite,
  kPrepare,
  kOpen,
  kNext,
  kBegin,
  kCommit,
  kSubscribe,
  kChanges
};
enum class Code : uint8_t { kUnavailable, kAborted, kInternal, kDataLoss, kResourceExhausted };

struct FaultOptions {
  int64_t every = 0;
  When when = When::kBefore;
  Target operation = Target::kAny;
  Code code = Code::kUnavailable;
};

StatusCode ToStatusCode(Code c) {
  switch (c) {
    case Code::kUnavailable:
      return StatusCode::kUnavailable;
    case Code::kAborted:
      return StatusCode::kAborted;
    case Code::kInternal:
      return StatusCode::kInternal;
    case Code::kDataLoss:
      return StatusCode::kDataLoss;
    case Code::kResourceExhausted:
      return StatusCode::kResourceExhausted;
  }
  return StatusCode::kInternal;
}

// Shared by the store and everything that it hands out.
struct State {
  FaultOptions options;
  std::atomic<int64_t> count{0};
};

struct FaultHook {
  std::shared_ptr<State> state;

  template <typename Call>
  Status operator()(Operation op, Call call) const {
    const FaultOptions& o = state->options;
    const bool counts =
        o.operation == Target::kAny || static_cast<int>(o.operation) == static_cast<int>(op) + 1;
    if (o.every == 0 || !counts ||
        (state->count.fetch_add(1, std::memory_order_relaxed) + 1) % o.every != 0) {
      return call();
    }
    if (o.when == When::kAfter) {
      if (Status s = call(); !s.ok()) return s;
    }
    return MakeStatus(ToStatusCode(o.code), Concat("injected fault in ", OperationName(op)));
  }
  ExplainNode Explained(ExplainNode n) const { return n; }
};

class FaultStore final : public ForwardingStore {
 public:
  FaultStore(const FaultOptions& options, StoreInfo info)
      : ForwardingStore(std::move(info)), hook_{std::make_shared<State>()} {
    hook_.state->options = options;
  }

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              std::span<std::optional<Record>> out) override {
    return hook_(Operation::kRead, [&] { return inner().Read(ctx, ids, out); });
  }
  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    return ThroughHook(hook_, Operation::kWrite, [&] { return inner().Write(ctx, batch); });
  }
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    ASSIGN_OR_RETURN(auto plan, ThroughHook(hook_, Operation::kPrepare,
                                            [&] { return inner().Prepare(ctx, query); }));
    return std::make_unique<HookedPlan<FaultHook>>(std::move(plan), hook_);
  }
  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    ASSIGN_OR_RETURN(
        auto t, ThroughHook(hook_, Operation::kBegin, [&] { return inner().Begin(ctx, options); }));
    return std::make_unique<HookedTransaction<FaultHook>>(std::move(t), hook_);
  }
  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                    const SubscribeRequest& request) override {
    ASSIGN_OR_RETURN(auto s, ThroughHook(hook_, Operation::kSubscribe,
                                         [&] { return inner().Subscribe(ctx, request); }));
    return std::make_unique<HookedSubscription<FaultHook>>(std::move(s), hook_);
  }

 private:
  const FaultHook hook_;
};

OptionTable<FaultOptions> Table() {
  OptionTable<FaultOptions> t;
  t.Integer("every", &FaultOptions::every, 0, "every how many operations one fails; 0: none")
      .Range(0, 1000000000);
  t.Enum("when", &FaultOptions::when, {"before", "after", "instead"}, When::kBefore,
         "before and instead: the inner store is not asked; after: it is, and then the operation "
         "fails");
  t.Enum("operation", &FaultOptions::operation,
         {"any", "read", "write", "prepare", "open", "next", "begin", "commit", "subscribe",
          "changes"},
         Target::kAny, "which operations count");
  t.Enum("code", &FaultOptions::code,
         {"unavailable", "aborted", "internal", "data_loss", "resource_exhausted"},
         Code::kUnavailable, "the status of a failure");
  return t;
}

StatusOr<std::shared_ptr<Store>> Build(const FaultOptions& options, StoreInfo info,
                                       const BuildContext&) {
  return std::make_shared<FaultStore>(options, std::move(info));
}

}  // namespace

Status RegisterFault(StageRegistry& registry) {
  StageType type =
      MakeStageType<FaultOptions>("fault", "makes every n-th operation fail, for tests",
                                  "//wrappers/fault", Children::kOne, Table(), Build);
  type.testing_only = true;
  return registry.Register(std::move(type));
}

}  // namespace strata
