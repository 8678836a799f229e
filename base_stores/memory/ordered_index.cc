#include "base_stores/memory/ordered_index.h"

#include <algorithm>
#include <iterator>

namespace strata::memory {
namespace {

// Keys of nothing: none.
std::vector<std::string> KeysOf(const IndexSpec& spec, Value document) {
  std::vector<std::string> keys;
  // A key that is too long was refused before anything was stored.
  if (document.exists()) (void)spec.AppendKeys(document, &keys);
  return keys;
}

}  // namespace

void OrderedIndex::Change(const Entry* entry, Value before, Value after, uint64_t revision) {
  const std::vector<std::string> old_keys = KeysOf(spec_, before);
  std::vector<std::string> new_keys = KeysOf(spec_, after);
  if (old_keys == new_keys) return;
  WriteLock lock(mutex_);
  for (const std::string& key : old_keys) {
    if (std::binary_search(new_keys.begin(), new_keys.end(), key)) continue;
    // The newest entry of this key and document is the one that holds.
    auto it = items_.upper_bound(Probe{key, entry->id, UINT64_MAX});
    if (it == items_.begin()) continue;
    --it;
    if (it->entry != entry || it->key != key) continue;
    it->to = revision;
    ended_.push_back({key, entry, it->from, revision});
    stats_->Remove(key, entry->id);
  }
  for (std::string& key : new_keys) {
    if (std::binary_search(old_keys.begin(), old_keys.end(), key)) continue;
    stats_->Add(key, entry->id);
    items_.insert(Item{std::move(key), entry, revision});
  }
}

void OrderedIndex::Fill(const Entry* entry, Value document, uint64_t revision) {
  std::vector<std::string> keys = KeysOf(spec_, document);
  WriteLock lock(mutex_);
  for (std::string& key : keys) {
    auto it = items_.upper_bound(Probe{key, entry->id, UINT64_MAX});
    const bool there = it != items_.begin() && std::prev(it)->entry == entry &&
                       std::prev(it)->key == key && std::prev(it)->to == UINT64_MAX;
    if (there) continue;
    stats_->Add(key, entry->id);
    items_.insert(Item{std::move(key), entry, revision});
  }
}

void OrderedIndex::Purge(uint64_t oldest) {
  if (ended_.empty() || ended_.front().to > oldest) return;
  WriteLock lock(mutex_);
  while (!ended_.empty() && ended_.front().to <= oldest) {
    const Ended& e = ended_.front();
    if (const auto it = items_.find(Probe{e.key, e.entry->id, e.from}); it != items_.end())
      items_.erase(it);
    ended_.pop_front();
  }
}

const Entry* OrderedIndex::Owner(std::string_view key) const {
  // Without the lock: only the writer, which is the caller, changes the set.
  for (auto it = items_.lower_bound(Probe{key, "", 0}); it != items_.end() && it->key == key;
       ++it) {
    if (it->to == UINT64_MAX) return it->entry;
  }
  return nullptr;
}

void OrderedIndex::Analyze() {
  ReadLock lock(mutex_);
  stats_->Reset();
  for (const Item& i : items_) {
    if (i.to == UINT64_MAX) stats_->Add(i.key, i.entry->id);
  }
}

OrderedIndex::Items::const_iterator OrderedIndex::Begin(const KeyRange& range, const Place& place,
                                                        bool begun) const {
  if (begun && place.key >= range.from)
    return items_.upper_bound(Probe{place.key, place.id, place.from});
  return items_.lower_bound(Probe{range.from, "", 0});
}

template <typename F>
bool OrderedIndex::Pass(uint64_t revision, const KeyRange& range, size_t limit, Place* place,
                        bool* begun, const F& f) const {
  ReadLock lock(mutex_);
  auto it = Begin(range, *place, *begun);
  const Item* last = nullptr;
  bool more = false;
  // Entries that do not hold count too: one hold of the lock stays short.
  for (size_t passed = 0; it != items_.end() && (!range.end || it->key < *range.end); ++it) {
    if (passed++ == limit) {
      more = true;
      break;
    }
    last = &*it;
    if (it->Holds(revision)) f(*it);
  }
  Remember(last, place, begun);
  return more;
}

void OrderedIndex::Remember(const Item* last, Place* place, bool* begun) {
  if (last == nullptr) return;
  *place = {last->key, last->entry->id, last->from};
  *begun = true;
}

bool OrderedIndex::Collect(uint64_t revision, const KeyRange& range, size_t limit, Place* place,
                           bool* begun, std::vector<const Version*>* out) const {
  return Pass(revision, range, limit, place, begun,
              [&](const Item& i) { out->push_back(i.entry->At(revision)); });
}

bool OrderedIndex::Count(uint64_t revision, const KeyRange& range, size_t limit, Place* place,
                         bool* begun, uint64_t* count) const {
  return Pass(revision, range, limit, place, begun, [&](const Item&) { ++*count; });
}

bool OrderedIndex::CollectBackwards(uint64_t revision, const KeyRange& range, size_t limit,
                                    Place* place, bool* begun,
                                    std::vector<const Version*>* out) const {
  ReadLock lock(mutex_);
  // Within a key forwards, then on to the key before it.
  bool within = *begun && (!range.end || place->key < *range.end);
  std::string_view key;  // whose entries are passed
  Items::const_iterator it;
  if (within) {
    key = place->key;
    it = items_.upper_bound(Probe{place->key, place->id, place->from});
  }
  const Item* last = nullptr;
  size_t passed = 0;
  const auto pass_key = [&] {  // false: the limit ended it
    for (; it != items_.end() && it->key == key; ++it) {
      if (passed++ >= limit) return false;
      last = &*it;
      if (it->Holds(revision)) out->push_back(it->entry->At(revision));
    }
    return true;
  };
  bool more = true;
  while (!within || pass_key()) {
    // The last entry before this key's first.
    const auto before = within      ? items_.lower_bound(Probe{key, "", 0})
                        : range.end ? items_.lower_bound(Probe{*range.end, "", 0})
                                    : items_.end();
    if (before == items_.begin() || std::prev(before)->key < range.from) {
      more = false;
      break;
    }
    key = std::prev(before)->key;
    it = items_.lower_bound(Probe{key, "", 0});
    within = true;
  }
  Remember(last, place, begun);
  return more;
}

}  // namespace strata::memory
