// PrimaryWatch: how the primary of a group is.
#ifndef STRATA_WRAPPERS_REPLICATE_PRIMARY_WATCH_H_
#define STRATA_WRAPPERS_REPLICATE_PRIMARY_WATCH_H_

#include <atomic>
#include <chrono>
#include <string>

#include "core/sync.h"
#include "store/store.h"
#include "wrappers/replicate/replica_follower.h"

namespace strata::replicate {

// Nobody follows it on behalf of the primary, so it is looked at when somebody asks, and what the
// last write said counts besides: a store may answer reads and take no writes. Safe for concurrent
// use.
class PrimaryWatch {
 public:
  // The store must outlive it.
  explicit PrimaryWatch(Store& primary) : primary_(primary) {}

  // The outcome of a write to it. One atomic load when it was well before.
  void Wrote(const Status& s);
  // Asks the store for its feed and a document, for at most five seconds when it keeps to
  // deadlines. kFollowing when it answers and the last write did not fail within the last minute.
  // `applied` is its last change, or when it does not tell, the last that is known of.
  ReplicaState Look();

 private:
  StatusOr<uint64_t> LastChange(const Context& ctx) const;

  Store& primary_;
  std::atomic<bool> write_failed_{false};
  Mutex mutex_;
  uint64_t last_ STRATA_GUARDED_BY(mutex_) = 0;
  uint64_t failures_ STRATA_GUARDED_BY(mutex_) = 0;  // of writes and looks
  std::string write_trouble_ STRATA_GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point failed_at_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::replicate

#endif  // STRATA_WRAPPERS_REPLICATE_PRIMARY_WATCH_H_
