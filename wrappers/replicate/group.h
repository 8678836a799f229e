// Group: one primary store and its copies, epoch after epoch.
//
//   group.Write(ctx, [&](const std::shared_ptr<const Epoch>& epoch) -> StatusOr<WriteResult> {
//     return epoch->primary->Write(ctx, batch);
//   });
//
// An epoch is the time in which one store is the primary. Who writes holds the epoch open, so a
// promotion waits for him; what he wrote is acknowledged once enough stores have it.
#ifndef STRATA_WRAPPERS_REPLICATE_GROUP_H_
#define STRATA_WRAPPERS_REPLICATE_GROUP_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/sync.h"
#include "store/store.h"
#include "wrappers/core/gate.h"
#include "wrappers/replicate/group_state.h"
#include "wrappers/replicate/primary_watch.h"
#include "wrappers/replicate/replica_follower.h"
#include "wrappers/replicate/replicate_admin.h"

namespace strata::replicate {

// The stores of a group in one epoch. Kept alive by whoever uses it.
struct Epoch {
  GroupState group;
  uint64_t losses = 0;  // promotions of this process so far that may have lost something
  Store* primary = nullptr;
  std::unique_ptr<PrimaryWatch> watch;                      // of the primary
  std::vector<std::unique_ptr<ReplicaFollower>> followers;  // null at the primary's place
};

struct GroupOptions {
  std::string state;  // the path of the file that says who is the primary; "": none
  std::string hop;    // the group's name in origins
  size_t needed = 1;  // stores that must have a write before it is acknowledged
  std::chrono::milliseconds ack_timeout{0};  // how long a write waits for them
  std::chrono::milliseconds verify{0};       // how often copies are compared; 0: never
};

// Safe for concurrent use.
class Group {
 public:
  // The members must outlive it.
  Group(GroupOptions options, std::vector<Store*> members);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // Before use. FailedPrecondition when the stores and the state cannot make a group.
  Status Start();

  size_t size() const { return members_.size(); }
  Store& member(size_t place) const { return *members_[place]; }
  // Waits while a promotion is under way.
  std::shared_ptr<const Epoch> Current() const;
  // The stores to write to. Unavailable when a write could not be acknowledged, FailedPrecondition
  // when it would be refused, for another process has begun an epoch.
  StatusOr<std::shared_ptr<const Epoch>> ForWriting();
  // Writes of the epoch may get no revision below this.
  uint64_t floor() const { return floor_.load(); }

  // Calls with the stores to write to, and acknowledges what it wrote. No store becomes the primary
  // while the call runs. Unavailable when it was written, but may be lost.
  template <typename Call>
  StatusOr<WriteResult> Write(const Context& ctx, const Call& call) {
    std::shared_ptr<const Epoch> epoch;
    StatusOr<WriteResult> result = WriteResult();
    {
      ASSIGN_OR_RETURN(const Gate::Pass writing, promotion_.Enter(ctx, /*alone=*/false));
      ASSIGN_OR_RETURN(epoch, ForWriting());
      result = call(epoch);
      epoch->watch->Wrote(result.status());
    }
    RETURN_IF_ERROR(result.status());
    RETURN_IF_ERROR(Confirm(ctx, *epoch, *result));
    return result;
  }
  // Writes that too few stores confirmed in time.
  uint64_t unconfirmed() const { return unconfirmed_.load(std::memory_order_relaxed); }

  // As ReplicateAdmin says.
  GroupReport Report() const;
  Status Promote(const Context& ctx, size_t place, bool lossy);
  Status Verify(const Context& ctx);

 private:
  void Begin(const GroupState& state, uint64_t losses);
  void News();
  Status CatchUp(const Context& ctx, const Epoch& epoch, const ReplicaFollower& follower,
                 bool lossy);
  Status AwaitComparison(const Context& ctx, size_t place, const ReplicaFollower& follower,
                         uint64_t before);
  Status Confirm(const Context& ctx, const Epoch& epoch, const WriteResult& result);
  Status WaitForCopies(const Context& ctx, const Epoch& epoch, uint64_t last);

  const GroupOptions options_;
  const std::vector<Store*> members_;
  StateFile state_;
  std::atomic<uint64_t> floor_{0};
  std::atomic<uint64_t> unconfirmed_{0};
  Gate promotion_;  // shared: a write is under way
  mutable Mutex mutex_;
  mutable CondVar news_;  // of copies, and epochs
  // Null: a promotion is under way.
  std::shared_ptr<const Epoch> epoch_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::replicate

#endif  // STRATA_WRAPPERS_REPLICATE_GROUP_H_
