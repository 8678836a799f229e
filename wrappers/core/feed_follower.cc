#include "wrappers/core/feed_follower.h"

#include <algorithm>
#include <chrono>

namespace strata {

FeedFollower::FeedFollower(Store& store, FeedHandler& handler, size_t max_changes)
    : store_(store),
      handler_(handler),
      max_changes_(max_changes),
      context_(Context::Background().WithCancel(stop_)),
      thread_([this] { Run(); }) {}

FeedFollower::~FeedFollower() {
  stop_.Cancel();
  {
    MutexLock lock(mutex_);
    stopped_.NotifyAll();
  }
  thread_.join();
}

void FeedFollower::Run() {
  std::chrono::milliseconds pause(10);
  while (!context_.cancelled()) {
    const auto began = std::chrono::steady_clock::now();
    const Status s = Follow();
    if (context_.cancelled()) return;
    handler_.Lost(s);
    const auto now = std::chrono::steady_clock::now();
    if (now - began > std::chrono::seconds(10)) pause = std::chrono::milliseconds(10);
    const auto until = now + pause;
    pause = std::min(pause * 2, std::chrono::milliseconds(5000));
    MutexLock lock(mutex_);
    while (!context_.cancelled() && std::chrono::steady_clock::now() < until)
      stopped_.WaitUntil(mutex_, until);
  }
}

Status FeedFollower::Follow() {
  SubscribeRequest request;
  request.from = handler_.From();
  request.max_changes = max_changes_;
  ASSIGN_OR_RETURN(const auto subscription, store_.Subscribe(context_, request));
  RETURN_IF_ERROR(handler_.Following(subscription->resume_from()));
  for (;;) {
    ASSIGN_OR_RETURN(const ChangeBatch batch, subscription->Next(context_));
    RETURN_IF_ERROR(handler_.OnChanges(batch));
  }
}

}  // namespace strata
