// Subscriptions of stages that show changes otherwise than they are stored.
#ifndef STRATA_WRAPPERS_CORE_MAPPED_SUBSCRIPTION_H_
#define STRATA_WRAPPERS_CORE_MAPPED_SUBSCRIPTION_H_

#include <functional>
#include <memory>
#include <utility>

#include "store/change_log.h"
#include "store/store.h"

namespace strata {

// A document as the stage shows it; nothing when it is not shown.
using VisibleDocument = std::function<Document(const Document& stored)>;

class MappedSubscription final : public Subscription {
 public:
  // `keep_alive`: what `visible` refers to.
  MappedSubscription(std::unique_ptr<Subscription> inner, VisibleDocument visible,
                     std::shared_ptr<const void> keep_alive)
      : inner_(std::move(inner)),
        visible_(std::move(visible)),
        keep_alive_(std::move(keep_alive)) {}

  // A change that makes a document visible is its creation, one that hides it its deletion.
  StatusOr<ChangeBatch> Next(const Context& ctx) override {
    for (;;) {
      ASSIGN_OR_RETURN(ChangeBatch batch, inner_->Next(ctx));
      std::vector<Change> shown;
      for (Change& c : batch.changes) {
        if (c.before) c.before = visible_(c.before);
        if (c.after) c.after = visible_(c.after);
        if (!c.before && !c.after) continue;
        c.kind = !c.before  ? ChangeKind::kCreate
                 : !c.after ? ChangeKind::kDelete
                            : ChangeKind::kUpdate;
        shown.push_back(std::move(c));
      }
      batch.changes = std::move(shown);
      if (!batch.changes.empty() || batch.gap) return batch;
    }
  }

  uint64_t resume_from() const override { return inner_->resume_from(); }

 private:
  std::unique_ptr<Subscription> inner_;
  const VisibleDocument visible_;
  const std::shared_ptr<const void> keep_alive_;
};

// Subscribes to everything below and asks the request's conditions of what is shown.
inline StatusOr<std::unique_ptr<Subscription>> SubscribeMapped(
    Store& inner, const Context& ctx, const SubscribeRequest& request, VisibleDocument visible,
    std::shared_ptr<const void> keep_alive) {
  SubscribeRequest all = request;
  all.query = Query();
  ASSIGN_OR_RETURN(auto changes, inner.Subscribe(ctx, all));
  return FilterChanges(std::make_unique<MappedSubscription>(std::move(changes), std::move(visible),
                                                            std::move(keep_alive)),
                       request.query);
}

}  // namespace strata

#endif  // STRATA_WRAPPERS_CORE_MAPPED_SUBSCRIPTION_H_
