#include "wrappers/core/feed_follower.h"

namespace strata {

FeedFollower::FeedFollower(Store& store, FeedHandler& handler, size_t max_changes)
    : store_(store),
      handler_(handler),
      max_changes_(max_changes),
      thread_([this](const Context& ctx) { return Follow(ctx); },
              [this](const Status& why) { handler_.Lost(why); }) {}

Status FeedFollower::Follow(const Context& ctx) {
  SubscribeRequest request;
  request.from = handler_.From();
  request.max_changes = max_changes_;
  ASSIGN_OR_RETURN(const auto subscription, store_.Subscribe(ctx, request));
  RETURN_IF_ERROR(handler_.Following(subscription->resume_from()));
  for (;;) {
    ASSIGN_OR_RETURN(const ChangeBatch batch, subscription->Next(ctx));
    RETURN_IF_ERROR(handler_.OnChanges(batch));
  }
}

}  // namespace strata
