// The stage type "cache": keeps records that were read, in memory or in another store.
//
//   operation    asks of the inner store   does itself                   when the inner one fails
//   read         what it has not, once     serves what it has, waits     passes it on and keeps
//                for all who want it       for a fetch under way         nothing
//   write        the same                  forgets before, then keeps    forgets: the outcome is
//                                          what was left                 unknown
//   query        the same, unless nothing  keeps small results by text   passes it on and keeps
//                was written since         and the data's version        nothing
//   transaction  the same; reads inside    forgets around the commit     forgets
//                go below                  what was written
//   subscribe    the same                  nothing                       passes it on
//
// Nothing uncommitted is ever kept. A read that begins after a write through this stage was
// acknowledged never gives what was there before, unless the inner store does (cache_table.h says
// how). Writes that reach the inner store another way are learned from its change feed ("follow"):
// such news comes a moment later. What comes from a store that is only eventually fresh ends after
// a second, or after `ttl`, so nothing stays wrong for ever.
//
// The store "in" holds entries of caches and nothing else; one with other documents is refused.
#ifndef STRATA_WRAPPERS_CACHE_CACHE_STORE_H_
#define STRATA_WRAPPERS_CACHE_CACHE_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterCache(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_CACHE_CACHE_STORE_H_
