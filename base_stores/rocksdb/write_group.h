// What the leader of the write queue makes of the writers whose turn it is: one RocksDB batch. For
// base_stores/rocksdb only.
#ifndef STRATA_BASE_STORES_ROCKSDB_WRITE_GROUP_H_
#define STRATA_BASE_STORES_ROCKSDB_WRITE_GROUP_H_

#include <rocksdb/write_batch.h>

#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base_stores/rocksdb/codec.h"
#include "base_stores/rocksdb/database.h"
#include "base_stores/rocksdb/indexes.h"
#include "base_stores/rocksdb/rocksdb_snapshot.h"
#include "core/sync.h"
#include "store/buffered_transaction.h"

namespace strata::rocksdb_store {

// One call that waits for its turn. Either `batch`, or the writes of a transaction.
struct Writer {
  const WriteBatch* batch = nullptr;
  std::span<const FinalWrite> writes;
  const void* owner = nullptr;
  const RocksdbSnapshot* snapshot = nullptr;
  std::string_view origin;
  uint64_t min_revision = 0;
  bool hold_only = false;
  bool sync = false;
  // Instead: something to be done alone, in the leader's turn.
  std::function<Status()> task;

  bool done = false;
  Status status;
  WriteResult result;
  size_t ops() const { return batch != nullptr ? batch->ops.size() : writes.size(); }
  // About what it will take in RocksDB's batch.
  size_t bytes() const {
    size_t n = 128 * ops();
    if (batch != nullptr) {
      for (const WriteOp& op : batch->ops) n += op.document.text().size();
    }
    for (const FinalWrite& f : writes) n += f.after.text().size();
    return n;
  }
};

// Documents of transactions that have voted. Only the leader holds some; Release may come from any
// thread.
class HeldDocuments {
 public:
  // Aborted: another transaction than `owner` is about to commit the document.
  Status Check(std::string_view id, const void* owner);
  void Hold(std::span<const FinalWrite> writes, const void* owner);
  void Release(const void* owner);

 private:
  std::atomic<bool> any_{false};
  Mutex mutex_;
  StringMap<const void*> held_ STRATA_GUARDED_BY(mutex_);
};

// Belongs to the leader, and nobody else writes meanwhile.
class WriteGroup {
 public:
  WriteGroup(Database& database, Indexes& indexes, IdGenerator& ids, HeldDocuments& held,
             const std::vector<Writer*>& writers);

  // Checks what a writer wants and adds it; sets his status. Of one that fails nothing stays.
  void Add(Writer* w);

  rocksdb::WriteBatch& batch() { return batch_; }
  uint64_t last() const { return next_ - 1; }      // the last sequence given out
  uint64_t left_out() const { return left_out_; }  // sequences that copies skipped
  const Indexes::Pending& indexes() const { return pending_; }

 private:
  // What a writer did to records_: the id and what stood there before. Null where nothing has to be
  // remembered.
  using Undo = std::vector<std::pair<std::string, std::optional<std::optional<Record>>>>;
  using Finals = std::vector<Indexes::Final>;

  Status AddBatch(Writer* w, Undo* undo);
  Status AddTransaction(Writer* w, Undo* undo);
  // Finds out what the batch makes of each document in the end, and checks that.
  Status CheckBatch(const WriteBatch& batch, const std::vector<std::string>& ids,
                    const std::vector<std::optional<Record>>& before, Finals* out);
  Status Current(std::string_view id, std::optional<Record>* out) const;
  StatusOr<WriteOutcome> Apply(const WriteOp& op, std::string id,
                               const std::optional<Record>& before, const std::string& origin,
                               Undo* undo);
  // Puts one change into the batch; its sequence.
  StatusOr<uint64_t> Change(const std::string& id, const Document& before, const Document& after,
                            std::string_view origin, uint64_t min_revision, Undo* undo);
  Status LogChange(ChangeKind kind, uint64_t sequence, const std::string& id,
                   const Document& before, std::string_view origin);
  // Puts what was created one behind the other into the change log, as one record.
  Status LogCreations();

  Database& database_;
  Indexes& indexes_;
  IdGenerator& ids_;
  HeldDocuments& held_;
  const bool alone_;  // it has one member
  rocksdb::WriteBatch batch_;
  StringMap<std::optional<Record>> records_;  // ids written in this group
  uint64_t next_;                             // sequence
  uint64_t left_out_ = 0;
  CreationRun creations_;  // of this writer, not in the batch yet
  Indexes::Pending pending_;
};

}  // namespace strata::rocksdb_store

#endif  // STRATA_BASE_STORES_ROCKSDB_WRITE_GROUP_H_
