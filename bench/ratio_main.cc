#include "bench/ratio_main.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <vector>

namespace strata::bench {
namespace {

// Prints what the console reporter prints, and keeps every run's time.
class RatioReporter final : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& r : runs) {
      if (r.run_type != Run::RT_Iteration || r.error_occurred) continue;
      times_[r.run_name.function_name].push_back(r.real_accumulated_time /
                                                 static_cast<double>(r.iterations) * 1e9);
    }
  }

  void Print() {
    std::printf("\n%-28s %14s %14s %9s  %s\n", "pair (medians)", "strata", "against", "result",
                "aim");
    for (const Pair& p : Pairs()) {
      const double ours = Median(p.ours);
      const double base = Median(p.base);
      if (ours == 0 || base == 0) continue;
      char result[32];
      if (p.difference) {
        std::snprintf(result, sizeof result, "%+.1f ns", ours - base);
      } else {
        std::snprintf(result, sizeof result, "%.2f x", ours / base);
      }
      std::printf("%-28s %11.1f ns %11.1f ns %9s  %s\n", p.title.c_str(), ours, base, result,
                  p.aim.c_str());
    }
  }

 private:
  double Median(const std::string& name) {
    auto it = times_.find(name);
    if (it == times_.end()) return 0;
    std::sort(it->second.begin(), it->second.end());
    return it->second[it->second.size() / 2];
  }

  std::map<std::string, std::vector<double>> times_;
};

}  // namespace

std::vector<Pair>& Pairs() {
  static auto* const pairs = new std::vector<Pair>();
  return *pairs;
}

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  RatioReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  reporter.Print();
  return 0;
}

}  // namespace strata::bench
