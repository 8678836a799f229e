// The stage type "slow": makes operations late, for tests of what is above it.
//
//   operation    asks of the inner store   does itself   when the inner one fails
//   read         the same, later           waits         passes it on
//   write        the same, later           waits         passes it on
//   query        the same, later           waits         passes it on
//   commit       the same, later           waits         passes it on
//   subscribe    the same, later           waits         passes it on
//
// Waiting ends with the caller's deadline or cancellation; then the inner store is not asked.
#ifndef STRATA_WRAPPERS_SLOW_SLOW_STORE_H_
#define STRATA_WRAPPERS_SLOW_SLOW_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterSlow(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_SLOW_SLOW_STORE_H_
