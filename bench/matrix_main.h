// Benchmarks as a table: a row for each task, a column for each way to do it; names are
// "task/way". After the usual output comes the table of medians, in microseconds.
#ifndef STRATA_BENCH_MATRIX_MAIN_H_
#define STRATA_BENCH_MATRIX_MAIN_H_

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace strata::bench {

// `ours`: the ways whose ratio to the best of `peers` is printed behind each row.
int MatrixMain(int argc, char** argv, const std::vector<std::string>& ours,
               const std::vector<std::string>& peers);

}  // namespace strata::bench

#endif  // STRATA_BENCH_MATRIX_MAIN_H_
