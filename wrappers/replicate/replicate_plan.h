// Queries that one of several equal stores answers.
#ifndef STRATA_WRAPPERS_REPLICATE_REPLICATE_PLAN_H_
#define STRATA_WRAPPERS_REPLICATE_REPLICATE_PLAN_H_

#include <functional>
#include <memory>
#include <string>

#include "store/store.h"

namespace strata::replicate {

// Calls with the places of stores that may be asked, one after the other while the call gives
// Unavailable.
using AskSome = std::function<Status(const std::function<Status(size_t place)>& call)>;

// `members` and what `ask` refers to must outlive the plan.
StatusOr<std::unique_ptr<Plan>> PrepareSomewhere(const std::vector<std::shared_ptr<Store>>& members,
                                                 const Context& ctx, const Query& query,
                                                 const AskSome& ask, std::string stage);

}  // namespace strata::replicate

#endif  // STRATA_WRAPPERS_REPLICATE_REPLICATE_PLAN_H_
