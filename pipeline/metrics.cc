// What a pipeline's stages count, as Prometheus' text exposition format 0.0.4.
#include <cmath>
#include <map>

#include "core/number.h"
#include "pipeline/pipeline.h"

namespace strata {
namespace {

// A label's value: backslash, quote and line feed escaped.
std::string Label(std::string_view name, std::string_view value) {
  std::string out(name);
  out += "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// Samples grouped by name, as the format demands, in the order of their first appearance.
class Families {
 public:
  void Add(const std::string& name, MetricKind kind, std::string_view help,
           const std::string& labels, double value) {
    const auto [it, fresh] = places_.try_emplace(name, texts_.size());
    if (fresh) {
      texts_.push_back("# HELP " + name + " " + std::string(help) + "\n# TYPE " + name +
                       (kind == MetricKind::kCounter ? " counter\n" : " gauge\n"));
    }
    const bool whole = value == std::floor(value) && std::abs(value) < 9e15;
    texts_[it->second] +=
        name + "{" + labels + "} " +
        (whole ? std::to_string(static_cast<int64_t>(value)) : Number(value).ToString()) + "\n";
  }
  std::string Text() const {
    std::string out;
    for (const std::string& t : texts_) out += t;
    return out;
  }

 private:
  std::map<std::string, size_t> places_;
  std::vector<std::string> texts_;
};

}  // namespace

std::string Pipeline::MetricsText() const {
  Families families;
  for (size_t i = 0; i < config_.stages.size(); ++i) {
    const StageConfig& s = config_.stages[i];
    const std::string labels = Label("stage", s.path) + "," + Label("type", s.type->name);
    const StageStats& stats = *stats_[i];
    for (int op = 0; op < kOperations; ++op) {
      const auto operation = static_cast<Operation>(op);
      const std::string with = labels + "," + Label("operation", OperationName(operation));
      families.Add("strata_calls_total", MetricKind::kCounter, "calls of a stage", with,
                   static_cast<double>(stats.calls(operation)));
      families.Add("strata_errors_total", MetricKind::kCounter, "calls that failed", with,
                   static_cast<double>(stats.errors(operation)));
    }
    for (const auto& [quantile, text] : {std::pair(0.5, "0.5"), std::pair(0.99, "0.99")}) {
      families.Add("strata_latency_seconds", MetricKind::kGauge,
                   "latency of calls, from one in 64; an upper bound",
                   labels + "," + Label("quantile", text),
                   static_cast<double>(stats.LatencyQuantile(quantile)) * 1e-9);
    }
    for (const Metric& m : StageMetrics(i)) {
      std::string with = labels;
      for (const auto& [name, value] : m.labels) with += "," + Label(name, value);
      families.Add("strata_" + s.type->name + "_" + m.name +
                       (m.kind == MetricKind::kCounter ? "_total" : ""),
                   m.kind, m.help, with, m.value);
    }
  }
  return families.Text();
}

std::vector<Metric> Pipeline::StageMetrics(size_t index) const {
  const auto* told = dynamic_cast<const Introspection*>(raw_[index].get());
  return told == nullptr ? std::vector<Metric>() : told->Metrics();
}

}  // namespace strata
