// How records and changes lie in RocksDB. For base_stores/rocksdb only.
#ifndef STRATA_BASE_STORES_ROCKSDB_CODEC_H_
#define STRATA_BASE_STORES_ROCKSDB_CODEC_H_

#include <string>
#include <string_view>

#include "store/store.h"

namespace strata::rocksdb_store {

inline constexpr int kFormatVersion = 2;

// A record is its header (checksum of id, revision and text: 4 bytes; revision: 8), then the text.
inline constexpr size_t kRecordHeader = 12;
std::string RecordHeader(std::string_view id, uint64_t revision, std::string_view text);
// DataLoss when the checksum does not hold.
StatusOr<Record> DecodeRecord(std::string_view id, std::string_view value);

// A change's key is its sequence, big-endian. Its value holds kind, id, origin and the document
// before; the document after is the current record when that has this revision, else the `before`
// of the id's next change.
std::string SequenceKey(uint64_t sequence);
uint64_t DecodeSequenceKey(std::string_view key);
// Everything but the text of `before`, which follows.
std::string ChangeHeader(ChangeKind kind, std::string_view id, std::string_view origin);
// `after` is left empty.
StatusOr<Change> DecodeChange(std::string_view key, std::string_view value);

}  // namespace strata::rocksdb_store

#endif  // STRATA_BASE_STORES_ROCKSDB_CODEC_H_
