// Scans of documents in order of id. For base_stores/rocksdb only.
#ifndef STRATA_BASE_STORES_ROCKSDB_DATA_SCAN_H_
#define STRATA_BASE_STORES_ROCKSDB_DATA_SCAN_H_

#include <memory>
#include <string_view>

#include "base_stores/rocksdb/rocksdb_snapshot.h"

namespace strata::rocksdb_store {

// As Snapshot::Scan. The snapshot must outlive the scan.
std::unique_ptr<RecordScan> ScanData(const RocksdbSnapshot& snapshot, const IdBounds& bounds,
                                     const Filter& filter, std::string_view after,
                                     const ScanOptions& options);

}  // namespace strata::rocksdb_store

#endif  // STRATA_BASE_STORES_ROCKSDB_DATA_SCAN_H_
