// The indexes of a RocksDB directory: which there are, how far their builds have come, and what a
// write changes in them. For base_stores/rocksdb only.
//
// An entry's key is the index' number (4 bytes, big-endian), the index key, the id. Its value is
// the size of the index key (4 bytes) and, when the index covers, the document's covered part.
// Entries are written in the same batch as the documents, so the two never part. A description
// of each index, with its state and the id up to which a build has come, lies in the meta family.
//
// What changes entries runs in the leader's turn of the store's queue (one thread at a time);
// everything else may be called from any thread.
#ifndef STRATA_BASE_STORES_ROCKSDB_INDEXES_H_
#define STRATA_BASE_STORES_ROCKSDB_INDEXES_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base_stores/rocksdb/database.h"
#include "core/sync.h"
#include "store/index_admin.h"
#include "store/index_catalog.h"
#include "store/unique_check.h"

namespace strata::rocksdb_store {

std::string IndexPrefix(uint32_t number);
// number, key and id of an entry; false when it is damaged.
struct EntryParts {
  std::string_view key;
  std::string_view id;
  std::string_view covered;  // JSON, or ""
};
bool DecodeEntry(std::string_view key, std::string_view value, EntryParts* out);

class Indexes {
  struct Index;
  using IndexPtr = std::shared_ptr<Index>;

 public:
  explicit Indexes(std::shared_ptr<Database> database) : database_(std::move(database)) {}

  // Reads what is there and compares it with what is declared: new ones begin to build, others to
  // be dropped.
  Status Init(const std::vector<IndexSpec>& declared);
  // Keeps the statistics for the next time.
  Status Save();

  std::shared_ptr<const IndexCatalog> catalog() const;
  std::vector<IndexReport> Reports() const;

  // ---- in the leader's turn ----
  // What a group has done to indexes, before it is written.
  struct Pending {
    std::vector<IndexPtr> written;  // those that writes keep up
    struct Delta {
      std::shared_ptr<IndexStats> stats;
      bool add;
      std::string key;
      std::string id;
    };
    std::vector<Delta> deltas;
    // Owners of unique keys (number and key) as the group leaves them; none: nobody.
    StringMap<std::optional<std::string>> owners;
    std::unique_ptr<rocksdb::Iterator> lookup;
  };
  // For a new group.
  Pending Begin() const;
  // What one member of a group makes of a document in the end.
  struct Final {
    std::string id;
    Document before;
    Document after;
  };
  // Checks a member's changes; *failed is the one that cannot be made. `owner`: the transaction
  // that writes, whose own holds do not hinder it. Aborted: another one holds a unique key.
  Status Check(const std::vector<Final>& finals, const void* owner, Pending* pending,
               size_t* failed);
  // Keeps the unique keys that checked changes take from other writers.
  void Hold(const std::vector<Final>& finals, const void* owner);
  // Puts one change of a document into the batch. Requires: checked.
  Status Apply(std::string_view id, const Document& before, const Document& after,
               rocksdb::WriteBatch* batch, Pending* pending);
  // The checked member is part of the group.
  void Accept(const std::vector<Final>& finals, Pending* pending);
  // The group is on disk.
  void Committed(const Pending& pending);

  // The next piece of work on a build or a drop, put into a batch; false when there is none. After
  // the batch is written, Worked() makes it known.
  StatusOr<bool> Work(rocksdb::WriteBatch* batch);
  Status Worked();

  Status Create(const IndexSpec& spec, IndexOrigin origin);
  Status Drop(std::string_view name);
  void SetStats(uint32_t number, std::shared_ptr<IndexStats> stats);

  // ---- from any thread ----
  void Release(const void* owner);
  // Counts the entries of an index that is ready.
  StatusOr<std::shared_ptr<IndexStats>> CountAgain(const Context& ctx,
                                                   const IndexReport& index) const;
  bool HasWork() const;
  QueryLog& queries() { return queries_; }

 private:
  struct Index {
    IndexSpec spec;
    uint32_t number = 0;
    IndexState state = IndexState::kBuilding;
    IndexOrigin origin = IndexOrigin::kDeclared;
    std::string position;  // of a build: the last id done
    std::string message;
    uint64_t done = 0;
    std::shared_ptr<IndexStats> stats;
    bool stats_known = false;
    bool covers = false;

    bool written() const { return state == IndexState::kBuilding || state == IndexState::kReady; }
  };

  Status Store(const Index& index, rocksdb::WriteBatch* batch) const;
  static IndexPtr Describe(std::string_view text);
  Status Build(Index* index, rocksdb::WriteBatch* batch);
  Status DropSome(Index* index, rocksdb::WriteBatch* batch);
  Status PutEntry(const Index& index, std::string_view key, std::string_view id,
                  const Document& document, rocksdb::WriteBatch* batch) const;
  StatusOr<std::optional<std::string>> OwnerOf(const Index& index, std::string_view key,
                                               const void* owner, Pending* pending) const;
  void Publish() REQUIRES_LOCK(mutex_);
  std::vector<IndexPtr> Written() const;
  IndexPtr MakeIndex(const IndexSpec& spec, IndexOrigin origin) REQUIRES_LOCK(mutex_);

  const std::shared_ptr<Database> database_;
  QueryLog queries_;

  mutable Mutex mutex_;
  std::vector<IndexPtr> all_ STRATA_GUARDED_BY(mutex_);
  std::shared_ptr<const std::vector<IndexPtr>> written_ STRATA_GUARDED_BY(mutex_);
  std::shared_ptr<const IndexCatalog> catalog_ STRATA_GUARDED_BY(mutex_) =
      std::make_shared<IndexCatalog>();
  uint32_t last_number_ STRATA_GUARDED_BY(mutex_) = 0;
  bool opened_ STRATA_GUARDED_BY(mutex_) = false;

  // Unique keys (number and key) that transactions which have voted will take.
  mutable Mutex held_mutex_;
  StringMap<const void*> held_ STRATA_GUARDED_BY(held_mutex_);

  // The leader's own: the work of the batch that is being written.
  IndexPtr working_;
  Index next_;
  std::vector<Pending::Delta> work_deltas_;
};

}  // namespace strata::rocksdb_store

#endif  // STRATA_BASE_STORES_ROCKSDB_INDEXES_H_
