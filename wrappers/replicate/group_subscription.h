// A group's change feed, across promotions.
#ifndef STRATA_WRAPPERS_REPLICATE_GROUP_SUBSCRIPTION_H_
#define STRATA_WRAPPERS_REPLICATE_GROUP_SUBSCRIPTION_H_

#include <memory>

#include "store/store.h"
#include "wrappers/replicate/group.h"

namespace strata::replicate {

// Goes on behind the same change when another store becomes the primary. When that may lack
// something, it tells of a gap first, and goes on from what the new primary has then. The group
// must outlive it.
StatusOr<std::unique_ptr<Subscription>> SubscribeToGroup(const Group& group, const Context& ctx,
                                                         const SubscribeRequest& request);

}  // namespace strata::replicate

#endif  // STRATA_WRAPPERS_REPLICATE_GROUP_SUBSCRIPTION_H_
