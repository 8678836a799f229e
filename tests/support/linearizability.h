// Whether a recorded history of reads and writes of one register can be put into one order that
// respects real time (linearizability; Herlihy and Wing, 1990).
#ifndef STRATA_TESTS_SUPPORT_LINEARIZABILITY_H_
#define STRATA_TESTS_SUPPORT_LINEARIZABILITY_H_

#include <cstdint>
#include <string>
#include <vector>

namespace strata::testing {

struct RegisterOp {
  enum class Kind : uint8_t {
    kRead,   // found `value` (0: nothing there)
    kWrite,  // left `value` (0: deleted)
    kSwap,   // left `value` where it found `expected`
  };
  Kind kind = Kind::kRead;
  int64_t value = 0;
  int64_t expected = 0;
  uint64_t begin = 0;  // of a clock that all clients share
  uint64_t end = 0;    // UINT64_MAX: it is not known whether it happened
};

// The search of Wing and Gong with Lowe's memory of what was tried. Requires: at most 64
// operations.
bool IsLinearizable(std::vector<RegisterOp> history, int64_t initial);

// The history as text, in order of its beginnings.
std::string ShowHistory(std::vector<RegisterOp> history);

}  // namespace strata::testing

#endif  // STRATA_TESTS_SUPPORT_LINEARIZABILITY_H_
