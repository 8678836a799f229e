// What a function such as sum keeps while rows go by.
#ifndef STRATA_QUERY_OPERATORS_ACCUMULATOR_H_
#define STRATA_QUERY_OPERATORS_ACCUMULATOR_H_

#include <cstdint>
#include <string>

#include "core/document.h"
#include "core/value_order.h"
#include "query/ast.h"

namespace strata {

class Accumulator {
 public:
  explicit Accumulator(Op op) : op_(op) {}

  void Add(Value v) {
    switch (op_) {
      case Op::kCount:
        ++count_;
        return;
      case Op::kSum:
      case Op::kMean:
        if (!v.is_number()) return;
        ++count_;
        sum_ = strata::Add(sum_, v.number());
        return;
      case Op::kMin:
      case Op::kMax: {
        if (!v.exists()) return;
        if (kept_) {
          const auto c = CompareValues(v, kept_.root());
          if (op_ == Op::kMin ? c >= 0 : c <= 0) return;
        }
        kept_ = Document::FromTrusted(v.text());
        return;
      }
      case Op::kFirst:
        if (!kept_ && v.exists()) kept_ = Document::FromTrusted(v.text());
        return;
      default:
        return;
    }
  }

  // JSON text.
  std::string Result() const {
    switch (op_) {
      case Op::kCount:
        return std::to_string(count_);
      case Op::kSum:
        return sum_.ToString();
      case Op::kMean:
        return count_ == 0 ? "null"
                           : Number(sum_.ToDouble() / static_cast<double>(count_)).ToString();
      default:
        return kept_ ? std::string(kept_.text()) : "null";
    }
  }

  // Whether Bytes() may change.
  bool keeps_values() const { return op_ == Op::kMin || op_ == Op::kMax || op_ == Op::kFirst; }
  size_t Bytes() const { return sizeof *this + (kept_ ? kept_.MemoryBytes() : 0); }

 private:
  Op op_;
  uint64_t count_ = 0;
  Number sum_;
  Document kept_;
};

}  // namespace strata

#endif  // STRATA_QUERY_OPERATORS_ACCUMULATOR_H_
