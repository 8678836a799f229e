// Documents by id, each with the versions that somebody may still read.
#ifndef STRATA_BASE_STORES_MEMORY_VERSION_TABLE_H_
#define STRATA_BASE_STORES_MEMORY_VERSION_TABLE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_set.h"
#include "core/abseil.h"
#include "core/document.h"
#include "core/id_hash.h"
#include "core/sync.h"
#include "store/record.h"

namespace strata::memory {

struct Version {
  uint64_t revision = 0;
  Document document;  // nothing: deleted
  std::atomic<Version*> older{nullptr};
};

// A document's id and its versions, newest first. The first version of all lies in the entry
// itself, since most documents have only one: one cache line then holds everything.
struct alignas(64) Entry {
  explicit Entry(std::string_view id) : id(id) {}
  ~Entry() { Free(head.load(std::memory_order_acquire)); }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  const std::string id;
  std::atomic<Version*> head{nullptr};
  Version first;

  // The version that a reader at `revision` sees, or null.
  const Version* At(uint64_t revision) const {
    const Version* v = head.load(std::memory_order_acquire);
    while (v != nullptr && v->revision > revision) v = v->older.load(std::memory_order_acquire);
    return v;
  }
  // Frees a version and all that are older.
  void Free(Version* v);
};

class OrderedIndex;

// Who may read what, and why it stays alive meanwhile:
//  * A point read holds its shard's lock for reading; versions and entries of a shard are freed
//  only under that lock.
//  * A snapshot is registered with its revision; no version that it sees is freed. Within one hold
//  of the order's lock a
//    scan turns entries into versions, and keeps only those.
// Everything that changes the table is called by one writer at a time (the store's commit lock).
class VersionTable {
 public:
  VersionTable();
  ~VersionTable();

  // ---- readers ----
  uint64_t committed() const { return committed_.load(std::memory_order_acquire); }
  // The current version, or nothing.
  void Read(std::string_view id, std::optional<Record>* out) const;
  // The version at a registered snapshot's revision.
  const Version* ReadAt(std::string_view id, uint64_t revision) const;
  // Appends up to `limit` versions with documents that a registered snapshot sees, behind (or at,
  // when `inclusive`) `from` and before `end` (when it is given). *from becomes the last id passed.
  // False: there is nothing further.
  bool Collect(uint64_t revision, const std::string* end, size_t limit, std::string* from,
               bool inclusive, std::vector<const Version*>* out) const;
  // Takes the current revision as a snapshot; *documents is how many it sees.
  uint64_t Register(uint64_t* documents);
  void Unregister(uint64_t revision);
  uint64_t documents() const { return documents_.load(std::memory_order_relaxed); }

  // ---- the writer ----
  // The newest version, or null; deletions included.
  const Version* Newest(std::string_view id) const;
  struct Install {
    std::string id;
    Document document;
    uint64_t revision;
  };
  // Makes all of them visible at once. Requires: increasing revisions, one entry an id.
  void Commit(std::vector<Install> installs);
  // The table keeps the index up to date from now on. The caller adds what is there already.
  void AddIndex(std::shared_ptr<OrderedIndex> index);
  void RemoveIndex(const OrderedIndex* index);
  // Calls f(id, document) for up to `limit` documents behind `from`.
  template <typename F>
  void ForEach(const std::string& from, size_t limit, const F& f) const {
    auto it = from.empty() ? order_.begin() : order_.upper_bound(from);
    for (size_t n = 0; it != order_.end() && n < limit; ++it, ++n) {
      const Version* newest = it->second->head.load(std::memory_order_acquire);
      if (newest->document) f(it->second->id, newest->document.root());
    }
  }
  // Puts up to `limit` documents behind *from into an index. False: those were the last.
  bool Backfill(OrderedIndex* index, size_t limit, std::string* from);

 private:
  // What lies in a shard's table: all that a point read of the newest version needs, so that it
  // touches one line of the cache here and one of the document.
  struct alignas(64) Slot {
    std::string id;
    Entry* entry;
    mutable Document newest;  // nothing: deleted
    mutable uint64_t revision;
  };
  struct SlotHash {
    using is_transparent = void;
    size_t operator()(std::string_view id) const { return HashId(id); }
    size_t operator()(const Slot& s) const { return HashId(s.id); }
  };
  struct SlotEqual {
    using is_transparent = void;
    bool operator()(const Slot& a, std::string_view b) const { return SameId(a.id, b); }
    bool operator()(const Slot& a, const Slot& b) const { return a.id == b.id; }
  };

  static constexpr size_t kShards = 64;
  struct alignas(64) Shard {
    mutable SharedMutex mutex;
    absl::flat_hash_set<Slot, SlotHash, SlotEqual> slots;
  };

  static size_t Hash(std::string_view id) { return HashId(id); }
  Shard& ShardOf(size_t hash) const { return shards_[hash >> 57 & (kShards - 1)]; }
  const Slot* Find(std::string_view id, size_t hash) const;
  void DropRetired();
  uint64_t Oldest();
  // Makes everything up to the revision visible; the oldest revision that a snapshot sees.
  uint64_t Publish(uint64_t revision, int64_t more_documents);
  // Frees what nobody can see any more; false when something must wait.
  bool Prune(Entry* entry, uint64_t oldest);
  void Sweep();

  // Entries come from a pool, close together; only the writer makes and frees them.
  Entry* NewEntry(std::string_view id) {
    return new (pool_.allocate(sizeof(Entry), alignof(Entry))) Entry(id);
  }
  void FreeEntry(Entry* e) {
    e->~Entry();
    pool_.deallocate(e, sizeof(Entry), alignof(Entry));
  }

  std::pmr::unsynchronized_pool_resource pool_;
  mutable std::array<Shard, kShards> shards_;
  mutable SharedMutex order_mutex_;
  absl::btree_map<std::string_view, Entry*> order_;
  std::atomic<uint64_t> committed_{0};
  std::atomic<uint64_t> documents_{0};

  Mutex snapshots_mutex_;
  std::multiset<uint64_t> snapshots_ STRATA_GUARDED_BY(snapshots_mutex_);

  // The writer's own: entries that hold versions for the sake of snapshots.
  absl::flat_hash_set<Entry*> waiting_;
  std::vector<std::shared_ptr<OrderedIndex>> indexes_;
  std::vector<std::shared_ptr<OrderedIndex>> retired_;  // among them, and to go
  uint64_t swept_at_ = 0;
  uint64_t commits_since_sweep_ = 0;
};

}  // namespace strata::memory

#endif  // STRATA_BASE_STORES_MEMORY_VERSION_TABLE_H_
