// The RocksDB store: documents on disk, with a revision and a checksum each, and a change log that
// survives restarts.
//
// A directory holds three column families: "data" (id to record), "changes" (sequence to change)
// and "meta" (format version, floor of the change log). A write puts all three into one RocksDB
// batch, so they never part. Writers that come together share one batch and one sync (group commit,
// as LevelDB's DBImpl::Write does it).
#ifndef STRATA_BASE_STORES_ROCKSDB_ROCKSDB_STORE_H_
#define STRATA_BASE_STORES_ROCKSDB_ROCKSDB_STORE_H_

#include <memory>
#include <string>

#include "base_stores/rocksdb/rocksdb_options.h"
#include "store/stage.h"

namespace strata {

// Opens or makes the directory. Errors: Unavailable when another process has it open,
// PermissionDenied when this process may not read and write it, FailedPrecondition when a newer
// version of this library wrote it, DataLoss when it is damaged or files of it are gone, NotFound
// when it is not there and may not be made. `helpers`: threads for scans of many
// documents; null: none.
StatusOr<std::shared_ptr<Store>> OpenRocksdbStore(const RocksdbOptions& options,
                                                  StoreInfo info = {"rocksdb", "rocksdb", {}},
                                                  std::shared_ptr<Executor> helpers = nullptr);

// Writes a consistent copy (hard links where it can) into a directory that must not exist yet,
// while the store goes on. InvalidArgument when `store` is not a RocksDB store.
Status BackupRocksdb(Store& store, const std::string& directory);

// The stage type "rocksdb".
Status RegisterRocksdb(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_BASE_STORES_ROCKSDB_ROCKSDB_STORE_H_
