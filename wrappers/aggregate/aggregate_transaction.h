// A transaction over all parts: one over each part that votes, and what was written into all.
#ifndef STRATA_WRAPPERS_AGGREGATE_AGGREGATE_TRANSACTION_H_
#define STRATA_WRAPPERS_AGGREGATE_AGGREGATE_TRANSACTION_H_

#include <memory>
#include <string>

#include "core/clock.h"
#include "store/store.h"
#include "wrappers/aggregate/committer.h"
#include "wrappers/aggregate/parts.h"

namespace strata::aggregate {

// `parts`, `committer` and `ids` must outlive it. `stage`: the name in explanations of its queries.
std::unique_ptr<Transaction> MakeTransaction(const Parts& parts, Committer& committer,
                                             IdGenerator& ids, std::string stage,
                                             PartTransactions transactions,
                                             TransactionOptions options);

}  // namespace strata::aggregate

#endif  // STRATA_WRAPPERS_AGGREGATE_AGGREGATE_TRANSACTION_H_
