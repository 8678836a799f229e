// Whether a store answers at all.
#ifndef STRATA_WRAPPERS_REPLICATE_PROBE_H_
#define STRATA_WRAPPERS_REPLICATE_PROBE_H_

#include "store/ops.h"
#include "store/store.h"

namespace strata::replicate {

// Reads one id, for a store may answer a read of none without looking. The document need not be
// there.
inline Status Probe(Store& store, const Context& ctx) {
  return Get(store, ctx, "strata-probe").status();
}

}  // namespace strata::replicate

#endif  // STRATA_WRAPPERS_REPLICATE_PROBE_H_
