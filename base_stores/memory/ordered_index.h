// One index of the memory store: keys in order, each with the revisions between which it holds.
#ifndef STRATA_BASE_STORES_MEMORY_ORDERED_INDEX_H_
#define STRATA_BASE_STORES_MEMORY_ORDERED_INDEX_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_set.h"
#include "base_stores/memory/version_table.h"
#include "store/snapshot.h"

namespace strata::memory {

// An entry holds for a snapshot at `from` or later and before `to`. Entries that ended stay until
// no snapshot can see them (Purge), and an entry of the table outlives its index entries.
//
// Insert, End, Purge and Owner are called by one writer at a time; the others from any thread.
class OrderedIndex {
 public:
  OrderedIndex(IndexSpec spec, uint32_t number)
      : spec_(std::move(spec)), number_(number), stats_(std::make_shared<IndexStats>(spec_)) {}

  const IndexSpec& spec() const { return spec_; }
  uint32_t number() const { return number_; }
  const std::shared_ptr<IndexStats>& stats() const { return stats_; }

  // ---- the writer ----
  // The document of `entry` becomes `after` at `revision`; nothing: there is none. Requires: keys
  // that AppendKeys has accepted.
  void Change(const Entry* entry, Value before, Value after, uint64_t revision);
  // As Change from nothing, for a document that may be in the index already.
  void Fill(const Entry* entry, Value document, uint64_t revision);
  // Frees what ended at or before `oldest`.
  void Purge(uint64_t oldest);
  // The entry that has the key now, or null.
  const Entry* Owner(std::string_view key) const;
  // Counts all again.
  void Analyze();

  // ---- readers ----
  struct Place {
    std::string key;
    std::string id;
    uint64_t from = UINT64_MAX;  // of the entry, when a document has had the key more than once
  };
  // Appends up to `limit` versions that a registered snapshot sees, of keys within the range,
  // behind `*place` when `*begun`; passes at most some more entries than that. *place becomes the
  // last entry passed. False: nothing is left.
  bool Collect(uint64_t revision, const KeyRange& range, size_t limit, Place* place, bool* begun,
               std::vector<const Version*>* out) const;
  // The same from the last key to the first, keys' entries still in order of id.
  bool CollectBackwards(uint64_t revision, const KeyRange& range, size_t limit, Place* place,
                        bool* begun, std::vector<const Version*>* out) const;
  // Up to `limit` entries of the range, behind `*place` when `*begun`, that hold at the revision:
  // adds their number to *count. False: nothing is left.
  bool Count(uint64_t revision, const KeyRange& range, size_t limit, Place* place, bool* begun,
             uint64_t* count) const;

 private:
  struct Item {
    std::string key;
    const Entry* entry;
    uint64_t from;
    // Written under the lock, and read under it for reading.
    mutable uint64_t to = UINT64_MAX;
    bool Holds(uint64_t revision) const { return from <= revision && revision < to; }
  };
  struct Probe {
    std::string_view key;
    std::string_view id;
    uint64_t from;
  };
  struct Less {
    using is_transparent = void;
    static Probe Of(const Item& i) { return {i.key, i.entry->id, i.from}; }
    static const Probe& Of(const Probe& p) { return p; }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      const std::string_view ak = a.key;
      const std::string_view bk = b.key;
      if (const int c = ak.compare(bk); c != 0) return c < 0;
      const Probe pa = Of(a);
      const Probe pb = Of(b);
      if (const int c = pa.id.compare(pb.id); c != 0) return c < 0;
      return pa.from < pb.from;
    }
  };
  using Items = absl::btree_set<Item, Less>;

  Items::const_iterator Begin(const KeyRange& range, const Place& place, bool begun) const;
  // Calls f for the entries that hold, as Collect and Count say.
  template <typename F>
  bool Pass(uint64_t revision, const KeyRange& range, size_t limit, Place* place, bool* begun,
            const F& f) const;
  static void Remember(const Item* last, Place* place, bool* begun);

  const IndexSpec spec_;
  const uint32_t number_;
  const std::shared_ptr<IndexStats> stats_;
  mutable SharedMutex mutex_;
  Items items_;
  // The writer's own: what ended, in order of `to`.
  struct Ended {
    std::string key;
    const Entry* entry;
    uint64_t from;
    uint64_t to;
  };
  std::deque<Ended> ended_;
};

}  // namespace strata::memory

#endif  // STRATA_BASE_STORES_MEMORY_ORDERED_INDEX_H_
