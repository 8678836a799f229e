// FeedFollower: a thread that follows a store's change feed for a stage above it.
//
// The feed is asked for at once and, when it breaks, again after a pause that doubles up to five
// seconds. The handler's methods run on the follower's thread, one at a time.
#ifndef STRATA_WRAPPERS_CORE_FEED_FOLLOWER_H_
#define STRATA_WRAPPERS_CORE_FEED_FOLLOWER_H_

#include <optional>

#include "store/store.h"
#include "wrappers/core/retrying_thread.h"

namespace strata {

class FeedHandler {
 public:
  virtual ~FeedHandler() = default;
  // The first sequence wanted, asked each time before the feed is opened; nothing: from now on.
  virtual std::optional<uint64_t> From() = 0;
  // The feed is open: what is committed from the sequence `from` on will be delivered. Not OK: the
  // feed is closed and opened again.
  virtual Status Following(uint64_t from) = 0;
  // Changes in commit order, or a gap. Not OK: the feed is opened anew.
  virtual Status OnChanges(const ChangeBatch& batch) = 0;
  // The feed broke, or could not be opened.
  virtual void Lost(const Status& why) = 0;
};

class FeedFollower {
 public:
  // Both must outlive the follower. `max_changes`: in one batch. The destructor stops the thread
  // and waits for it; at most some 50 ms unless the handler is slower.
  FeedFollower(Store& store, FeedHandler& handler, size_t max_changes = 256);
  // Cancelled when the follower stops: for what a handler calls.
  const Context& context() const { return thread_.context(); }

 private:
  Status Follow(const Context& ctx);

  Store& store_;
  FeedHandler& handler_;
  const size_t max_changes_;
  RetryingThread thread_;  // last, so that it begins with everything there
};

}  // namespace strata

#endif  // STRATA_WRAPPERS_CORE_FEED_FOLLOWER_H_
