// The cache's table: records by id within bounds, who is filling them, and who is writing them.
//
// Eviction is S3-FIFO (Yang, Zhang, Qiu, Yue, Vinayak: "FIFO queues are all you need for cache
// eviction", SOSP 2023): newcomers stand in a small queue of a tenth of the space and only move on
// to the main queue when they were hit twice or more meanwhile (the paper's frequency above 1);
// what left the small queue too early is remembered by its hash and returns to the main queue at
// once. So a scan passes through the small queue and leaves the rest alone. What replaces an entry
// (a write, a refresh, a fetch of what had ended) takes over its queue and its hits; where nothing
// is kept behind a write, an entry of the main queue is remembered as well.
//
// A hole in time is closed by leases: while somebody writes a record it is neither served nor
// filled, and a fill that began before a write, or before news of one, is not kept. So what is
// served is never older than what a finished write left.
//
// Nobody waits for a fetch that has not begun: a refresh may stand in a queue behind those who
// would wait for it, so a reader who needs its record takes it over.
//
// Of an external entry only the revision is here and the document lies elsewhere, put there before
// Fill. Whenever the table forgets such an entry, or does not keep it, it says so, and the caller
// drops the document. So what lies there is known here, but for what is being put or dropped right
// now. A document of an entry that was filled meanwhile may be dropped with it: then the entry
// misses its document, which is no worse than a miss.
//
// Safe for concurrent use.
#ifndef STRATA_WRAPPERS_CACHE_CACHE_TABLE_H_
#define STRATA_WRAPPERS_CACHE_CACHE_TABLE_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/record.h"
#include "wrappers/cache/flight.h"

namespace strata::cache {

struct TableOptions {
  size_t max_bytes = 64u << 20;
  size_t max_entries = 0;  // 0: bounded by bytes only
  int max_shards = 64;
};

// When an entry ends. Milliseconds of a clock that the caller chooses.
struct Lifetime {
  int64_t fresh_until = INT64_MAX;
  int64_t stale_until = INT64_MAX;  // until then it may be served while it is fetched anew
};

class CacheTable {
 public:
  enum class Found : uint8_t {
    kHit,    // *record is what is there, or that nothing is
    kStale,  // the same, but somebody should fetch it anew; `flight` is set when that is the
             // caller, who calls Begin when the fetch begins
    kLead,   // not there: the caller fetches it and calls Fill or Abandon with `flight`
    kJoin,   // not there: somebody else fetches it; wait for `flight`
    kBusy,   // being written: ask the inner store and keep nothing
  };

  explicit CacheTable(const TableOptions& options);
  ~CacheTable();

  // The usual answer alone, at less cost: whether Find would say kHit. `now` is asked only about an
  // entry that ends.
  bool Hit(std::string_view id, int64_t (*now)(), std::optional<Record>* record);
  // `lead`: whether the caller can fetch; else a miss is kBusy.
  Found Find(std::string_view id, int64_t (*now)(), std::optional<Record>* record,
             std::shared_ptr<Flight>* flight, bool lead = true);

  // A refresh begins. False: it is no longer wanted, and nobody waits for it.
  bool Begin(const std::shared_ptr<Flight>& flight, std::string_view id);
  // Ends a flight. `external`: the record's document lies elsewhere. Appends the ids of external
  // documents to drop.
  void Fill(const std::shared_ptr<Flight>& flight, std::string_view id,
            const std::optional<Record>& record, Lifetime lifetime, bool external,
            std::vector<std::string>* dropped);
  // Ends a flight and keeps nothing. `found` is what those who wait for it get, and then the entry
  // that it would have replaced is forgotten; nothing: the fetch failed, and each fetches for
  // himself. True: an external document is to be dropped.
  bool Abandon(const std::shared_ptr<Flight>& flight, std::string_view id,
               const std::optional<std::optional<Record>>& found = std::nullopt);

  // Around a write of `id`: forgets what is there. True as for Abandon.
  bool BeginWrite(std::string_view id);
  // `written`: what the write left, when that is known; it is kept unless other writers of the id
  // are under way or left something newer.
  void EndWrite(std::string_view id, const std::optional<Record>* written, Lifetime lifetime,
                std::vector<std::string>* dropped);

  // Somebody else wrote: forgets what is older than `sequence`. True as for Abandon.
  bool Invalidate(std::string_view id, uint64_t sequence);
  // Forgets one entry, whatever it is. True as for Abandon.
  bool Erase(std::string_view id);
  // Forgets everything. The ids of external documents to drop.
  std::vector<std::string> Clear();

  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t entries() const { return entries_.load(std::memory_order_relaxed); }
  uint64_t evictions() const { return evictions_.load(std::memory_order_relaxed); }
  // Fetches that were kept.
  uint64_t fills() const { return fills_.load(std::memory_order_relaxed); }

 private:
  struct Entry;
  struct Queue;
  struct Shard;
  // What an entry leaves to the one that replaces it. Without a queue: to nobody.
  struct Place {
    Queue* queue = nullptr;
    uint8_t uses = 0;
  };

  Shard& ShardOf(std::string_view id, uint64_t* hash) const;
  static std::unique_ptr<Entry> NewEntry(uint64_t hash, std::string_view id,
                                         const std::optional<Record>& record, Lifetime lifetime,
                                         bool external);
  // Puts an entry in, at `place` or at that of the one it replaces. False: it is too large.
  bool Insert(Shard& shard, std::unique_ptr<Entry> entry, Place place,
              std::vector<std::string>* dropped);
  // Removes an entry from map and queue; true when it was external.
  bool Remove(Shard& shard, Entry* entry);
  // Lets an entry of this hash return to the main queue.
  static void Remember(Shard& shard, uint64_t hash);
  void Evict(Shard& shard, std::vector<std::string>* dropped);

  size_t shard_bytes_ = 0;
  size_t shard_entries_ = 0;
  int shift_ = 63;  // of half of the hash: its highest bits choose the shard
  size_t shard_count_ = 0;
  std::unique_ptr<Shard[]> shards_;
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> entries_{0};
  std::atomic<uint64_t> evictions_{0};
  std::atomic<uint64_t> fills_{0};
};

}  // namespace strata::cache

#endif  // STRATA_WRAPPERS_CACHE_CACHE_TABLE_H_
