#include "query/columns/column_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "query/filter_predicate.h"

namespace strata {
namespace {

using Place = Column::Place;
using Code = Column::Code;
using Predicate = Filter::Predicate;

bool IsLeaf(const Predicate& p) {
  return p.op != Op::kAnd && p.op != Op::kOr && p.op != Op::kNot && !p.path.empty();
}

// The least integer that is not below the bound, or above it when the bound is open.
std::optional<int64_t> LeastInt(const Number& bound, bool open) {
  if (bound.is_int()) {
    if (!open) return bound.int_value();
    if (bound.int_value() == INT64_MAX) return std::nullopt;
    return bound.int_value() + 1;
  }
  // What is no int64 is a fraction or out of range, so whether it is open does not matter.
  if (Number(INT64_MAX) < bound) return std::nullopt;
  if (bound < Number(INT64_MIN)) return INT64_MIN;
  return static_cast<int64_t>(std::ceil(bound.ToDouble()));
}
std::optional<int64_t> GreatestInt(const Number& bound, bool open) {
  if (bound.is_int()) {
    if (!open) return bound.int_value();
    if (bound.int_value() == INT64_MIN) return std::nullopt;
    return bound.int_value() - 1;
  }
  if (bound < Number(INT64_MIN)) return std::nullopt;
  if (Number(INT64_MAX) < bound) return INT64_MAX;
  return static_cast<int64_t>(std::floor(bound.ToDouble()));
}

// The same for doubles; infinity when there is none.
double LeastDouble(const Number& bound, bool open) {
  const double d = bound.ToDouble();
  const auto c = Number(d) <=> bound;
  return c < 0 || (c == 0 && open) ? std::nextafter(d, HUGE_VAL) : d;
}
double GreatestDouble(const Number& bound, bool open) {
  const double d = bound.ToDouble();
  const auto c = Number(d) <=> bound;
  return c > 0 || (c == 0 && open) ? std::nextafter(d, -HUGE_VAL) : d;
}

// Keeps the places whose number lies within (or, when `outside`, does not lie within) the bounds.
template <typename T>
void KeepNumbers(std::span<const T> numbers, T low, T high, bool outside,
                 std::vector<Place>* selected) {
  size_t kept = 0;
  Place* const out = selected->data();
  for (size_t i = 0; i < selected->size(); ++i) {
    const Place place = out[i];
    const T n = numbers[place];
    out[kept] = place;
    kept += static_cast<size_t>(((n >= low) & (n <= high)) != outside);
  }
  selected->resize(kept);
}

template <typename Test>
void KeepIf(std::vector<Place>* selected, const Test& test) {
  std::erase_if(*selected, [&](Place p) { return !test(p); });
}

}  // namespace

ColumnFilter::NumberTest ColumnFilter::TestOf(const Predicate& p) {
  using Kind = NumberTest::Kind;
  NumberTest t;
  switch (p.op) {
    case Op::kEq:
    case Op::kNe:
      if (p.operand.kind != Node::Kind::kNumber) return t;
      t.kind = p.op == Op::kEq ? Kind::kWithin : Kind::kOutside;
      t.low = t.high = p.operand.number;
      return t;
    case Op::kLt:
    case Op::kLe:
    case Op::kGt:
    case Op::kGe:
      if (p.operand.kind != Node::Kind::kNumber) return t;
      t.kind = Kind::kWithin;
      if (p.op == Op::kGt || p.op == Op::kGe) {
        t.low = p.operand.number;
        t.low_open = p.op == Op::kGt;
      } else {
        t.high = p.operand.number;
        t.high_open = p.op == Op::kLt;
      }
      return t;
    case Op::kBetween:
      // A bound of another type lets no number pass, and then neither does the other bound.
      if (p.list[0].kind != Node::Kind::kNumber || p.list[1].kind != Node::Kind::kNumber) return t;
      t.kind = Kind::kWithin;
      t.low = p.list[0].number;
      t.high = p.list[1].number;
      t.high_open = true;
      return t;
    case Op::kIn:
    case Op::kOut:
      if (!p.numbers.empty()) t.kind = Kind::kEach;
      return t;
    default:
      return t;
  }
}

ColumnFilter::ColumnFilter(Filter filter) : filter_(std::move(filter)) {
  if (filter_.conjuncts() == nullptr) return;
  for (size_t i = 0; i < filter_.conjuncts()->size(); ++i) {
    const Predicate& p = (*filter_.conjuncts())[i];
    Condition c;
    c.predicate = i;
    if (IsLeaf(p)) {
      c.numbers = TestOf(p);
      const auto it = std::find(paths_.begin(), paths_.end(), p.path);
      c.path = static_cast<size_t>(it - paths_.begin());
      if (it == paths_.end()) paths_.push_back(p.path);
    }
    conditions_.push_back(c);
  }
}

bool ColumnFilter::Select(const ColumnDocuments& documents, std::span<const Column* const> columns,
                          size_t begin, size_t end, std::vector<Place>* selected) const {
  selected->resize(end - begin);
  std::iota(selected->begin(), selected->end(), static_cast<Place>(begin));
  std::vector<const Predicate*> left;
  for (const Condition& c : conditions_) {
    if (selected->empty()) return true;
    const Column* const column = c.path == kNoPath ? nullptr : columns[c.path];
    if (column != nullptr) {
      Refine(c, *column, documents, selected);
    } else {
      left.push_back(&(*filter_.conjuncts())[c.predicate]);
    }
  }
  if (left.empty()) return true;
  KeepIf(selected, [&](Place p) {
    documents.Expect(p);
    const Value row = documents.At(p);
    return std::all_of(left.begin(), left.end(),
                       [&](const Predicate* q) { return q->Matches(row); });
  });
  return false;
}

void ColumnFilter::Refine(const Condition& c, const Column& column,
                          const ColumnDocuments& documents, std::vector<Place>* selected) const {
  const Predicate& p = (*filter_.conjuncts())[c.predicate];
  using Kind = NumberTest::Kind;
  const bool outside = c.numbers.kind == Kind::kOutside;
  // Bounds for the type that the column has; when they are crossed nothing lies within.
  int64_t low_int = INT64_MIN, high_int = INT64_MAX;
  double low = -HUGE_VAL, high = HUGE_VAL;
  bool same = false;  // what any number answers, once it is known
  bool same_known = false;
  if (c.numbers.kind == Kind::kWithin || outside) {
    std::optional<int64_t> l = INT64_MIN, h = INT64_MAX;
    if (c.numbers.low) {
      l = LeastInt(*c.numbers.low, c.numbers.low_open);
      low = LeastDouble(*c.numbers.low, c.numbers.low_open);
    }
    if (c.numbers.high) {
      h = GreatestInt(*c.numbers.high, c.numbers.high_open);
      high = GreatestDouble(*c.numbers.high, c.numbers.high_open);
    }
    low_int = l && h ? *l : 1;
    high_int = l && h ? *h : 0;
  }
  const auto within = [&](Place at) {
    if (!column.ints().empty()) {
      const int64_t n = column.ints()[at];
      return n >= low_int && n <= high_int;
    }
    const double n = column.doubles()[at];
    return n >= low && n <= high;
  };
  const auto number = [&](Place at) {
    switch (c.numbers.kind) {
      case Kind::kWithin:
        return within(at);
      case Kind::kOutside:
        return !within(at);
      case Kind::kEach: {
        const Number n =
            column.ints().empty() ? Number(column.doubles()[at]) : Number(column.ints()[at]);
        return std::binary_search(p.numbers.begin(), p.numbers.end(), n) == (p.op == Op::kIn);
      }
      case Kind::kSame:
        if (!same_known) same = p.Matches(documents.At(at));
        same_known = true;
        return same;
    }
    return false;
  };
  if (column.codes().empty()) {
    if (c.numbers.kind == Kind::kWithin || outside) {
      if (!column.ints().empty())
        return KeepNumbers(column.ints(), low_int, high_int, outside, selected);
      return KeepNumbers(column.doubles(), low, high, outside, selected);
    }
    return KeepIf(selected, number);
  }
  // One question for each code that comes up.
  std::vector<uint8_t> answers(column.examples().size(), 2);
  const Code* const codes = column.codes().data();
  KeepIf(selected, [&](Place at) {
    const Code code = codes[at];
    if (code < answers.size()) [[likely]] {
      uint8_t& answer = answers[code];
      if (answer == 2) answer = p.Matches(documents.At(column.examples()[code])) ? 1 : 0;
      return answer != 0;
    }
    return code == Column::kNumber ? number(at) : p.Matches(documents.At(at));
  });
}

}  // namespace strata
