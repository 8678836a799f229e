// The memory store: documents in a sharded hash table, with versions for snapshots and an ordered
// index for scans.
//
//   StatusOr<std::shared_ptr<Store>> s = NewMemoryStore({}, {.type = "memory", .stage = "cache"});
//
// A read takes one shard's lock for reading. One writer commits at a time; a batch becomes visible
// at once, when its last revision is published. Old versions live as long as a snapshot needs them.
#ifndef STRATA_BASE_STORES_MEMORY_MEMORY_STORE_H_
#define STRATA_BASE_STORES_MEMORY_MEMORY_STORE_H_

#include <memory>

#include "base_stores/memory/memory_options.h"
#include "store/stage.h"

namespace strata {

// `helpers`: threads for scans of many documents; null: none.
std::shared_ptr<Store> NewMemoryStore(const MemoryOptions& options = {},
                                      StoreInfo info = {"memory", "memory", {}},
                                      std::shared_ptr<Executor> helpers = nullptr);

// The stage type "memory".
Status RegisterMemory(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_BASE_STORES_MEMORY_MEMORY_STORE_H_
