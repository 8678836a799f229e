// A bounded log of changes in memory, and subscriptions that follow it.
//
// Safe for concurrent use. Subscriptions belong to one thread at a time and keep the log alive.
#ifndef STRATA_STORE_CHANGE_LOG_H_
#define STRATA_STORE_CHANGE_LOG_H_

#include <deque>
#include <memory>
#include <vector>

#include "core/sync.h"
#include "store/store.h"

namespace strata {

class ChangeLog : public std::enable_shared_from_this<ChangeLog> {
 public:
  // Keeps the newest changes within both bounds; bytes are those of ids and texts.
  ChangeLog(size_t max_changes, size_t max_bytes)
      : max_changes_(max_changes), max_bytes_(max_bytes) {}

  // Whatever lies below `next` was never here, or is lost: who asks for it is told of a gap.
  void Lose(uint64_t next);
  // Requires: sequences above all before.
  void Append(std::vector<Change> changes);
  StatusOr<std::unique_ptr<Subscription>> Subscribe(const SubscribeRequest& request);

 private:
  class Reader;

  const size_t max_changes_;
  const size_t max_bytes_;
  Mutex mutex_;
  CondVar appended_;
  std::deque<Change> changes_ STRATA_GUARDED_BY(mutex_);
  size_t bytes_ STRATA_GUARDED_BY(mutex_) = 0;
  uint64_t next_ STRATA_GUARDED_BY(mutex_) = 1;  // above the newest sequence
  uint64_t dropped_below_ STRATA_GUARDED_BY(mutex_) =
      0;  // sequences below this may have been dropped
};

// Applies a request's conditions to a subscription to everything, with enter and leave semantics.
StatusOr<std::unique_ptr<Subscription>> FilterChanges(std::unique_ptr<Subscription> inner,
                                                      const Query& query);

// Waits on `cond` until the context ends or it is notified, looking at cancellation every 50 ms.
// Requires: `mutex` held. Gives the context's error.
Status WaitWithContext(const Context& ctx, Mutex& mutex, CondVar& cond) REQUIRES_LOCK(mutex);

}  // namespace strata

#endif  // STRATA_STORE_CHANGE_LOG_H_
