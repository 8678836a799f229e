// What can be asked of a replicated group, and done with it, while it is open.
#ifndef STRATA_WRAPPERS_REPLICATE_REPLICATE_ADMIN_H_
#define STRATA_WRAPPERS_REPLICATE_REPLICATE_ADMIN_H_

#include <string>
#include <vector>

#include "core/context.h"
#include "wrappers/replicate/replica_follower.h"

namespace strata {

struct ReplicaReport {
  size_t place = 0;   // in "inners"
  std::string stage;  // the inner store's
  bool primary = false;
  uint64_t lag = 0;  // changes of the primary that it has not
  replicate::ReplicaState state;
};

struct GroupReport {
  uint64_t epoch = 0;
  std::vector<ReplicaReport> members;
};

// Implemented by the stage. Safe for concurrent use.
class ReplicateAdmin {
 public:
  virtual ~ReplicateAdmin() = default;
  virtual GroupReport Report() const = 0;
  // Makes another store the primary, in a new epoch that older primaries cannot write into. Waits
  // until it has all that the primary has. `lossy`: goes on when the primary cannot be asked or
  // does not answer in time; what was not copied is then lost, and subscribers get a gap.
  //
  // The new epoch is above what the state file says, which is read anew. FailedPrecondition, with
  // nothing changed, when another process has begun an epoch meanwhile, also for `lossy` and for
  // the store that is the primary here already: this process follows the wrong primary, so it
  // cannot tell what would be lost. Open the pipeline again and promote there.
  virtual Status Promote(const Context& ctx, size_t place, bool lossy) = 0;
  // Compares every copy with the primary, and mends. Returns when all have.
  virtual Status Verify(const Context& ctx) = 0;
};

}  // namespace strata

#endif  // STRATA_WRAPPERS_REPLICATE_REPLICATE_ADMIN_H_
