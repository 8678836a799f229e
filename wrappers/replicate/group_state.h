// Which store of a group is the primary, on disk.
#ifndef STRATA_WRAPPERS_REPLICATE_GROUP_STATE_H_
#define STRATA_WRAPPERS_REPLICATE_GROUP_STATE_H_

#include <string>

#include "core/status.h"

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

}  // namespace strata::replicate

#endif  // STRATA_WRAPPERS_REPLICATE_GROUP_STATE_H_
