// What a function such as sum keeps while rows go by.
#ifndef STRATA_QUERY_OPERATORS_ACCUMULATOR_H_
#define STRATA_QUERY_OPERATORS_ACCUMULATOR_H_

#include <cstdint>
#include <string>

#include "core/document.h"
#include "core/exact_sum.h"
#include "core/value_order.h"
#include "query/ast.h"
#include "query/columns/column.h"

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
  static bool KeepsValues(Op op) { return op == Op::kMin || op == Op::kMax || op == Op::kFirst; }
  bool keeps_values() const { return KeepsValues(op_); }
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

// Adds the values at the places, each by add(i, what is to be done to the row's accumulator).
template <typename Add>
void AddColumn(const ColumnRows& rows, const Column* column, const Path& path, const Add& add) {
  const auto value = [&](size_t place) { return path.Get(rows.documents->At(place)); };
  const auto number = [&](size_t i, auto n) {
    add(i, [&](Accumulator& a) { a.AddNumber(n, [&] { return value(rows.selected[i]); }); });
  };
  const auto other = [&](size_t i, size_t place) {
    add(i, [&](Accumulator& a) { a.Add(value(place)); });
  };
  if (column == nullptr) {
    for (size_t i = 0; i < rows.selected.size(); ++i) other(i, rows.selected[i]);
    return;
  }
  const auto each = [&](const auto& numbers) {
    const auto codes = column->codes();
    for (size_t i = 0; i < rows.selected.size(); ++i) {
      const Column::Place place = rows.selected[i];
      const Column::Code code = codes.empty() ? Column::kNumber : codes[place];
      if (code == Column::kNumber) [[likely]] {
        number(i, numbers[place]);
      } else {
        other(i, code == Column::kAsk ? place : column->examples()[code]);
      }
    }
  };
  if (!column->ints().empty()) return each(column->ints());
  each(column->doubles());
}

}  // namespace strata

#endif  // STRATA_QUERY_OPERATORS_ACCUMULATOR_H_
