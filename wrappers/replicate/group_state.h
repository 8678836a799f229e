// Which store of a group is the primary, on disk.
#ifndef STRATA_WRAPPERS_REPLICATE_GROUP_STATE_H_
#define STRATA_WRAPPERS_REPLICATE_GROUP_STATE_H_

#include <array>
#include <cstdint>
#include <string>

#include "core/status.h"
#include "core/sync.h"

namespace strata::replicate {

// Revisions of an epoch begin at epoch << kEpochBits, so that none of an older epoch, known here or
// lost, is ever above them. 2^40 writes fit in an epoch, 2^13 epochs in a double's whole numbers.
inline constexpr int kEpochBits = 40;

struct GroupState {
  uint64_t epoch = 0;  // counts promotions
  size_t primary = 0;  // place in "inners"
  // What the primary had when it became one: another store that has more in an older epoch has
  // writes that are lost here.
  uint64_t began = 0;

  uint64_t first_revision() const { return epoch << kEpochBits; }
};

// The default when there is no file. DataLoss for one that cannot be read.
StatusOr<GroupState> LoadState(const std::string& path);
// On disk when it returns; never half written.
Status SaveState(const std::string& path, const GroupState& state);

// The state as one process of the group knows it, and whether another one has gone on from there.
// Safe for concurrent use.
class StateFile {
 public:
  // "": the group has none, and Check always succeeds.
  explicit StateFile(std::string path) : path_(std::move(path)) {}

  // Reads the epoch that this process is in. Before use.
  StatusOr<GroupState> Open();
  // FailedPrecondition from when another process has begun an epoch: this one is fenced off, for
  // good. Looks at the file each time: one stat while nothing has changed.
  Status Check();
  // Begins an epoch above both this process's own and the file's, which it writes to `next`; on
  // disk when it returns. Check's errors; nothing is changed then. No two processes do this at
  // the same time.
  Status Advance(GroupState* next);

 private:
  using Stamp = std::array<int64_t, 4>;  // zeros: no file
  Stamp Look() const;
  Status CheckLocked() REQUIRES_LOCK(mutex_);

  const std::string path_;
  Mutex mutex_;
  GroupState own_ STRATA_GUARDED_BY(mutex_);
  Stamp stamp_ STRATA_GUARDED_BY(mutex_) = {};  // of the file when it was read
  bool fenced_ STRATA_GUARDED_BY(mutex_) = false;
};

}  // namespace strata::replicate

#endif  // STRATA_WRAPPERS_REPLICATE_GROUP_STATE_H_
