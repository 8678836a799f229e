#include "wrappers/fault/fault_store.h"

#include <atomic>

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
  Status operator()(Operation op, const CallInfo& info, Call call) const {
    const FaultOptions& o = state->options;
    const bool counts =
        o.operation == Target::kAny || static_cast<int>(o.operation) == static_cast<int>(op) + 1;
    if (o.every == 0 || !counts ||
        (state->count.fetch_add(1, std::memory_order_relaxed) + 1) % o.every != 0) {
      return call(*info.ctx);
    }
    if (o.when == When::kAfter) {
      if (Status s = call(*info.ctx); !s.ok()) return s;
    }
    return MakeStatus(ToStatusCode(o.code), Concat("injected fault in ", OperationName(op)));
  }
  ExplainNode Explained(ExplainNode n) const { return n; }
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
  FaultHook hook{std::make_shared<State>()};
  hook.state->options = options;
  return std::make_shared<HookedStore<FaultHook>>(std::move(info), std::move(hook));
}

}  // namespace

Status RegisterFault(StageRegistry& registry) {
  StageType type =
      MakeStageType<FaultOptions>("fault", "makes every n-th operation fail, for tests",
                                  "//wrappers/fault", Children::kOne, Table(), Build);
  type.order.testing_only = true;
  return registry.Register(std::move(type));
}

}  // namespace strata
