// replicate: one primary and copies of it.
//
//   {"type": "replicate", "inners": ["here", "there"], "mode": "all", "reads": "nearest",
//    "state": "group.json"}
//
// Writes go to the primary; every copy follows the primary's change feed and has its revisions.
// `mode` says how many have to have a write before it is acknowledged, `reads` who is asked.
#ifndef STRATA_WRAPPERS_REPLICATE_REPLICATE_STORE_H_
#define STRATA_WRAPPERS_REPLICATE_REPLICATE_STORE_H_

#include "store/stage.h"
#include "wrappers/replicate/replicate_admin.h"

namespace strata {

// Its stores are ReplicateAdmins.
Status RegisterReplicate(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_REPLICATE_REPLICATE_STORE_H_
