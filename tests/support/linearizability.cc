#include "tests/support/linearizability.h"

#include <algorithm>
#include <set>
#include <utility>

namespace strata::testing {
namespace {

class Search {
 public:
  explicit Search(std::vector<RegisterOp> history) : history_(std::move(history)) {
    for (size_t i = 0; i < history_.size(); ++i) {
      if (history_[i].end != UINT64_MAX) must_ |= uint64_t{1} << i;
    }
  }

  // `done`: the operations that have taken effect.
  bool Run(uint64_t done, int64_t value) {
    if ((done & must_) == must_) return true;
    if (!tried_.emplace(done, value).second) return false;
    // Whatever began after the end of one that is still to come must wait for it.
    uint64_t first_end = UINT64_MAX;
    for (size_t i = 0; i < history_.size(); ++i) {
      if ((done >> i & 1) == 0) first_end = std::min(first_end, history_[i].end);
    }
    for (size_t i = 0; i < history_.size(); ++i) {
      const RegisterOp& op = history_[i];
      if ((done >> i & 1) != 0 || op.begin > first_end) continue;
      int64_t next = value;
      switch (op.kind) {
        case RegisterOp::Kind::kRead:
          if (op.value != value) continue;
          break;
        case RegisterOp::Kind::kSwap:
          if (op.expected != value) continue;
          next = op.value;
          break;
        case RegisterOp::Kind::kWrite:
          next = op.value;
          break;
      }
      if (Run(done | uint64_t{1} << i, next)) return true;
    }
    return false;
  }

 private:
  const std::vector<RegisterOp> history_;
  uint64_t must_ = 0;
  std::set<std::pair<uint64_t, int64_t>> tried_;
};

}  // namespace

bool IsLinearizable(std::vector<RegisterOp> history, int64_t initial) {
  return Search(std::move(history)).Run(0, initial);
}

std::string ShowHistory(std::vector<RegisterOp> history) {
  std::sort(history.begin(), history.end(),
            [](const RegisterOp& a, const RegisterOp& b) { return a.begin < b.begin; });
  std::string out;
  for (const RegisterOp& op : history) {
    static constexpr const char* kNames[] = {"read", "write", "swap"};
    out += std::to_string(op.begin) + ".." + (op.end == UINT64_MAX ? "?" : std::to_string(op.end)) +
           " " + kNames[static_cast<int>(op.kind)] + " " + std::to_string(op.value);
    if (op.kind == RegisterOp::Kind::kSwap) out += " for " + std::to_string(op.expected);
    out += "\n";
  }
  return out;
}

}  // namespace strata::testing
