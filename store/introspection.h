// What a stage tells of itself beyond what is counted around it: hits, lag, bytes.
#ifndef STRATA_STORE_INTROSPECTION_H_
#define STRATA_STORE_INTROSPECTION_H_

#include <string>
#include <utility>
#include <vector>

namespace strata {

enum class MetricKind : uint8_t { kCounter, kGauge };

struct Metric {
  std::string name;  // "hits": letters and underscores; printed as strata_TYPE_hits_total
  MetricKind kind = MetricKind::kCounter;
  double value = 0;
  std::string help;  // one line
  // Beside the stage's own: {"replica", "far"}.
  std::vector<std::pair<std::string, std::string>> labels = {};
};

// Implemented by the stores that have something to tell. Safe for concurrent use.
class Introspection {
 public:
  virtual ~Introspection() = default;
  // The same names in the same order each time.
  virtual std::vector<Metric> Metrics() const = 0;
};

}  // namespace strata

#endif  // STRATA_STORE_INTROSPECTION_H_
