// What a Filter is made of. For query/ only.
#ifndef STRATA_QUERY_FILTER_PREDICATE_H_
#define STRATA_QUERY_FILTER_PREDICATE_H_

#include <re2/re2.h>

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/abseil.h"
#include "core/instant.h"
#include "core/path.h"
#include "query/filter.h"

namespace strata {

// A literal in the form in which it is compared.
struct Operand {
  Node::Kind kind = Node::Kind::kNull;
  bool flag = false;
  Number number;
  std::string text;
  Instant date;
  std::shared_ptr<const RE2> regex;
  Document list;  // an array, as a document

  bool EqualTo(Value v) const;
  bool Matches(Value v) const;  // as a regular expression
  // The order of `v` and this within one type; nothing across types.
  std::optional<std::strong_ordering> Order(Value v) const;
};

struct Filter::Predicate {
  Op op = Op::kAnd;
  int cost = 0;
  Path path;  // empty: the row itself
  Operand operand;
  std::vector<Operand> list;    // of in, out (what is not in a set) and between
  StringSet strings;            // of in and out
  std::vector<Number> numbers;  // of in and out, sorted
  int64_t size = 0;
  std::vector<Predicate> children;

  static StatusOr<Predicate> Make(const Node& n);
  bool Matches(Value row) const;

 private:
  bool IsIn(Value v) const;
  bool IsContained(Value v) const;
};

}  // namespace strata

#endif  // STRATA_QUERY_FILTER_PREDICATE_H_
