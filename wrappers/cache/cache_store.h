// The stage type "cache": keeps records that were read, in memory or in another store.
//
//   operation    asks of the inner store         does itself                            when the
//   inner one fails read         what it does not have, once     serves what it has; waits for a
//   fetch  passes it on, keeps nothing
//                for all who want it             that is under way
//   write        the same                        forgets before; keeps what was left    forgets
//   (the outcome is unknown) query        the same, unless nothing was    keeps small results by
//   their text and  passes it on, keeps nothing
//                written since                   the data's version
//   transaction  the same                        forgets around the commit what was     forgets
//                                                written; reads inside go below
//   subscribe    the same                        nothing                                passes it
//   on
//
// Nothing uncommitted is ever kept. A read that begins after a write through this stage was
// acknowledged never gives what was there before (cache_table.h says how). Writes that reach the
// inner store another way are learned from its change feed ("follow"): such news comes a moment
// later.
#ifndef STRATA_WRAPPERS_CACHE_CACHE_STORE_H_
#define STRATA_WRAPPERS_CACHE_CACHE_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterCache(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_CACHE_CACHE_STORE_H_
