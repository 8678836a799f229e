// A scan to the end of the table, block by block: by columns where there are some, and with helpers
// when there are any. For base_stores/memory only.
#ifndef STRATA_BASE_STORES_MEMORY_BLOCK_SCAN_H_
#define STRATA_BASE_STORES_MEMORY_BLOCK_SCAN_H_

#include <memory>
#include <string_view>

#include "base_stores/memory/column_cache.h"
#include "store/snapshot.h"

namespace strata::memory {

// Null when neither columns nor helpers can be of use. Requires: bounds without a list of ids.
std::unique_ptr<RecordScan> ScanBlocks(const VersionTable& table, ColumnCache* columns,
                                       uint64_t revision, const IdBounds& bounds,
                                       const Filter& filter, std::string_view after,
                                       const ScanOptions& options);

}  // namespace strata::memory

#endif  // STRATA_BASE_STORES_MEMORY_BLOCK_SCAN_H_
