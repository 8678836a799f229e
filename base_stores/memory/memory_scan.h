// How snapshots of the memory store are read: in order of id, or by an index. For
// base_stores/memory only. The snapshot's revision stays registered while a scan lives.
#ifndef STRATA_BASE_STORES_MEMORY_MEMORY_SCAN_H_
#define STRATA_BASE_STORES_MEMORY_MEMORY_SCAN_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base_stores/memory/column_cache.h"
#include "base_stores/memory/ordered_index.h"
#include "base_stores/memory/version_table.h"
#include "store/snapshot.h"

namespace strata::memory {

std::unique_ptr<RecordScan> ScanTable(const VersionTable& table, ColumnCache* columns,
                                      uint64_t revision, const IdBounds& bounds,
                                      const Filter& filter, std::string_view after,
                                      const ScanOptions& options);
std::unique_ptr<RecordScan> ScanOrderedIndex(std::shared_ptr<const OrderedIndex> index,
                                             uint64_t revision, IndexAccess access,
                                             const Filter& filter);
// As Snapshot::CollectIds and CountIndex.
StatusOr<bool> CollectIndexIds(const Context& ctx, const OrderedIndex& index, uint64_t revision,
                               std::span<const KeyRange> ranges, size_t budget,
                               std::vector<std::string>* ids);
StatusOr<uint64_t> CountIndexEntries(const Context& ctx, const OrderedIndex& index,
                                     uint64_t revision, std::span<const KeyRange> ranges);

}  // namespace strata::memory

#endif  // STRATA_BASE_STORES_MEMORY_MEMORY_SCAN_H_
