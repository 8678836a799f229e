#include "base_stores/memory/column_cache.h"

#include <algorithm>

namespace strata::memory {
namespace {

constexpr size_t kFetchVersion = 12;  // documents ahead
constexpr size_t kFetchText = 6;
constexpr size_t kFetchIndex = 3;
constexpr uint64_t kScansToWant = 2;   // from the second on, columns are kept
constexpr uint64_t kRecentScans = 16;  // what one of so many read keeps its columns
constexpr size_t kMaxKnown = 256;      // paths
constexpr uint32_t kMostQuiet = 64;

size_t BytesOf(const Block::Named& column) {
  return sizeof column + column.first.size() +
         (column.second == nullptr ? 0 : column.second->MemoryBytes());
}

}  // namespace

struct ColumnCache::Range {
  Mutex mutex;
  bool gone STRATA_GUARDED_BY(mutex) = false;         // split or joined: others have its place
  uint64_t changed STRATA_GUARDED_BY(mutex) = 0;      // no change is later than this
  uint64_t seen STRATA_GUARDED_BY(mutex) = 0;         // `changed` when a scan last came by
  uint32_t quiet STRATA_GUARDED_BY(mutex) = 0;        // scans since then that found no change
  uint32_t patience STRATA_GUARDED_BY(mutex) = 0;     // quiet scans before a block is kept
  uint32_t uses STRATA_GUARDED_BY(mutex) = 0;         // of the block
  size_t rows STRATA_GUARDED_BY(mutex) = kBlockRows;  // that a scan last found
  std::shared_ptr<const Block> block STRATA_GUARDED_BY(mutex);
};

void Block::Expect(size_t place) const {
  const auto& v = *versions_;
  if (place + kFetchVersion < v.size()) __builtin_prefetch(v[place + kFetchVersion]);
  if (place + kFetchText < v.size()) v[place + kFetchText]->document.PrefetchText();
  if (place + kFetchIndex < v.size()) v[place + kFetchIndex]->document.PrefetchIndex();
}

const Block::ColumnPtr* Block::Find(std::string_view path) const {
  for (const Named& c : columns_) {
    if (c.first == path) return &c.second;
  }
  return nullptr;
}

std::shared_ptr<const Block> Block::With(std::vector<Named> more) const {
  auto b = std::make_shared<Block>(revision_, versions_);
  b->columns_ = columns_;
  std::move(more.begin(), more.end(), std::back_inserter(b->columns_));
  return b;
}

std::shared_ptr<const Block> Block::Without(std::string_view path) const {
  auto b = std::make_shared<Block>(revision_, versions_);
  std::copy_if(columns_.begin(), columns_.end(), std::back_inserter(b->columns_),
               [&](const Named& c) { return c.first != path; });
  return b->columns_.empty() ? nullptr : b;
}

size_t Block::MemoryBytes() const {
  size_t bytes = sizeof *this + versions_->capacity() * sizeof(void*);
  for (const Named& c : columns_) bytes += BytesOf(c);
  return bytes;
}

std::string ColumnCache::KeyOf(const Path& path) {
  std::string key;
  for (const std::string& name : path.names()) AppendJsonPointer(&key, name);
  return key;
}

std::vector<Path> ColumnCache::Wanted(const std::vector<Path>& paths) {
  std::vector<Path> wanted;
  if (mode_ == Columns::kOff) return wanted;
  std::string forgotten;
  {
    MutexLock lock(known_mutex_);
    if (++scans_ % kRecentScans == 0) full_.store(false);
    for (const Path& p : paths) {
      Known& k = known_[KeyOf(p)];
      k.last = scans_;
      if (++k.scans >= kScansToWant || mode_ == Columns::kAlways) wanted.push_back(p);
    }
    while (known_.size() > kMaxKnown && forgotten.empty()) {
      const auto oldest = std::min_element(
          known_.begin(), known_.end(),
          [](const auto& a, const auto& b) { return a.second.last < b.second.last; });
      if (oldest->second.kept > 0) {
        forgotten = oldest->first;
      } else {
        known_.erase(oldest);
      }
    }
  }
  if (!forgotten.empty()) Drop(forgotten);
  return wanted;
}

ColumnCache::Place ColumnCache::At(std::string_view id, uint64_t revision) {
  if (!used_.load()) {
    WriteLock lock(mutex_);
    if (ranges_.empty()) {
      auto all = std::make_shared<Range>();
      used_.store(true);
      MutexLock own(all->mutex);
      all->changed = last_write_.load();
      ranges_.emplace("", all);
    }
  }
  ReadLock lock(mutex_);
  auto next = ranges_.upper_bound(id);
  Place place;
  if (next != ranges_.end()) place.end = next->first;
  --next;
  place.begin = next->first;
  place.range = next->second;
  Range& r = *place.range;
  MutexLock own(r.mutex);
  // An older reader sees something else than what is there, so it has no say in what becomes of it.
  place.current = r.changed <= revision;
  if (!place.current) return place;
  if (r.block != nullptr) {
    if (r.block->revision() > revision) return place;
    place.block = r.block;
    place.keep = !full_.load();
    ++r.uses;
    return place;
  }
  r.quiet = r.seen == r.changed ? std::min(r.quiet + 1, kMostQuiet) : 0;
  r.seen = r.changed;
  place.keep = (mode_ == Columns::kAlways || r.quiet >= r.patience) && !full_.load();
  return place;
}

std::optional<ColumnCache::Place> ColumnCache::Split(const Place& place, std::string_view id) {
  WriteLock lock(mutex_);
  Range& old = *place.range;
  MutexLock own(old.mutex);
  if (old.gone) return std::nullopt;
  old.gone = true;
  Exchange(old, nullptr);
  auto before = std::make_shared<Range>();
  auto behind = std::make_shared<Range>();
  for (Range* r : {before.get(), behind.get()}) {
    MutexLock each(r->mutex);
    r->changed = r->seen = old.changed;
    r->patience = old.patience;
  }
  ranges_[place.begin] = before;
  ranges_.emplace(id, behind);
  Place out = place;
  out.range = std::move(before);
  out.end = std::string(id);
  return out;
}

void ColumnCache::Join(const Place& place, size_t rows) {
  {
    MutexLock own(place.range->mutex);
    place.range->rows = rows;
  }
  if (rows > kBlockRows / 4) return;
  WriteLock lock(mutex_);
  const auto it = ranges_.find(place.begin);
  if (it == ranges_.end() || it == ranges_.begin() || it->second != place.range) return;
  const std::shared_ptr<Range> previous = std::prev(it)->second;  // its lock outlives its place
  Range& before = *previous;
  Range& r = *place.range;
  MutexLock first(before.mutex);
  MutexLock second(r.mutex);
  if (before.rows + rows > kBlockRows / 2) return;
  auto joint = std::make_shared<Range>();
  {
    MutexLock third(joint->mutex);
    joint->changed = joint->seen = std::max(before.changed, r.changed);
    joint->rows = before.rows + rows;
  }
  before.gone = r.gone = true;
  Exchange(before, nullptr);
  Exchange(r, nullptr);
  std::prev(it)->second = std::move(joint);
  ranges_.erase(it);
}

void ColumnCache::Keep(const Place& place, const std::shared_ptr<const Block>& block) {
  const size_t before = place.block == nullptr ? 0 : place.block->MemoryBytes();
  const size_t more = block->MemoryBytes() - before;
  while (bytes_.load() + more > budget_) {
    if (more > budget_ || !MakeRoom()) {
      full_.store(true);
      return;
    }
  }
  Range& r = *place.range;
  MutexLock own(r.mutex);
  if (r.gone || r.changed > block->revision()) return;
  // Another scan may have kept one of a later moment, or with other columns.
  if (r.block != nullptr && r.block != place.block) return;
  Exchange(r, block);
}

void ColumnCache::Touch(std::string_view id, uint64_t revision) {
  Range& r = *std::prev(ranges_.upper_bound(id))->second;
  MutexLock own(r.mutex);
  r.changed = std::max(r.changed, revision);
  if (r.block == nullptr) return;
  // A block that hardly served was not worth its making.
  r.patience = r.uses >= 4 ? 0 : std::min(2 * r.patience + 1, kMostQuiet);
  r.quiet = 0;
  r.uses = 0;
  Exchange(r, nullptr);
}

void ColumnCache::Exchange(Range& range,
                           std::shared_ptr<const Block> block) STRATA_NO_THREAD_SAFETY_ANALYSIS {
  {
    MutexLock lock(known_mutex_);
    if (block != nullptr) Count(*block, true);
    if (range.block != nullptr) Count(*range.block, false);
  }
  range.block = std::move(block);
}

void ColumnCache::Count(const Block& block, bool more) {
  const auto add = [more](auto& sum, size_t bytes) { more ? sum += bytes : sum -= bytes; };
  add(bytes_, block.MemoryBytes());
  for (const Block::Named& c : block.columns()) add(known_[c.first].kept, BytesOf(c));
}

bool ColumnCache::MakeRoom() {
  std::string path;
  {
    MutexLock lock(known_mutex_);
    const Known* oldest = nullptr;
    for (const auto& [name, k] : known_) {
      if (k.kept == 0 || k.last + kRecentScans > scans_) continue;
      if (oldest != nullptr && oldest->last <= k.last) continue;
      oldest = &k;
      path = name;
    }
    if (oldest == nullptr) return false;
  }
  Drop(path);
  return true;
}

void ColumnCache::Drop(const std::string& path) {
  ReadLock lock(mutex_);
  for (const auto& [begin, range] : ranges_) {
    MutexLock own(range->mutex);
    if (range->block != nullptr && range->block->Find(path) != nullptr)
      Exchange(*range, range->block->Without(path));  // null: it was the only one
  }
  MutexLock known(known_mutex_);
  if (const auto it = known_.find(path); it != known_.end()) it->second.scans = 0;
}

}  // namespace strata::memory
