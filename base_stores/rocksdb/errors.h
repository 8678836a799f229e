// RocksDB's errors as ours: first what is wrong and what to do, in our words, then RocksDB's. For
// base_stores/rocksdb only.
#ifndef STRATA_BASE_STORES_ROCKSDB_ERRORS_H_
#define STRATA_BASE_STORES_ROCKSDB_ERRORS_H_

#include <rocksdb/status.h>

#include <string_view>
#include <system_error>

#include "core/status.h"

namespace strata::rocksdb_store {

// What to do about damage, for the end of a message.
inline constexpr std::string_view kRestore =
    "restore the directory from a backup (strata backup makes them)";

// An entry of an index that cannot be read.
Status DamagedIndex(std::string_view name);

// RocksDB's status. `doing`: "reading", for the message. `directory`: what it is about, when that
// may be damaged or forbidden; "" when only memory is touched. Codes: ResourceExhausted for a full
// disk, PermissionDenied, DataLoss for damage and for files that are gone, Aborted,
// DeadlineExceeded, Unimplemented, Unavailable for any other failure of the disk, else Internal.
Status Translate(const rocksdb::Status& s, std::string_view doing, std::string_view directory = "");

// Whether the system refuses, for want of a permission or since nothing may be written there.
bool IsRefusal(const std::error_code& error);
// PermissionDenied for a directory. `detail`: what the system, or RocksDB, said.
Status Refused(std::string_view directory, std::string_view detail);

}  // namespace strata::rocksdb_store

#endif  // STRATA_BASE_STORES_ROCKSDB_ERRORS_H_
