// Queries over records that lie in parts.
//
// Each conjunct that one part can answer goes to that part. Their rows are joined by id, the other
// parts are fetched by id, and the rest of the query is asked of the whole records.
#ifndef STRATA_WRAPPERS_AGGREGATE_AGGREGATE_PLAN_H_
#define STRATA_WRAPPERS_AGGREGATE_AGGREGATE_PLAN_H_

#include <functional>
#include <memory>
#include <string>

#include "wrappers/aggregate/parts.h"

namespace strata::aggregate {

// The parts as a query sees them, kept up by `keep`.
struct QueryViews {
  PartViews views;
  std::shared_ptr<const void> keep;
};
// Gives views of one moment; called once for each time that a plan is opened.
using Snapshots = std::function<StatusOr<QueryViews>(const Context& ctx)>;

// `now`: for planning only. `parts` and what the views refer to must outlive the plan.
StatusOr<std::unique_ptr<Plan>> PrepareAggregate(const Parts& parts, const Context& ctx,
                                                 const Query& query, const PartViews& now,
                                                 Snapshots snapshots, std::string stage);

}  // namespace strata::aggregate

#endif  // STRATA_WRAPPERS_AGGREGATE_AGGREGATE_PLAN_H_
