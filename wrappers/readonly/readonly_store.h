// The stage type "readonly": lets nothing be written through it.
//
//   operation    asks of the inner store   does itself                       when the inner one
//   fails read         the same                  nothing                           passes it on
//   write        nothing                   refuses with PermissionDenied     -
//   query        the same                  nothing                           passes it on
//   transaction  the same                  refuses writes inside it          passes it on
//   subscribe    the same                  nothing                           passes it on
#ifndef STRATA_WRAPPERS_READONLY_READONLY_STORE_H_
#define STRATA_WRAPPERS_READONLY_READONLY_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterReadonly(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_READONLY_READONLY_STORE_H_
