// The plan of every base store: it takes the whole query. It chooses the way to the documents
// (access.h) when its values are known, reads a snapshot that is taken when it is opened, and puts
// the shared operators above for what the way does not give by itself.
#ifndef STRATA_STORE_SCAN_PLAN_H_
#define STRATA_STORE_SCAN_PLAN_H_

#include <memory>
#include <string>

#include "store/plan_cache.h"
#include "store/snapshot.h"

namespace strata {

// `cache`: where prepared plans are kept for the next query with the same text; may be null.
StatusOr<std::unique_ptr<Plan>> PrepareScan(std::string stage, std::shared_ptr<ScanHost> host,
                                            const Query& query, PlanCache* cache);

}  // namespace strata

#endif  // STRATA_STORE_SCAN_PLAN_H_
