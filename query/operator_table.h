// The table of operators: name, what it is, how many arguments it takes and what stands in their
// places. The parser, the binder, the printer and the documentation all read this one table.
#ifndef STRATA_QUERY_OPERATOR_TABLE_H_
#define STRATA_QUERY_OPERATOR_TABLE_H_

#include <span>
#include <string>
#include <string_view>

#include "query/ast.h"

namespace strata {

// What an operator is.
enum class Role : uint8_t {
  kPredicate,
  kStage,
  kScalar,  // a stage that ends a query in one value
  kNested,  // only within aggregate
};

// What stands in an argument's place.
enum class Place : uint8_t {
  kValue,      // a literal, a parameter or an array of them
  kProperty,   // a path
  kSortKey,    // a path with an optional sign
  kText,       // words: never typed as number, date, …
  kCondition,  // a predicate
  kOpen,  // of an unknown operator's first argument: a path when it holds a slash, else a value
  kAggregand,  // a path, or a function of one
};

struct OperatorSpec {
  Op op;
  std::string_view name;
  Role role;
  int min_args;
  int max_args;  // -1: any number
  Place first;   // of the first argument
  Place rest;    // of the others
  std::string_view usage;
  std::string_view doc;
};

std::span<const OperatorSpec> AllOperators();
const OperatorSpec* FindOperator(std::string_view name);
const OperatorSpec& SpecOf(Op op);  // Requires: not kOther
std::string_view OperatorName(Op op);
// The place of argument i of a call with `count` arguments by this name. A comparison with one
// argument compares the item itself, so that argument is its value.
Place PlaceOf(const OperatorSpec* spec, size_t i, size_t count);

// The nearest of `names` within a third of its length in edits, or "".
std::string_view Nearest(std::string_view name, std::span<const std::string_view> names);
std::string_view NearestOperator(std::string_view name);
// For the end of a message: `; did you mean "near"?`, or "" when none is near.
std::string DidYouMean(std::string_view name, std::span<const std::string_view> names);
// The same, and all of the names: ` (noun: a b c)`.
std::string DidYouMean(std::string_view name, std::span<const std::string_view> names,
                       std::string_view noun);

}  // namespace strata

#endif  // STRATA_QUERY_OPERATOR_TABLE_H_
