#include "wrappers/readonly/readonly_store.h"

#include "wrappers/core/forwarding_store.h"
#include "wrappers/core/hooked.h"

namespace strata {
namespace {

struct ReadonlyOptions {};

Status Refuse() {
  return PermissionDenied(
      "this store is read-only here (a stage of type \"readonly\" is above it)");
}

// Refuses writes of transactions.
struct RefuseWrites {
  template <typename Call>
  Status operator()(Operation op, const CallInfo& info, Call call) const {
    return op == Operation::kWrite ? Refuse() : call(*info.ctx);
  }
  ExplainNode Explained(ExplainNode n) const { return n; }
};

class ReadonlyStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Capabilities capabilities() const override {
    Capabilities c = inner().capabilities();
    c.writable = false;
    return c;
  }
  StatusOr<WriteResult> Write(const Context&, const WriteBatch&) override { return Refuse(); }
  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    ASSIGN_OR_RETURN(auto transaction, inner().Begin(ctx, options));
    return std::make_unique<HookedTransaction<RefuseWrites>>(std::move(transaction),
                                                             RefuseWrites());
  }
};

StatusOr<std::shared_ptr<Store>> Build(const ReadonlyOptions&, StoreInfo info,
                                       const BuildContext&) {
  return std::make_shared<ReadonlyStore>(std::move(info));
}

}  // namespace

Status RegisterReadonly(StageRegistry& registry) {
  return registry.Register(MakeStageType<ReadonlyOptions>(
      "readonly", "lets nothing be written through it", "//wrappers/readonly", Children::kOne,
      OptionTable<ReadonlyOptions>(), Build));
}

}  // namespace strata
