#include "wrappers/forward/forward_store.h"

#include "wrappers/core/forwarding_store.h"

namespace strata {
namespace {

struct ForwardOptions {};

class ForwardStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
};

StatusOr<std::shared_ptr<Store>> Build(const ForwardOptions&, StoreInfo info, const BuildContext&) {
  return std::make_shared<ForwardStore>(std::move(info));
}

}  // namespace

Status RegisterForward(StageRegistry& registry) {
  return registry.Register(MakeStageType<ForwardOptions>(
      "forward", "passes everything on to the inner store", "//wrappers/forward", Children::kOne,
      OptionTable<ForwardOptions>(), Build));
}

}  // namespace strata
