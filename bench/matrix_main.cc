#include "bench/matrix_main.h"

#include <algorithm>
#include <cstdio>
#include <map>

namespace strata::bench {
namespace {

class MatrixReporter final : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& r : runs) {
      if (r.run_type != Run::RT_Iteration || r.error_occurred) continue;
      const std::string& name = r.run_name.function_name;
      const size_t slash = name.find('/');
      if (slash == name.npos) continue;
      const std::string task = name.substr(0, slash);
      const std::string way = name.substr(slash + 1);
      if (std::find(tasks_.begin(), tasks_.end(), task) == tasks_.end()) tasks_.push_back(task);
      if (std::find(ways_.begin(), ways_.end(), way) == ways_.end()) ways_.push_back(way);
      times_[task][way].push_back(r.real_accumulated_time / static_cast<double>(r.iterations) *
                                  1e6);
    }
  }

  void Print(const std::vector<std::string>& ours, const std::vector<std::string>& peers) {
    std::printf("\n%-18s", "microseconds");
    for (const std::string& w : ways_) std::printf(" %16s", w.c_str());
    for (const std::string& o : ours) std::printf("  best peer / %s", o.c_str());
    std::printf("\n");
    for (const std::string& task : tasks_) {
      std::printf("%-18s", task.c_str());
      for (const std::string& w : ways_) {
        const double t = Median(task, w);
        if (t > 0) {
          std::printf(" %16.2f", t);
        } else {
          std::printf(" %16s", "-");
        }
      }
      double best = 0;
      for (const std::string& p : peers) {
        const double t = Median(task, p);
        if (t > 0 && (best == 0 || t < best)) best = t;
      }
      for (const std::string& o : ours) {
        const double t = Median(task, o);
        if (best > 0 && t > 0) std::printf("  %*.2f", static_cast<int>(12 + o.size()), best / t);
      }
      std::printf("\n");
    }
  }

 private:
  double Median(const std::string& task, const std::string& way) {
    std::vector<double>& t = times_[task][way];
    if (t.empty()) return 0;
    std::sort(t.begin(), t.end());
    return t[t.size() / 2];
  }

  std::vector<std::string> tasks_;
  std::vector<std::string> ways_;
  std::map<std::string, std::map<std::string, std::vector<double>>> times_;
};

}  // namespace

int MatrixMain(int argc, char** argv, const std::vector<std::string>& ours,
               const std::vector<std::string>& peers) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  MatrixReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  reporter.Print(ours, peers);
  return 0;
}

}  // namespace strata::bench
