#include "base_stores/memory/version_table.h"

#include <algorithm>

#include "base_stores/memory/ordered_index.h"

namespace strata::memory {

void Entry::Free(Version* v) {
  while (v != nullptr) {
    Version* older = v->older.load(std::memory_order_acquire);
    if (v == &first) {
      v->document = Document();
    } else {
      delete v;
    }
    v = older;
  }
}

VersionTable::VersionTable() = default;

VersionTable::~VersionTable() {
  for (Shard& shard : shards_) {
    for (const Slot& s : shard.slots) FreeEntry(s.entry);
  }
}

void VersionTable::Read(std::string_view id, std::optional<Record>* out) const {
  const size_t hash = Hash(id);
  const Shard& shard = ShardOf(hash);
  ReadLock lock(shard.mutex);
  const auto it = shard.slots.find(id, hash);
  if (it == shard.slots.end()) [[unlikely]]
    return out->reset();
  // Asked for under the lock: what was published before cannot be pruned from under us.
  const uint64_t now = committed();
  if (it->revision <= now && it->newest) [[likely]] {
    out->emplace(Record{it->newest, it->revision});
    return;
  }
  out->reset();
  // The newest one is a deletion, or part of a batch that is not visible yet.
  const Version* v = it->entry->At(now);
  if (v != nullptr && v->document) out->emplace(Record{v->document, v->revision});
}

const Version* VersionTable::ReadAt(std::string_view id, uint64_t revision) const {
  const size_t hash = Hash(id);
  const Shard& shard = ShardOf(hash);
  ReadLock lock(shard.mutex);
  const auto it = shard.slots.find(id, hash);
  if (it == shard.slots.end()) return nullptr;
  const Version* v = it->entry->At(revision);
  return v != nullptr && v->document ? v : nullptr;
}

bool VersionTable::Collect(uint64_t revision, const std::string* end, size_t limit,
                           std::string* from, bool inclusive,
                           std::vector<const Version*>* out) const {
  ReadLock lock(order_mutex_);
  auto it = inclusive ? order_.lower_bound(*from) : order_.upper_bound(*from);
  const Entry* last = nullptr;
  // Deleted and future entries count too: one hold of the lock stays short.
  size_t passed = 0;
  for (; it != order_.end() && passed < limit; ++it, ++passed) {
    if (end != nullptr && it->first >= *end) {
      it = order_.end();
      break;
    }
    last = it->second;
    const Version* v = last->At(revision);
    if (v != nullptr && v->document) out->push_back(v);
  }
  if (last != nullptr) *from = last->id;
  return it != order_.end();
}

uint64_t VersionTable::Register(uint64_t* documents) {
  MutexLock lock(snapshots_mutex_);
  const uint64_t revision = committed();
  *documents = this->documents();
  snapshots_.insert(revision);
  return revision;
}

void VersionTable::Unregister(uint64_t revision) {
  MutexLock lock(snapshots_mutex_);
  snapshots_.erase(snapshots_.find(revision));
}

uint64_t VersionTable::Oldest() {
  MutexLock lock(snapshots_mutex_);
  return snapshots_.empty() ? committed() : *snapshots_.begin();
}

uint64_t VersionTable::Publish(uint64_t revision, int64_t more_documents) {
  MutexLock lock(snapshots_mutex_);
  committed_.store(revision, std::memory_order_release);
  documents_.fetch_add(static_cast<uint64_t>(more_documents), std::memory_order_relaxed);
  return snapshots_.empty() ? revision : *snapshots_.begin();
}

void VersionTable::AddIndex(std::shared_ptr<OrderedIndex> index) {
  indexes_.push_back(std::move(index));
}

void VersionTable::RemoveIndex(const OrderedIndex* index) {
  const auto it = std::find_if(indexes_.begin(), indexes_.end(),
                               [&](const auto& i) { return i.get() == index; });
  if (it == indexes_.end()) return;
  if (std::find(retired_.begin(), retired_.end(), *it) != retired_.end()) return;
  // A scan may still read it: it is kept up, and its entries with it, until nobody does.
  retired_.push_back(*it);
}

void VersionTable::DropRetired() {
  if (retired_.empty()) return;
  std::erase_if(retired_, [&](const std::shared_ptr<OrderedIndex>& r) {
    if (r.use_count() > 2) return false;  // this list's, the other's, and a reader's
    std::erase(indexes_, r);
    return true;
  });
}

bool VersionTable::Backfill(OrderedIndex* index, size_t limit, std::string* from) {
  // Without the lock: only the writer, which is the caller, changes the order.
  auto it = from->empty() ? order_.begin() : order_.upper_bound(*from);
  for (size_t n = 0; it != order_.end() && n < limit; ++it, ++n) {
    const Version* newest = it->second->head.load(std::memory_order_acquire);
    if (newest->document) index->Fill(it->second, newest->document.root(), newest->revision);
    *from = it->second->id;
  }
  return it != order_.end();
}

const VersionTable::Slot* VersionTable::Find(std::string_view id, size_t hash) const {
  // Without the lock: only the writer, which is the caller, changes the table.
  const Shard& shard = ShardOf(hash);
  const auto it = shard.slots.find(id, hash);
  return it == shard.slots.end() ? nullptr : &*it;
}

const Version* VersionTable::Newest(std::string_view id) const {
  const Slot* s = Find(id, Hash(id));
  return s == nullptr ? nullptr : s->entry->head.load(std::memory_order_acquire);
}

void VersionTable::Commit(std::vector<Install> installs) {
  DropRetired();
  std::vector<Entry*> touched;
  touched.reserve(installs.size());
  int64_t more = 0;
  for (Install& i : installs) {
    const size_t hash = Hash(i.id);
    Shard& shard = ShardOf(hash);
    const bool there = static_cast<bool>(i.document);
    const Slot* slot = Find(i.id, hash);
    Entry* entry = nullptr;
    if (slot != nullptr) {
      entry = slot->entry;
      Version* const newest = entry->head.load(std::memory_order_acquire);
      more += there - static_cast<bool>(newest->document);
      for (const auto& index : indexes_)
        index->Change(entry, newest->document.root(), i.document.root(), i.revision);
      auto version = std::make_unique<Version>();
      version->revision = i.revision;
      version->document = i.document;
      version->older.store(newest, std::memory_order_release);
      WriteLock lock(shard.mutex);
      entry->head.store(version.release(), std::memory_order_release);
      slot->newest = std::move(i.document);
      slot->revision = i.revision;
    } else {
      more += there;
      entry = NewEntry(i.id);
      entry->first.revision = i.revision;
      entry->first.document = i.document;
      entry->head.store(&entry->first, std::memory_order_release);
      for (const auto& index : indexes_)
        index->Change(entry, Value(), i.document.root(), i.revision);
      {
        WriteLock lock(shard.mutex);
        shard.slots.insert(Slot{entry->id, entry, std::move(i.document), i.revision});
      }
      {
        WriteLock lock(order_mutex_);
        order_.emplace(std::string_view(entry->id), entry);
      }
    }
    touched.push_back(entry);
  }
  if (installs.empty()) return;

  const uint64_t oldest = Publish(installs.back().revision, more);
  for (const auto& index : indexes_) index->Purge(oldest);
  for (Entry* e : touched) {
    // Waiting already: Sweep looks at it when the oldest snapshot has gone.
    if (waiting_.contains(e) && oldest == swept_at_) continue;
    const Version* head = e->head.load(std::memory_order_acquire);
    if (head->document && head->older.load(std::memory_order_acquire) == nullptr) continue;
    if (Prune(e, oldest)) {
      waiting_.erase(e);
    } else {
      waiting_.insert(e);
    }
  }
  Sweep();
}

bool VersionTable::Prune(Entry* entry, uint64_t oldest) {
  Shard& shard = ShardOf(Hash(entry->id));
  Version* head = entry->head.load(std::memory_order_acquire);
  if (!head->document && head->revision <= oldest) {
    // Everybody sees that it is deleted.
    {
      WriteLock lock(order_mutex_);
      order_.erase(entry->id);
    }
    {
      WriteLock lock(shard.mutex);
      shard.slots.erase(shard.slots.find(std::string_view(entry->id)));
    }
    FreeEntry(entry);
    return true;
  }
  Version* visible = head;
  while (visible != nullptr && visible->revision > oldest)
    visible = visible->older.load(std::memory_order_acquire);
  if (visible == nullptr)
    return head->older.load(std::memory_order_acquire) == nullptr && head->document;
  Version* unseen = nullptr;
  {
    WriteLock lock(shard.mutex);
    unseen = visible->older.exchange(nullptr, std::memory_order_acq_rel);
  }
  entry->Free(unseen);
  return visible == head && head->document;
}

void VersionTable::Sweep() {
  // Pays for itself: a sweep looks at all that wait, so it comes only once in a share of as many
  // commits.
  if (waiting_.empty() || ++commits_since_sweep_ < waiting_.size() / 4 + 1) return;
  const uint64_t oldest = Oldest();
  if (oldest == swept_at_) return;
  swept_at_ = oldest;
  commits_since_sweep_ = 0;
  for (const auto& index : indexes_) index->Purge(oldest);
  std::vector<Entry*> all(waiting_.begin(), waiting_.end());
  for (Entry* e : all) {
    // A removed entry must leave the set before it is freed, so the set goes by pointer value only.
    if (Prune(e, oldest)) waiting_.erase(e);
  }
}

}  // namespace strata::memory
