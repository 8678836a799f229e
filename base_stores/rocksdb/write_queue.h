// How writes reach a RocksDB directory: one at a time, in groups. Writers queue; the first of them
// writes a whole group as one batch with at most one sync (LevelDB's scheme), so revisions and the
// change log are in commit order without holes. For base_stores/rocksdb only.
#ifndef STRATA_BASE_STORES_ROCKSDB_WRITE_QUEUE_H_
#define STRATA_BASE_STORES_ROCKSDB_WRITE_QUEUE_H_

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base_stores/rocksdb/changes.h"
#include "base_stores/rocksdb/database.h"
#include "base_stores/rocksdb/indexes.h"
#include "base_stores/rocksdb/rocksdb_snapshot.h"
#include "base_stores/rocksdb/write_group.h"
#include "core/sync.h"
#include "store/buffered_transaction.h"

namespace strata::rocksdb_store {

// Safe for concurrent use.
class WriteQueue {
 public:
  // The last `log_entries` changes are kept.
  WriteQueue(std::shared_ptr<Database> database, std::shared_ptr<ChangeSignal> signal,
             Indexes& indexes, uint64_t log_entries);

  // `sync`: whether to wait for the disk.
  StatusOr<WriteResult> Write(const WriteBatch& batch, bool sync);

  // As in TransactionHost.
  Status Hold(const void* owner, std::span<const FinalWrite> writes,
              const RocksdbSnapshot& snapshot);
  void Release(const void* owner);
  StatusOr<WriteResult> Commit(const void* owner, std::span<const FinalWrite> writes,
                               const RocksdbSnapshot& snapshot, std::string_view origin,
                               uint64_t min_revision, bool sync);

  // Runs f alone, when it is this caller's turn.
  Status InTurn(std::function<Status()> f);

  IdGenerator& ids() { return ids_; }

 private:
  // Waits until the writer is done, by the hands of another thread or as the leader of a group.
  void Enqueue(Writer* w);

  // ---- the leader's: nobody else writes meanwhile ----
  void CommitGroup(const std::vector<Writer*>& writers);
  // How far back the change log goes once `last` is written, in steps.
  uint64_t FloorFor(uint64_t last, uint64_t left_out);

  const std::shared_ptr<Database> database_;
  const std::shared_ptr<ChangeSignal> signal_;
  Indexes& indexes_;
  const uint64_t log_entries_;
  IdGenerator ids_;
  HeldDocuments held_;

  Mutex queue_mutex_;
  CondVar queue_changed_;
  std::deque<Writer*> queue_ STRATA_GUARDED_BY(queue_mutex_);
  // Belong to the leader: sequences within the change log that hold nothing, and where it went on.
  uint64_t left_out_ = 0;
  uint64_t resumed_at_ = 0;
};

}  // namespace strata::rocksdb_store

#endif  // STRATA_BASE_STORES_ROCKSDB_WRITE_QUEUE_H_
