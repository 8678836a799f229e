// The stage type "fault": makes every n-th operation fail, for tests of what is above it.
//
//   operation    asks of the inner store  does itself                        when that one fails
//   read         the same                 fails when it is its turn          passes it on
//   write        the same                 fails when it is its turn          passes it on
//   query        the same                 may fail when it is prepared, is   passes it on
//                                         opened, or gives a page
//   transaction  the same                 may fail when it begins, at each   passes it on
//                                         call in it, its vote, its commit
//   subscribe    the same                 may fail then, or when it gives    passes it on
//                                         changes
//
// With "when": "before" (or "instead") an operation that fails asks nothing; with "after" it asks,
// and then fails.
//
// Operations are counted together over the store and everything that it hands out (cursors,
// transactions, subscriptions). With "when": "after" a write has happened although it is reported
// as failed, as when a connection breaks before the answer.
#ifndef STRATA_WRAPPERS_FAULT_FAULT_STORE_H_
#define STRATA_WRAPPERS_FAULT_FAULT_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterFault(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_FAULT_FAULT_STORE_H_
