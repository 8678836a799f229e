#include "store/index_stats.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

namespace strata {
namespace {

uint64_t Hash(std::string_view a, uint64_t seed) {
  return XXH3_64bits_withSeed(a.data(), a.size(), seed);
}

std::vector<SortDirection> DirectionsOf(const IndexSpec& spec) {
  std::vector<SortDirection> out;
  for (const IndexPart& p : spec.parts) out.push_back(p.direction);
  return out;
}

template <typename T>
void Append(std::string* out, T v) {
  out->append(reinterpret_cast<const char*>(&v), sizeof v);
}

void AppendText(std::string* out, std::string_view s) {
  Append(out, static_cast<uint32_t>(s.size()));
  out->append(s);
}

// Reads what Append wrote.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  template <typename T>
  bool Take(T* v) {
    if (text_.size() < sizeof *v) return false;
    std::memcpy(v, text_.data(), sizeof *v);
    text_.remove_prefix(sizeof *v);
    return true;
  }
  bool TakeText(std::string* out) {
    uint32_t size = 0;
    if (!Take(&size) || size > text_.size()) return false;
    *out = text_.substr(0, size);
    text_.remove_prefix(size);
    return true;
  }
  bool done() const { return text_.empty(); }

 private:
  std::string_view text_;
};

}  // namespace

IndexStats::IndexStats(const IndexSpec& spec)
    : directions_(DirectionsOf(spec)), skip_(spec.multi ? 1 : 0), distinct_(spec.parts.size()) {}

size_t IndexStats::Prefix(std::string_view key, size_t parts) const {
  size_t at = skip_;
  for (size_t p = 0; p < parts && at < key.size(); ++p)
    at += KeyLength(key.substr(at), directions_[p]);
  return at;
}

void IndexStats::Add(std::string_view key, std::string_view id) {
  entries_.fetch_add(1, std::memory_order_relaxed);
  const uint64_t h = Hash(key, Hash(id, 1));
  if (h < limit_.load(std::memory_order_relaxed)) {
    MutexLock lock(mutex_);
    sample_.emplace(h, key);
    ++stale_;
    if (sample_.size() > kSample) {
      sample_.erase(std::prev(sample_.end()));
      limit_.store(sample_.rbegin()->first + 1, std::memory_order_relaxed);
    }
  }
  for (size_t p = 0; p < distinct_.size(); ++p) {
    const uint64_t d = Hash(key.substr(0, Prefix(key, p + 1)), 2);
    Distincts& all = distinct_[p];
    if (d >= all.limit.load(std::memory_order_relaxed)) continue;
    MutexLock lock(mutex_);
    all.hashes.insert(d);
    if (all.hashes.size() > kDistinctHashes) {
      all.hashes.erase(std::prev(all.hashes.end()));
      all.limit.store(*all.hashes.rbegin(), std::memory_order_relaxed);
    }
  }
}

void IndexStats::Remove(std::string_view key, std::string_view id) {
  // An entry that was never counted (after a crash) must not make the number huge.
  uint64_t n = entries_.load(std::memory_order_relaxed);
  while (n > 0 && !entries_.compare_exchange_weak(n, n - 1, std::memory_order_relaxed)) {
  }
  const uint64_t h = Hash(key, Hash(id, 1));
  if (h >= limit_.load(std::memory_order_relaxed)) return;
  MutexLock lock(mutex_);
  stale_ += sample_.erase(h);
}

void IndexStats::Reset() {
  MutexLock lock(mutex_);
  entries_.store(0, std::memory_order_relaxed);
  limit_.store(UINT64_MAX, std::memory_order_relaxed);
  sample_.clear();
  stale_ = kSample;
  for (Distincts& d : distinct_) {
    d.hashes.clear();
    d.limit.store(UINT64_MAX, std::memory_order_relaxed);
  }
}

double IndexStats::Distinct(size_t parts) const {
  if (parts == 0) return 1;
  MutexLock lock(mutex_);
  const Distincts& d = distinct_[parts - 1];
  if (d.hashes.size() < kDistinctHashes) return static_cast<double>(d.hashes.size());
  const double largest = static_cast<double>(*d.hashes.rbegin()) / 18446744073709551616.0;
  return static_cast<double>(kDistinctHashes - 1) / largest;
}

const std::vector<std::string>& IndexStats::SampleKeys() const {
  if (stale_ > sorted_.size() / 32) {
    sorted_.clear();
    for (const auto& [hash, key] : sample_) sorted_.push_back(key);
    std::sort(sorted_.begin(), sorted_.end());
    stale_ = 0;
  }
  return sorted_;
}

double IndexStats::Estimate(std::span<const KeyRange> ranges, size_t point_parts) const {
  const double all = static_cast<double>(entries());
  if (all == 0 || ranges.empty()) return 0;
  const double distinct = point_parts > 0 ? std::max(1.0, Distinct(point_parts)) : 1;
  MutexLock lock(mutex_);
  const std::vector<std::string>& keys = SampleKeys();
  if (keys.empty()) return point_parts > 0 ? all / distinct : all / 3;
  const double each = all / static_cast<double>(keys.size());
  double sum = 0;
  for (const KeyRange& r : ranges) {
    const auto begin = std::lower_bound(keys.begin(), keys.end(), r.from);
    const auto end = r.end ? std::lower_bound(begin, keys.end(), *r.end) : keys.end();
    const auto hits = static_cast<double>(end - begin);
    // A value that the sample hardly knows is one of the rare ones.
    sum += point_parts > 0 && hits < 4     ? std::min(all / distinct, 4 * each)
           : point_parts == 0 && hits == 0 ? each / 2
                                           : hits * each;
  }
  return std::min(sum, all);
}

double IndexStats::NullShare() const {
  MutexLock lock(mutex_);
  if (sample_.empty()) return 0;
  size_t nulls = 0;
  for (const auto& [hash, key] : sample_) {
    const std::string_view first = std::string_view(key).substr(skip_);
    if (first.empty()) continue;
    const char byte =
        directions_[0] == SortDirection::kDescending ? static_cast<char>(~first[0]) : first[0];
    nulls += byte <= KeyTypeByte(Type::kNull);
  }
  return static_cast<double>(nulls) / static_cast<double>(sample_.size());
}

std::vector<IndexStats::Heavy> IndexStats::HeavyHitters() const {
  MutexLock lock(mutex_);
  const std::vector<std::string>& keys = SampleKeys();
  std::vector<Heavy> out;
  for (size_t i = 0; i < keys.size();) {
    size_t end = i;
    while (end < keys.size() && keys[end] == keys[i]) ++end;
    const double share = static_cast<double>(end - i) / static_cast<double>(keys.size());
    if (share > 0.01 && end - i > 1) out.push_back({keys[i], share});
    i = end;
  }
  std::sort(out.begin(), out.end(),
            [](const Heavy& a, const Heavy& b) { return a.share > b.share; });
  return out;
}

std::vector<std::string> IndexStats::Histogram(size_t buckets) const {
  MutexLock lock(mutex_);
  const std::vector<std::string>& keys = SampleKeys();
  std::vector<std::string> out;
  for (size_t b = 0; b <= buckets && !keys.empty(); ++b) {
    const std::string& k = keys[b * (keys.size() - 1) / buckets];
    if (out.empty() || out.back() != k) out.push_back(k);
  }
  return out;
}

std::string IndexStats::Serialize() const {
  MutexLock lock(mutex_);
  std::string out;
  Append(&out, entries());
  Append(&out, limit_.load(std::memory_order_relaxed));
  Append(&out, static_cast<uint32_t>(sample_.size()));
  for (const auto& [hash, key] : sample_) {
    Append(&out, hash);
    AppendText(&out, key);
  }
  for (const Distincts& d : distinct_) {
    Append(&out, static_cast<uint32_t>(d.hashes.size()));
    for (const uint64_t h : d.hashes) Append(&out, h);
  }
  return out;
}

bool IndexStats::Parse(std::string_view text) {
  Reader in(text);
  uint64_t entries = 0;
  uint64_t limit = 0;
  uint32_t count = 0;
  std::map<uint64_t, std::string> sample;
  if (!in.Take(&entries) || !in.Take(&limit) || !in.Take(&count)) return false;
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t hash = 0;
    std::string key;
    if (!in.Take(&hash) || !in.TakeText(&key)) return false;
    sample.emplace(hash, std::move(key));
  }
  std::vector<std::set<uint64_t>> distinct(distinct_.size());
  for (auto& hashes : distinct) {
    if (!in.Take(&count)) return false;
    for (uint32_t i = 0; i < count; ++i) {
      uint64_t h = 0;
      if (!in.Take(&h)) return false;
      hashes.insert(h);
    }
  }
  if (!in.done()) return false;
  MutexLock lock(mutex_);
  entries_.store(entries, std::memory_order_relaxed);
  limit_.store(limit, std::memory_order_relaxed);
  sample_ = std::move(sample);
  stale_ = kSample;
  for (size_t p = 0; p < distinct.size(); ++p) {
    distinct_[p].limit.store(
        distinct[p].size() < kDistinctHashes ? UINT64_MAX : *distinct[p].rbegin(),
        std::memory_order_relaxed);
    distinct_[p].hashes = std::move(distinct[p]);
  }
  return true;
}

}  // namespace strata
