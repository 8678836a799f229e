#include "wrappers/cache/cache_table.h"

#include <algorithm>
#include <bit>
#include <span>

#include "core/abseil.h"
#include "core/id_hash.h"
#include "core/sync.h"
#include "wrappers/cache/ghost_queue.h"

namespace strata::cache {
namespace {

constexpr size_t kEntryOverhead = 160;  // bytes of an entry beside its id and text
constexpr size_t kSmallShare = 10;      // the small queue holds one part in so many
constexpr uint8_t kMaxUses = 3;
constexpr size_t kMinShardBytes = 1u << 20;
constexpr size_t kMinShardEntries = 256;
constexpr size_t kMinGhosts = 64;

}  // namespace

// A hit of an entry that does not end touches the first 64 bytes only.
struct alignas(64) CacheTable::Entry {
  std::string id;
  Record record;                 // of external entries only the revision
  bool present = false;          // false: it is known that nothing is there
  bool external = false;         // the document lies elsewhere
  bool ends = false;             // some day, by its lifetime
  std::atomic<uint8_t> uses{0};  // since it entered its queue, up to kMaxUses
  uint64_t hash = 0;
  Queue* queue = nullptr;
  size_t bytes = 0;
  Lifetime lifetime;
  Entry* next = nullptr;  // towards the head, which leaves first
  Entry* prev = nullptr;

  Place place() const { return {queue, uses.load(std::memory_order_relaxed)}; }
  void Serve(std::optional<Record>* out) {
    // Of two at once one may get lost: that changes what is evicted at some time, no more.
    const uint8_t n = uses.load(std::memory_order_relaxed);
    if (n < kMaxUses) uses.store(n + 1, std::memory_order_relaxed);
    if (present) {
      out->emplace(record);
    } else {
      out->reset();
    }
  }
};

// First in, first out.
struct CacheTable::Queue {
  Entry* head = nullptr;
  Entry* tail = nullptr;
  size_t bytes = 0;
  size_t entries = 0;

  void Push(Entry* e) {
    e->queue = this;
    e->next = tail == nullptr ? nullptr : tail;
    e->prev = nullptr;
    if (tail != nullptr) tail->prev = e;
    tail = e;
    if (head == nullptr) head = e;
    bytes += e->bytes;
    ++entries;
  }
  void Unlink(Entry* e) {
    (e->next != nullptr ? e->next->prev : head) = e->prev;
    (e->prev != nullptr ? e->prev->next : tail) = e->next;
    bytes -= e->bytes;
    --entries;
    e->queue = nullptr;
  }
};

struct alignas(64) CacheTable::Shard {
  struct EntryHash {
    using is_transparent = void;
    size_t operator()(std::string_view id) const { return HashId(id); }
    size_t operator()(const std::unique_ptr<Entry>& e) const { return e->hash; }
  };
  struct EqualId {
    using is_transparent = void;
    bool operator()(const std::unique_ptr<Entry>& a, std::string_view id) const {
      return SameId(a->id, id);
    }
    bool operator()(const std::unique_ptr<Entry>& a, const std::unique_ptr<Entry>& b) const {
      return a->id == b->id;
    }
  };
  struct Writing {
    int writers = 0;
    bool unknown = false;  // a writer did not say what it left
    Place place;           // of the entry that was there
    std::optional<std::optional<Record>> best;
    uint64_t best_revision = 0;
    Lifetime lifetime;
  };

  // Hits share it.
  SharedMutex mutex;
  absl::flat_hash_set<std::unique_ptr<Entry>, EntryHash, EqualId> entries STRATA_GUARDED_BY(mutex);
  Queue small STRATA_GUARDED_BY(mutex);
  Queue main STRATA_GUARDED_BY(mutex);
  GhostQueue ghosts STRATA_GUARDED_BY(mutex);
  StringMap<std::shared_ptr<Flight>> flights STRATA_GUARDED_BY(mutex);
  StringMap<Writing> writing STRATA_GUARDED_BY(mutex);
};

CacheTable::CacheTable(const TableOptions& options) {
  size_t shards = std::max<size_t>(1, options.max_bytes / kMinShardBytes);
  if (options.max_entries > 0)
    shards = std::min(shards, std::max<size_t>(1, options.max_entries / kMinShardEntries));
  shards = std::bit_floor(std::min<size_t>(shards, static_cast<size_t>(options.max_shards)));
  shift_ = 63 - std::countr_zero(shards);
  shard_bytes_ = options.max_bytes / shards;
  shard_entries_ = options.max_entries == 0 ? SIZE_MAX : options.max_entries / shards;
  shard_count_ = shards;
  shards_ = std::make_unique<Shard[]>(shards);
}

CacheTable::~CacheTable() = default;

inline CacheTable::Shard& CacheTable::ShardOf(std::string_view id, uint64_t* hash) const {
  *hash = HashId(id);
  return shards_[*hash >> 1 >> shift_];
}

bool CacheTable::Hit(std::string_view id, int64_t (*clock)(), std::optional<Record>* record) {
  uint64_t hash;
  Shard& shard = ShardOf(id, &hash);
  ReadLock lock(shard.mutex);
  const auto it = shard.entries.find(id, hash);
  if (it == shard.entries.end()) return false;
  Entry& e = **it;
  if (e.ends && clock() >= e.lifetime.fresh_until) return false;
  e.Serve(record);
  return true;
}

CacheTable::Found CacheTable::Find(std::string_view id, int64_t (*clock)(),
                                   std::optional<Record>* record, std::shared_ptr<Flight>* flight,
                                   bool lead) {
  uint64_t hash;
  Shard& shard = ShardOf(id, &hash);
  WriteLock lock(shard.mutex);
  const auto it = shard.entries.find(id, hash);
  if (it != shard.entries.end()) [[likely]] {
    Entry& e = **it;
    const int64_t now = e.ends ? clock() : 0;
    if (!e.ends || now < e.lifetime.stale_until) {
      e.Serve(record);
      if (!e.ends || now < e.lifetime.fresh_until) [[likely]]
        return Found::kHit;
      auto& running = shard.flights[e.id];
      if (running == nullptr) {
        running = std::make_shared<Flight>();
        running->begun_ = false;
        *flight = running;
      }
      return Found::kStale;
    }
    // It has ended, and stays until something replaces it and takes over its place.
  }
  if (!lead || (!shard.writing.empty() && shard.writing.contains(id))) return Found::kBusy;
  auto& running = shard.flights[std::string(id)];
  const bool join = running != nullptr && running->begun_;
  if (!join) {
    if (running != nullptr) running->valid_ = false;
    running = std::make_shared<Flight>();
  }
  *flight = running;
  return join ? Found::kJoin : Found::kLead;
}

bool CacheTable::Begin(const std::shared_ptr<Flight>& flight, std::string_view id) {
  uint64_t hash;
  Shard& shard = ShardOf(id, &hash);
  WriteLock lock(shard.mutex);
  flight->begun_ = true;
  return flight->valid_;
}

void CacheTable::Fill(const std::shared_ptr<Flight>& flight, std::string_view id,
                      const std::optional<Record>& record, Lifetime lifetime, bool external,
                      std::vector<std::string>* dropped) {
  uint64_t hash;
  Shard& shard = ShardOf(id, &hash);
  {
    WriteLock lock(shard.mutex);
    if (flight->valid_) {
      shard.flights.erase(id);
      if (Insert(shard, NewEntry(hash, id, record, lifetime, external), {}, dropped))
        fills_.fetch_add(1, std::memory_order_relaxed);
    } else if (external && record) {
      dropped->emplace_back(id);
    }
  }
  flight->Land(record);
}

bool CacheTable::Abandon(const std::shared_ptr<Flight>& flight, std::string_view id,
                         const std::optional<std::optional<Record>>& found) {
  uint64_t hash;
  Shard& shard = ShardOf(id, &hash);
  bool dropped = false;
  {
    WriteLock lock(shard.mutex);
    if (flight->valid_) {
      shard.flights.erase(id);
      const auto it = shard.entries.find(id, hash);
      if (found && it != shard.entries.end()) dropped = Remove(shard, it->get());
    }
    flight->valid_ = false;
  }
  flight->Land(found);
  return dropped;
}

bool CacheTable::BeginWrite(std::string_view id) {
  uint64_t hash;
  Shard& shard = ShardOf(id, &hash);
  WriteLock lock(shard.mutex);
  Shard::Writing& w = shard.writing[std::string(id)];
  ++w.writers;
  if (const auto f = shard.flights.find(id); f != shard.flights.end()) {
    f->second->valid_ = false;
    shard.flights.erase(f);
  }
  const auto it = shard.entries.find(id, hash);
  if (it == shard.entries.end()) return false;
  w.place = (*it)->place();
  return Remove(shard, it->get());
}

void CacheTable::EndWrite(std::string_view id, const std::optional<Record>* written,
                          Lifetime lifetime, std::vector<std::string>* dropped) {
  uint64_t hash;
  Shard& shard = ShardOf(id, &hash);
  WriteLock lock(shard.mutex);
  const auto it = shard.writing.find(id);
  Shard::Writing& w = it->second;
  if (written == nullptr) {
    w.unknown = true;
  } else if (!w.best || (*written && (*written)->revision > w.best_revision)) {
    w.best = *written;
    w.best_revision = *written ? (*written)->revision : 0;
    w.lifetime = lifetime;
    // What a deletion left has no revision to compare: then only a lone writer is believed.
    if (!*written && w.writers > 1) w.unknown = true;
  } else if (!*written) {
    w.unknown = true;
  }
  if (--w.writers > 0) return;
  if (!w.unknown && w.best) {
    Insert(shard, NewEntry(hash, id, *w.best, w.lifetime, /*external=*/false), w.place, dropped);
  } else if (w.place.queue == &shard.main) {
    Remember(shard, hash);
  }
  shard.writing.erase(it);
}

bool CacheTable::Invalidate(std::string_view id, uint64_t sequence) {
  uint64_t hash;
  Shard& shard = ShardOf(id, &hash);
  WriteLock lock(shard.mutex);
  if (const auto f = shard.flights.find(id); f != shard.flights.end()) {
    f->second->valid_ = false;
    shard.flights.erase(f);
  }
  if (const auto w = shard.writing.find(id); w != shard.writing.end()) {
    if (!w->second.best || w->second.best_revision < sequence) w->second.unknown = true;
  }
  const auto it = shard.entries.find(id, hash);
  if (it == shard.entries.end()) return false;
  Entry& e = **it;
  if (e.present && e.record.revision >= sequence) return false;
  if (e.queue == &shard.main) Remember(shard, hash);
  return Remove(shard, &e);
}

bool CacheTable::Erase(std::string_view id) {
  uint64_t hash;
  Shard& shard = ShardOf(id, &hash);
  WriteLock lock(shard.mutex);
  const auto it = shard.entries.find(id, hash);
  return it != shard.entries.end() && Remove(shard, it->get());
}

std::vector<std::string> CacheTable::Clear() {
  std::vector<std::string> dropped;
  for (Shard& shard : std::span(shards_.get(), shard_count_)) {
    WriteLock lock(shard.mutex);
    for (auto& [id, f] : shard.flights) f->valid_ = false;
    shard.flights.clear();
    for (auto& [id, w] : shard.writing) w.unknown = true;
    for (const auto& e : shard.entries) {
      if (e->external) dropped.push_back(e->id);
    }
    while (shard.small.head != nullptr) Remove(shard, shard.small.head);
    while (shard.main.head != nullptr) Remove(shard, shard.main.head);
    shard.ghosts.Clear();
  }
  return dropped;
}

bool CacheTable::Remove(Shard& shard, Entry* entry) STRATA_NO_THREAD_SAFETY_ANALYSIS {
  const bool external = entry->external;
  entry->queue->Unlink(entry);
  bytes_.fetch_sub(entry->bytes, std::memory_order_relaxed);
  entries_.fetch_sub(1, std::memory_order_relaxed);
  shard.entries.erase(shard.entries.find(entry->id, entry->hash));
  return external;
}

std::unique_ptr<CacheTable::Entry> CacheTable::NewEntry(uint64_t hash, std::string_view id,
                                                        const std::optional<Record>& record,
                                                        Lifetime lifetime, bool external) {
  auto e = std::make_unique<Entry>();
  e->id = id;
  e->hash = hash;
  e->present = record.has_value();
  e->external = external && record;
  e->lifetime = lifetime;
  e->ends = lifetime.fresh_until != INT64_MAX;
  e->bytes = kEntryOverhead + id.size();
  if (record) {
    e->record.revision = record->revision;
    e->bytes += record->document.text().size();
    if (!external) e->record.document = record->document;
  }
  return e;
}

bool CacheTable::Insert(Shard& shard, std::unique_ptr<Entry> entry, Place place,
                        std::vector<std::string>* dropped) STRATA_NO_THREAD_SAFETY_ANALYSIS {
  Entry* const e = entry.get();
  bool was_external = false;
  if (const auto old = shard.entries.find(e->id, e->hash); old != shard.entries.end()) {
    place = (*old)->place();
    was_external = Remove(shard, old->get());
  }
  const bool fits = e->bytes <= shard_bytes_ / 2;  // a larger one would drive out too much
  // The document of an external entry was put where that of the old one lay.
  if (fits ? was_external && !e->external : was_external || e->external) dropped->push_back(e->id);
  if (!fits) return false;
  const bool returns = shard.ghosts.Take(e->hash);
  if (place.queue == nullptr) place.queue = returns ? &shard.main : &shard.small;
  e->uses.store(place.uses, std::memory_order_relaxed);
  bytes_.fetch_add(e->bytes, std::memory_order_relaxed);
  entries_.fetch_add(1, std::memory_order_relaxed);
  shard.entries.insert(std::move(entry));
  place.queue->Push(e);
  while (shard.small.bytes + shard.main.bytes > shard_bytes_ ||
         shard.small.entries + shard.main.entries > shard_entries_) {
    Evict(shard, dropped);
  }
  return true;
}

void CacheTable::Remember(Shard& shard, uint64_t hash) STRATA_NO_THREAD_SAFETY_ANALYSIS {
  // As many as the main queue holds.
  shard.ghosts.Push(hash, std::max(shard.main.entries, kMinGhosts));
}

void CacheTable::Evict(Shard& shard,
                       std::vector<std::string>* dropped) STRATA_NO_THREAD_SAFETY_ANALYSIS {
  const bool small_is_full =
      shard.small.bytes * kSmallShare > shard_bytes_ ||
      (shard_entries_ != SIZE_MAX && shard.small.entries * kSmallShare > shard_entries_);
  const auto drop = [&](Entry* e) {
    std::string id = e->id;
    if (Remove(shard, e)) dropped->push_back(std::move(id));
    evictions_.fetch_add(1, std::memory_order_relaxed);
  };
  if (shard.small.head != nullptr && (small_is_full || shard.main.head == nullptr)) {
    Entry* e = shard.small.head;
    if (e->uses.load(std::memory_order_relaxed) > 1) {
      shard.small.Unlink(e);
      e->uses.store(0, std::memory_order_relaxed);
      shard.main.Push(e);
      return;
    }
    Remember(shard, e->hash);
    return drop(e);
  }
  Entry* e = shard.main.head;
  if (const uint8_t uses = e->uses.load(std::memory_order_relaxed); uses > 0) {
    e->uses.store(uses - 1, std::memory_order_relaxed);
    shard.main.Unlink(e);
    shard.main.Push(e);
    return;
  }
  drop(e);
}

}  // namespace strata::cache
