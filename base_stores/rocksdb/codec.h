// How records and changes lie in RocksDB. For base_stores/rocksdb only.
#ifndef STRATA_BASE_STORES_ROCKSDB_CODEC_H_
#define STRATA_BASE_STORES_ROCKSDB_CODEC_H_

#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace strata::rocksdb_store {

inline constexpr int kFormatVersion = 3;

// A record is its header (checksum of id, revision and text: 4 bytes; revision: 8), then the text.
inline constexpr size_t kRecordHeader = 12;
std::string RecordHeader(std::string_view id, uint64_t revision, std::string_view text);
// The document's text. DataLoss when the checksum does not hold.
StatusOr<std::string_view> RecordText(std::string_view id, std::string_view value);
StatusOr<Record> DecodeRecord(std::string_view id, std::string_view value);

// A change's key is its sequence, big-endian. Its value holds kind, id, origin and the document
// before; the document after is the current record when that has this revision, else the `before`
// of the id's next change. Documents that one batch creates, with sequences one behind the other,
// share a record, whose key is the last sequence: so whoever seeks any of them comes upon it.
std::string SequenceKey(uint64_t sequence);
uint64_t DecodeSequenceKey(std::string_view key);
// Everything but the text of `before`, which follows.
std::string ChangeHeader(ChangeKind kind, std::string_view id, std::string_view origin);
// Creations with sequences one behind the other.
class CreationRun {
 public:
  static constexpr size_t kMostBytes = 32 << 10;

  bool empty() const { return count_ == 0; }
  // Whether the run may go on with this.
  bool Takes(uint64_t sequence, std::string_view id, std::string_view origin) const;
  void Add(uint64_t sequence, std::string_view id, std::string_view origin);
  uint64_t last() const { return last_; }
  // The record's value.
  std::string Encode() const;
  void Clear();

 private:
  uint64_t last_ = 0;
  uint16_t count_ = 0;
  std::string origin_;
  std::string ids_;
};

// Appends the record's changes from the sequence `from` on, at most `limit`. `after` is left empty.
Status DecodeChanges(std::string_view key, std::string_view value, uint64_t from, size_t limit,
                     std::vector<Change>* changes);

}  // namespace strata::rocksdb_store

#endif  // STRATA_BASE_STORES_ROCKSDB_CODEC_H_
