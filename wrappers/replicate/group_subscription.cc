#include "wrappers/replicate/group_subscription.h"

#include <chrono>
#include <utility>

namespace strata::replicate {
namespace {

class GroupSubscription final : public Subscription {
 public:
  GroupSubscription(const Group& group, SubscribeRequest request)
      : group_(group), request_(std::move(request)) {}

  // Before use, and when another store has become the primary.
  Status Open(const Context& ctx, std::shared_ptr<const Epoch> epoch) {
    const GroupState& state = epoch->group;
    bool lost = false;
    if (epoch_ != nullptr) {
      // Also when it has not come to what is lost: who listens may have read it.
      lost = epoch->losses != epoch_->losses;
      request_.from = inner_->resume_from();
    } else if (request_.from) {
      // It has seen more of older epochs than the primary had.
      lost = *request_.from > state.began && *request_.from <= state.first_revision();
    }
    SubscribeRequest request = request_;
    request.from.reset();
    ASSIGN_OR_RETURN(auto inner, epoch->primary->Subscribe(ctx, request));
    // A copy's numbers may end sooner, where the old primary had left some unused.
    const bool sooner = epoch_ != nullptr && inner->resume_from() <= request_.from;
    if (request_.from && !lost && !sooner) {
      ASSIGN_OR_RETURN(inner, epoch->primary->Subscribe(ctx, request_));
    }
    inner_ = std::move(inner);
    epoch_ = std::move(epoch);
    gap_ = gap_ || lost;
    return OkStatus();
  }

  StatusOr<ChangeBatch> Next(const Context& ctx) override {
    for (;;) {
      if (auto now = group_.Current(); now != epoch_) RETURN_IF_ERROR(Open(ctx, std::move(now)));
      if (gap_) {
        gap_ = false;
        ChangeBatch batch;
        batch.gap = true;
        batch.resume_from = inner_->resume_from();
        return batch;
      }
      StatusOr<ChangeBatch> batch = inner_->Next(ctx.WithTimeout(std::chrono::milliseconds(200)));
      if (batch.status().code() != StatusCode::kDeadlineExceeded) return batch;
      RETURN_IF_ERROR(ctx.Check());
    }
  }
  uint64_t resume_from() const override { return inner_->resume_from(); }

 private:
  const Group& group_;
  std::shared_ptr<const Epoch> epoch_;
  std::unique_ptr<Subscription> inner_;
  SubscribeRequest request_;
  bool gap_ = false;  // one is still to be told
};

}  // namespace

StatusOr<std::unique_ptr<Subscription>> SubscribeToGroup(const Group& group, const Context& ctx,
                                                         const SubscribeRequest& request) {
  auto subscription = std::make_unique<GroupSubscription>(group, request);
  RETURN_IF_ERROR(subscription->Open(ctx, group.Current()));
  return subscription;
}

}  // namespace strata::replicate
