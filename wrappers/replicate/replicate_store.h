// The stage type "replicate": one primary and copies of it.
//
//   operation    asks of the inner stores     does itself                 when one of them fails
//   read         the same of one of them      chooses it by "reads"       Unavailable: asks the
//                                                                         next one that may answer
//   write        the same of the primary,     waits for as many copies    the primary: passes it
//                above older epochs           as "mode" says              on; copies: Unavailable,
//                                                                         refused or unconfirmed
//   query        the same of one of them      chooses it when it is       as a read; a page or a
//                                             opened                      continuation: passes it
//                                                                         on
//   transaction  the same of the primary      refuses to commit after a   as a write
//                                             promotion (Aborted), waits
//                                             as for a write
//   subscribe    the same of the primary      goes on with the new one    passes it on
//                                             after a promotion, with a
//                                             gap when something is lost
//
//   {"type": "replicate", "inners": ["here", "there"], "mode": "all", "reads": "nearest",
//    "state": "group.json"}
//
// Every copy follows the primary's change feed and has its revisions (replica_follower.h says how).
#ifndef STRATA_WRAPPERS_REPLICATE_REPLICATE_STORE_H_
#define STRATA_WRAPPERS_REPLICATE_REPLICATE_STORE_H_

#include "store/stage.h"
#include "wrappers/replicate/replicate_admin.h"

namespace strata {

// Its stores are ReplicateAdmins.
Status RegisterReplicate(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_REPLICATE_REPLICATE_STORE_H_
