// Benchmarks in pairs: what we have, against something measured in the same run; after the usual
// output a table of medians and ratios. Use --benchmark_repetitions=5
// --benchmark_enable_random_interleaving=true.
#ifndef STRATA_BENCH_RATIO_MAIN_H_
#define STRATA_BENCH_RATIO_MAIN_H_

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace strata::bench {

struct Pair {
  std::string title;
  std::string ours;  // names of benchmarks
  std::string base;
  std::string aim;
  bool difference = false;  // the result is ours - base instead of ours / base
};
std::vector<Pair>& Pairs();

int Main(int argc, char** argv);

}  // namespace strata::bench

#endif  // STRATA_BENCH_RATIO_MAIN_H_
