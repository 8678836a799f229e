// What a function such as sum keeps while rows go by.
#ifndef STRATA_QUERY_OPERATORS_ACCUMULATOR_H_
#define STRATA_QUERY_OPERATORS_ACCUMULATOR_H_

#include <cstdint>
#include <string>

#include "core/document.h"
#include "core/exact_sum.h"
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
        sum_.Add(v.number());
        return;
      case Op::kMin:
      case Op::kMax: {
        if (!v.exists()) return;
        if (kept_) {
          const auto c = CompareValues(v, kept_.root());
          if (op_ == Op::kMin ? c >= 0 : c <= 0) return;
        }
        Keep(v.text());
        return;
      }
      case Op::kFirst:
        if (!kept_ && v.exists()) Keep(v.text());
        return;
      default:
        return;
    }
  }

  // The same for a number of a column (int64_t or double); `value` gives the Value itself, which is
  // only asked for when it is to be kept.
  template <typename T, typename ValueOf>
  void AddNumber(T number, const ValueOf& value) {
    switch (op_) {
      case Op::kCount:
        ++count_;
        return;
      case Op::kSum:
      case Op::kMean:
        ++count_;
        sum_.Add(number);
        return;
      case Op::kMin:
        if (kept_is_number_ && Number(number) >= kept_number_) return;
        break;
      case Op::kMax:
        if (kept_is_number_ && Number(number) <= kept_number_) return;
        break;
      default:
        if (kept_) return;
        break;
    }
    Add(value());
  }

  void AddCount(uint64_t rows) { count_ += rows; }

  // What the rows of `later`, which come behind all of this one's, add.
  void Merge(const Accumulator& later) {
    count_ += later.count_;
    sum_.Merge(later.sum_);
    if (later.kept_) Add(later.kept_.root());
  }

  // JSON text.
  std::string Result() const {
    switch (op_) {
      case Op::kCount:
        return std::to_string(count_);
      case Op::kSum:
        return sum_.Total().ToString();
      case Op::kMean:
        return count_ == 0
                   ? "null"
                   : Number(sum_.Total().ToDouble() / static_cast<double>(count_)).ToString();
      default:
        return kept_ ? std::string(kept_.text()) : "null";
    }
  }

  // Whether Bytes() may change.
  bool keeps_values() const { return op_ == Op::kMin || op_ == Op::kMax || op_ == Op::kFirst; }
  size_t Bytes() const { return sizeof *this + (kept_ ? kept_.MemoryBytes() : 0); }

 private:
  void Keep(std::string_view text) {
    kept_ = Document::FromTrusted(text);
    kept_is_number_ = kept_.root().is_number();
    if (kept_is_number_) kept_number_ = kept_.root().number();
  }

  Op op_;
  bool kept_is_number_ = false;
  uint64_t count_ = 0;
  ExactSum sum_;
  Document kept_;
  Number kept_number_;
};

}  // namespace strata

#endif  // STRATA_QUERY_OPERATORS_ACCUMULATOR_H_
