// What the builder puts around every stage: counters always, latency of one call in 64, error
// frames.
#ifndef STRATA_PIPELINE_OBSERVED_STORE_H_
#define STRATA_PIPELINE_OBSERVED_STORE_H_

#include <array>
#include <memory>
#include <string>

#include "core/stats.h"
#include "store/store.h"
#include "wrappers/core/hooked.h"

namespace strata {

// Safe for concurrent use.
class StageStats {
 public:
  static constexpr int kBuckets = 40;  // of latency: bucket b holds 2^b..2^(b+1) nanoseconds
  static constexpr int kSampleEvery = 64;

  // Returns how many calls of this kind the thread made before.
  uint64_t CountCall(Operation op) { return counters_.Add(static_cast<int>(op)); }
  // The same for a call that is not to be sampled; false: call CountCall instead.
  bool CountUnsampledCall(Operation op) {
    return counters_.AddBetween(static_cast<int>(op), kSampleEvery);
  }
  void CountError(Operation op) { counters_.Add(kOperations + static_cast<int>(op)); }
  void CountLatency(uint64_t nanoseconds);

  uint64_t calls(Operation op) const { return counters_.Read(static_cast<int>(op)); }
  uint64_t errors(Operation op) const { return counters_.Read(kOperations + static_cast<int>(op)); }
  // An upper bound of the sampled latency's quantile, in nanoseconds; 0 without samples.
  uint64_t LatencyQuantile(double q) const;

 private:
  CounterSet<2 * kOperations + kBuckets> counters_;
};

// {"read":{"calls":12,"errors":0},…,"latency_ns":{"p50":…,"p99":…}}
std::string StatsJson(const StageStats& stats);

// `inner` is the stage itself; the result answers for it, with its info.
std::shared_ptr<Store> Observe(std::shared_ptr<Store> inner, std::shared_ptr<StageStats> stats);

}  // namespace strata

#endif  // STRATA_PIPELINE_OBSERVED_STORE_H_
