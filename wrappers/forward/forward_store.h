// The stage type "forward": passes everything on. For measuring what a layer costs and proving that
// stacking changes nothing.
//
//   operation    asks of the inner store   does itself   when the inner one fails
//   read         the same                  nothing       passes it on
//   write        the same                  nothing       passes it on
//   query        the same                  nothing       passes it on
//   transaction  the same                  nothing       passes it on
//   subscribe    the same                  nothing       passes it on
#ifndef STRATA_WRAPPERS_FORWARD_FORWARD_STORE_H_
#define STRATA_WRAPPERS_FORWARD_FORWARD_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterForward(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_FORWARD_FORWARD_STORE_H_
