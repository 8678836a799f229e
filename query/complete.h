// Closes a plan: what it leaves is done by the shared operators, so its rows are exactly the
// query's.
#ifndef STRATA_QUERY_COMPLETE_H_
#define STRATA_QUERY_COMPLETE_H_

#include <memory>

#include "query/plan.h"

namespace strata {

// The result's residual is empty, its Position() is a continuation (query/continuation.h) for
// `query`, and OpenOptions::position takes one back. A query with after(…) begins behind that
// continuation. Requires: `inner` was prepared for WithoutAfter(query).
std::unique_ptr<Plan> Complete(std::unique_ptr<Plan> inner, const Query& query);

// The query that a store is asked for: without its after(…).
// InvalidArgument when after(…) stands more than once.
StatusOr<Query> WithoutAfter(const Query& query);

}  // namespace strata

#endif  // STRATA_QUERY_COMPLETE_H_
