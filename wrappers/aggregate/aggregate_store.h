// aggregate: one record from several stores, each of which owns some of its members.
//
//   {"type": "aggregate",
//    "inners": ["products", "stock"],
//    "properties": ["*", ["stock", "warehouse"]]}
//
// A write that changes several parts is voted on by all of them, noted in the journal, and then
// committed; after a crash the journal finishes it. Readers never see a commit in part.
#ifndef STRATA_WRAPPERS_AGGREGATE_AGGREGATE_STORE_H_
#define STRATA_WRAPPERS_AGGREGATE_AGGREGATE_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterAggregate(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_AGGREGATE_AGGREGATE_STORE_H_
