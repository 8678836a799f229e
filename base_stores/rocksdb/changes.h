// Subscriptions to the change log on disk. For base_stores/rocksdb only.
#ifndef STRATA_BASE_STORES_ROCKSDB_CHANGES_H_
#define STRATA_BASE_STORES_ROCKSDB_CHANGES_H_

#include <memory>

#include "base_stores/rocksdb/database.h"
#include "core/sync.h"

namespace strata::rocksdb_store {

// Tells subscribers that there is something new.
struct ChangeSignal {
  Mutex mutex;
  CondVar changed;
};

StatusOr<std::unique_ptr<Subscription>> SubscribeToLog(std::shared_ptr<Database> database,
                                                       std::shared_ptr<ChangeSignal> signal,
                                                       const SubscribeRequest& request);

}  // namespace strata::rocksdb_store

#endif  // STRATA_BASE_STORES_ROCKSDB_CHANGES_H_
