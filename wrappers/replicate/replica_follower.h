// ReplicaFollower: keeps one store equal to the primary of its group.
//
// It takes the primary's changes in order, each with the primary's revision, so the replica's own
// change feed says where it is when its last change is the primary's of the same number, brought
// there by this group: nothing else has to be remembered, and nothing is applied twice or out of
// order. When it is not (somebody else wrote into the replica, or it was the primary and has what
// no other has), or the primary's log does not reach back, both are compared by digests over ranges
// of ids and what differs is copied. From then on it is where the primary was when the comparison
// began, whatever its own counter says, and confirms no write before that.
//
// A replica that had nothing to do for a second is asked for a document, so that one which has died
// is known to be lost before the next write waits for it.
#ifndef STRATA_WRAPPERS_REPLICATE_REPLICA_FOLLOWER_H_
#define STRATA_WRAPPERS_REPLICATE_REPLICA_FOLLOWER_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/sync.h"
#include "store/store.h"
#include "wrappers/core/retrying_thread.h"
#include "wrappers/replicate/group_state.h"

namespace strata::replicate {

enum class ReplicaHealth : uint8_t { kConnecting, kFollowing, kLost };

struct ReplicaState {
  ReplicaHealth health = ReplicaHealth::kConnecting;
  uint64_t applied = 0;   // the last of the primary's changes that it has
  uint64_t changes = 0;   // applied one by one
  uint64_t failures = 0;  // of following; the primary's: of writes to it and looks at it
  uint64_t syncs = 0;     // comparisons of everything begun
  uint64_t compared = 0;  // the comparison that ended last
  // Ranges of documents compared, and those that differed by more than what was on its way.
  uint64_t ranges = 0, ranges_different = 0;
  uint64_t copied = 0, removed = 0;  // documents, by comparisons
  std::string trouble;               // why it was lost; "": it is not
};

struct FollowerOptions {
  std::string hop;                      // this group's name in origins
  std::chrono::milliseconds verify{0};  // how often everything is compared; 0: never
  // Not OK: this process may write no more. Asked before each write, from the follower's thread.
  std::function<Status()> fence;
};

class ReplicaFollower {
 public:
  // The stores must outlive it. `floor`: no later revision of the primary may be below; raised by
  // the follower. `news` is called when the state changes, without a lock.
  ReplicaFollower(Store& primary, Store& replica, const FollowerOptions& options,
                  const GroupState& group, std::atomic<uint64_t>& floor,
                  std::function<void()> news);
  // Ends it, and waits for that; what it told last stays. The destructor does so too.
  void Stop() { thread_.Stop(); }

  ReplicaState State() const;
  uint64_t applied() const { return applied_.load(std::memory_order_acquire); }
  ReplicaHealth health() const { return health_.load(std::memory_order_acquire); }
  // Compares everything soon.
  void Verify() { verify_.store(true); }

 private:
  const Context& context() const { return thread_.context(); }
  Status Follow();
  // Until one of both stores fails. The replica is up to date once it has all before the change
  // `goal`. `read`: it has been read just now.
  Status Follow(std::unique_ptr<Subscription> feed, uint64_t goal, bool read);
  void Lost(const Status& why);
  // The first change that the replica lacks; nothing when its own feed does not say. `goal`: the
  // primary's next change.
  StatusOr<std::optional<uint64_t>> Position(uint64_t goal);
  Status Apply(const ChangeBatch& batch);
  StatusOr<WriteResult> WriteReplica(const WriteBatch& batch);
  // Makes the replica equal to the primary, as of a moment after the changes that `feed` will give.
  Status Sync(std::unique_ptr<Subscription>* feed);
  // `next`: the primary's next change when the snapshot was taken.
  Status CompareRange(Transaction& from, uint64_t next, const std::vector<std::string>& ids,
                      std::vector<std::pair<uint64_t, std::string>>* wrong,
                      std::vector<std::string>* extra);
  Status Copy(Transaction& from, std::vector<std::pair<uint64_t, std::string>> wrong);
  // The replica's own counter is, or may be, beyond the primary's: later revisions of the primary
  // are to be above both. Lets the primary write the documents `ids` again, for the replica could
  // not give them the primary's revisions.
  Status Outrun(const std::vector<std::string>& ids);
  void Reached(uint64_t sequence);
  template <typename Change>
  void Note(const Change& change);

  Store& primary_;
  Store& replica_;
  const FollowerOptions options_;
  const std::string removal_;  // the origin of what a comparison removes
  const GroupState group_;
  std::atomic<uint64_t>& floor_;
  const std::function<void()> news_;
  // Revisions below this may be of the snapshot that was copied last, ahead of the feed. Only for
  // the follower's thread.
  uint64_t copied_below_ = 0;
  std::atomic<uint64_t> applied_{0};
  std::atomic<ReplicaHealth> health_{ReplicaHealth::kConnecting};
  std::atomic<bool> verify_{false};
  mutable Mutex mutex_;
  ReplicaState state_ STRATA_GUARDED_BY(mutex_);
  RetryingThread thread_;  // last, so that it begins with everything there
};

}  // namespace strata::replicate

#endif  // STRATA_WRAPPERS_REPLICATE_REPLICA_FOLLOWER_H_
