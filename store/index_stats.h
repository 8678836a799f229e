// IndexStats: what the planner knows of an index, kept up to date by every write.
//
// Exact: the number of entries. Estimated: everything that comes from a sample of 1,024 entries,
// those whose hashes are smallest (bottom-k sampling; Cohen and Kaplan, "Summarizing data using
// bottom-k sketches", PODC 2007), which stays a fair sample under insertions and deletions; and the
// number of distinct values of each leading part (k minimum values; Bar-Yossef et al., RANDOM
// 2002), which deletions do not lower until Reset. The histogram and the heavy hitters are read
// from the sample. Safe for concurrent use.
#ifndef STRATA_STORE_INDEX_STATS_H_
#define STRATA_STORE_INDEX_STATS_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/sync.h"
#include "store/index_spec.h"

namespace strata {

class IndexStats {
 public:
  static constexpr size_t kSample = 1024;
  static constexpr size_t kDistinctHashes = 256;

  explicit IndexStats(const IndexSpec& spec);

  void Add(std::string_view key, std::string_view id);
  void Remove(std::string_view key, std::string_view id);
  void Reset();

  uint64_t entries() const { return entries_.load(std::memory_order_relaxed); }
  // Different values of the first `parts` parts together.
  double Distinct(size_t parts) const;
  // Entries within the ranges. `point_parts`: the ranges are values of so many leading parts
  // (0: they are intervals).
  double Estimate(std::span<const KeyRange> ranges, size_t point_parts) const;
  // The share of entries whose first part is null or missing.
  double NullShare() const;

  struct Heavy {
    std::string key;
    double share;
  };
  // Keys that more than one entry in a hundred has, by the sample; the most frequent first.
  std::vector<Heavy> HeavyHitters() const;
  // Up to `buckets` keys of the sample in equal steps: about as many entries lie between each two.
  std::vector<std::string> Histogram(size_t buckets) const;

  std::string Serialize() const;
  // False, and nothing changed, when the text is not what Serialize made.
  bool Parse(std::string_view text);

 private:
  struct Distincts {
    std::set<uint64_t> hashes;
    std::atomic<uint64_t> limit{UINT64_MAX};
  };
  // Nearly up to date: sorting at every change would cost more than it tells.
  const std::vector<std::string>& SampleKeys() const REQUIRES_LOCK(mutex_);
  size_t Prefix(std::string_view key, size_t parts) const;

  const std::vector<SortDirection> directions_;
  const size_t skip_;  // bytes before the first part
  std::atomic<uint64_t> entries_{0};
  std::atomic<uint64_t> limit_{UINT64_MAX};  // a hash above it is not in the sample
  mutable Mutex mutex_;
  std::map<uint64_t, std::string> sample_ STRATA_GUARDED_BY(mutex_);  // hash to key
  // The sample's keys in order, as of when it was last looked at, and the changes since.
  mutable std::vector<std::string> sorted_ STRATA_GUARDED_BY(mutex_);
  mutable size_t stale_ STRATA_GUARDED_BY(mutex_) = kSample;
  std::vector<Distincts> distinct_;
};

}  // namespace strata

#endif  // STRATA_STORE_INDEX_STATS_H_
