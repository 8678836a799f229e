// The open RocksDB directory: column families, the change log's floor. For base_stores/rocksdb
// only.
#ifndef STRATA_BASE_STORES_ROCKSDB_DATABASE_H_
#define STRATA_BASE_STORES_ROCKSDB_DATABASE_H_

#include <rocksdb/utilities/transaction_db.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "base_stores/rocksdb/errors.h"
#include "base_stores/rocksdb/rocksdb_options.h"
#include "store/store.h"

namespace strata::rocksdb_store {

inline rocksdb::Slice ToSlice(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view ToView(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

// What every iterator needs. RocksDB 7.8.3 ends an iterator with OK at a damaged file when it looks
// for range deletions, which this store never writes; without them it says Corruption.
inline rocksdb::ReadOptions IteratorOptions() {
  rocksdb::ReadOptions read;
  read.ignore_range_deletions = true;
  return read;
}

// Safe for concurrent use.
class Database {
 public:
  static StatusOr<std::shared_ptr<Database>> Open(const RocksdbOptions& options);
  ~Database();

  // The record; nothing when it is missing.
  Status Get(const rocksdb::ReadOptions& read, std::string_view id,
             std::optional<Record>* out) const;

  // Several at once. `Ids`: a range of strings or views. Requires: out.size() == ids.size().
  template <typename Ids>
  Status GetMany(const rocksdb::ReadOptions& read, const Ids& ids,
                 const std::span<std::optional<Record>>& out) const {
    if (ids.size() == 1) return Get(read, ids[0], &out[0]);
    std::vector<rocksdb::Slice> keys;
    keys.reserve(ids.size());
    for (const auto& id : ids) keys.push_back(ToSlice(id));
    return GetMany(read, keys, out);
  }

  // RocksDB's status about this directory. `doing`: for the message.
  Status ToStatus(const rocksdb::Status& s, std::string_view doing) const {
    return Translate(s, doing, directory_);
  }
  const std::string& directory() const { return directory_; }

  rocksdb::DB* db() const { return db_->GetRootDB(); }
  rocksdb::ColumnFamilyHandle* data() const { return handles_[1]; }
  rocksdb::ColumnFamilyHandle* changes() const { return handles_[2]; }
  rocksdb::ColumnFamilyHandle* meta() const { return handles_[3]; }
  rocksdb::ColumnFamilyHandle* indexes() const { return handles_[4]; }

  // Writes a batch whose conflicts the caller has settled.
  Status Write(rocksdb::WriteBatch* batch, bool sync);

  // Puts on disk what was written without sync.
  Status Sync();

  // The newest sequence that is visible.
  uint64_t last() const { return last_.load(std::memory_order_acquire); }
  void set_last(uint64_t sequence) { last_.store(sequence, std::memory_order_release); }
  // Changes below this may be gone.
  uint64_t floor() const { return floor_->load(std::memory_order_acquire); }
  void set_floor(uint64_t sequence) { floor_->store(sequence, std::memory_order_release); }
  static constexpr std::string_view kFloorKey = "floor";

  // For the writer, one at a time: ids beyond the last one that ever was are new and need not be
  // looked for.
  bool IsBeyondLastId(std::string_view id) const { return last_id_ && id > *last_id_; }
  void NoteId(std::string_view id) {
    if (IsBeyondLastId(id)) last_id_ = id;
  }

  double EstimatedDocuments() const;

 private:
  Status GetMany(const rocksdb::ReadOptions& read, const std::vector<rocksdb::Slice>& keys,
                 const std::span<std::optional<Record>>& out) const;
  Database() = default;
  Status Init(const RocksdbOptions& options);
  Status WriteFormat();
  StatusOr<uint64_t> ReadMeta(std::string_view key, uint64_t missing) const;
  StatusOr<std::string> LastKey(rocksdb::ColumnFamilyHandle* family) const;  // "": none

  std::string directory_;  // absolute, without links
  std::unique_ptr<rocksdb::TransactionDB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::atomic<uint64_t> last_{0};
  std::optional<std::string> last_id_;  // none: unknown, since that part of the data is damaged
  // Shared with the compaction filter, which RocksDB may keep longer than this.
  std::shared_ptr<std::atomic<uint64_t>> floor_ = std::make_shared<std::atomic<uint64_t>>(0);
};

}  // namespace strata::rocksdb_store

#endif  // STRATA_BASE_STORES_ROCKSDB_DATABASE_H_
