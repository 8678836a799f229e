// The stage type "fault": makes every n-th operation fail, for tests of what is above it.
//
//   operation   "before", "instead"   "after"                   when the inner one fails
//   read        fails, asks nothing   asks, then fails          passes it on
//   write       fails, asks nothing   writes, then fails        passes it on
//   query       fails, asks nothing   asks, then fails          passes it on
//   commit      fails, asks nothing   commits, then fails       passes it on
//   subscribe   fails, asks nothing   asks, then fails          passes it on
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
