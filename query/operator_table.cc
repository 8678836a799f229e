#include "query/operator_table.h"

#include <algorithm>
#include <array>
#include <vector>

namespace strata {
namespace {

using enum Role;
using enum Place;

constexpr OperatorSpec kOperators[] = {
    {Op::kAnd, "and", kPredicate, 0, -1, kCondition, kCondition, "and(x,y,…)",
     "all conditions hold"},
    {Op::kOr, "or", kPredicate, 0, -1, kCondition, kCondition, "or(x,y,…)", "one condition holds"},
    {Op::kNot, "not", kPredicate, 1, 1, kCondition, kCondition, "not(x)",
     "the condition does not hold"},
    {Op::kEq, "eq", kPredicate, 1, 2, kProperty, kValue, "eq(p,value)",
     "equal, or matches when the value is a regex"},
    {Op::kNe, "ne", kPredicate, 1, 2, kProperty, kValue, "ne(p,value)", "not eq; true of missing"},
    {Op::kLt, "lt", kPredicate, 1, 2, kProperty, kValue, "lt(p,value)", "less, within one type"},
    {Op::kLe, "le", kPredicate, 1, 2, kProperty, kValue, "le(p,value)",
     "less or equal, within one type"},
    {Op::kGt, "gt", kPredicate, 1, 2, kProperty, kValue, "gt(p,value)", "greater, within one type"},
    {Op::kGe, "ge", kPredicate, 1, 2, kProperty, kValue, "ge(p,value)",
     "greater or equal, within one type"},
    {Op::kIn, "in", kPredicate, 1, 2, kProperty, kValue, "in(p,(a,b,…))", "eq to one of the list"},
    {Op::kOut, "out", kPredicate, 1, 2, kProperty, kValue, "out(p,(a,b,…))",
     "not in; true of missing"},
    {Op::kBetween, "between", kPredicate, 1, 2, kProperty, kValue, "between(p,(lo,hi))",
     "lo <= p < hi"},
    {Op::kContains, "contains", kPredicate, 1, 2, kProperty, kValue, "contains(p,value)",
     "an element is eq to the value or satisfies a condition; of strings: a part"},
    {Op::kExcludes, "excludes", kPredicate, 1, 2, kProperty, kValue, "excludes(p,value)",
     "not contains"},
    {Op::kMatch, "match", kPredicate, 1, 2, kProperty, kValue, "match(p,regex)",
     "a string in which the regex is found"},
    {Op::kPrefix, "prefix", kPredicate, 1, 2, kProperty, kText, "prefix(p,text)",
     "a string that begins so"},
    {Op::kExists, "exists", kPredicate, 1, 1, kProperty, kProperty, "exists(p)",
     "present, also when null"},
    {Op::kSize, "size", kPredicate, 1, 2, kProperty, kValue, "size(p,n)",
     "n elements, members or characters"},
    {Op::kFulltext, "fulltext", kPredicate, 1, 2, kText, kText,
     "fulltext(text) or fulltext(p,text)", "found by a full-text stage"},
    {Op::kRel, "rel", kPredicate, 2, 2, kProperty, kCondition, "rel(name,condition)",
     "a linked document satisfies it"},
    {Op::kSort, "sort", kStage, 1, -1, kSortKey, kSortKey, "sort(+a,-b/c)",
     "orders rows; id breaks ties"},
    {Op::kSelect, "select", kStage, 1, -1, kProperty, kProperty, "select(p,…)",
     "keeps these properties"},
    {Op::kUnselect, "unselect", kStage, 1, -1, kProperty, kProperty, "unselect(p,…)",
     "drops these properties"},
    {Op::kValues, "values", kStage, 1, -1, kProperty, kProperty, "values(p,…)",
     "the bare value of one property, or an array of several"},
    {Op::kLimit, "limit", kStage, 1, 3, kValue, kValue, "limit(count,start,max)",
     "count rows from start (0)"},
    {Op::kAfter, "after", kStage, 1, 1, kText, kText, "after(continuation)",
     "goes on behind an earlier page"},
    {Op::kDistinct, "distinct", kStage, 0, -1, kProperty, kProperty, "distinct(p,…)",
     "the first row of each value"},
    {Op::kRecurse, "recurse", kStage, 0, 1, kProperty, kProperty, "recurse(p)",
     "each row and what is nested in it"},
    {Op::kAggregate, "aggregate", kStage, 1, -1, kAggregand, kAggregand, "aggregate(p,…,f(q),…)",
     "one row a group, with functions over it"},
    {Op::kUsing, "using", kStage, 1, -1, kText, kText, "using(index,…)",
     "a hint: go by these indexes, or by scan; the rows are the same"},
    {Op::kCount, "count", kScalar, 0, 0, kProperty, kProperty, "count()", "the number of rows"},
    {Op::kSum, "sum", kScalar, 0, 1, kProperty, kProperty, "sum(p)",
     "the exact sum of the numbers, rounded once; 0 of none"},
    {Op::kMean, "mean", kScalar, 0, 1, kProperty, kProperty, "mean(p)",
     "mean of the numbers; null of none"},
    {Op::kMin, "min", kScalar, 0, 1, kProperty, kProperty, "min(p)",
     "the first in the total order; null of none"},
    {Op::kMax, "max", kScalar, 0, 1, kProperty, kProperty, "max(p)",
     "the last in the total order; null of none"},
    {Op::kFirst, "first", kScalar, 0, 0, kProperty, kProperty, "first()", "the first row, or null"},
    {Op::kOne, "one", kScalar, 0, 0, kProperty, kProperty, "one()",
     "the only row; an error for none or several"},
    {Op::kAs, "as", kNested, 2, 2, kText, kAggregand, "as(name,f(q))",
     "names an output of aggregate"},
};

// kOperators[i].op == i + 1, so that SpecOf is an index.
constexpr bool InOrder() {
  for (size_t i = 0; i < std::size(kOperators); ++i) {
    if (static_cast<size_t>(kOperators[i].op) != i + 1) return false;
  }
  return true;
}
static_assert(InOrder());

// Letters added, left out or replaced, and neighbours exchanged (Damerau's distance in its
// restricted form: no letter is touched twice).
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::span<const OperatorSpec> AllOperators() { return kOperators; }

const OperatorSpec* FindOperator(std::string_view name) {
  for (const OperatorSpec& s : kOperators) {
    if (s.name.size() == name.size() && s.name[0] == name[0] && s.name == name) return &s;
  }
  return nullptr;
}

const OperatorSpec& SpecOf(Op op) { return kOperators[static_cast<size_t>(op) - 1]; }

std::string_view OperatorName(Op op) { return SpecOf(op).name; }

Place PlaceOf(const OperatorSpec* spec, size_t i, size_t count) {
  if (spec == nullptr) return i == 0 ? kOpen : kValue;
  if (i > 0) return spec->rest;
  if (spec->op == Op::kFulltext) return count == 2 ? kProperty : kText;
  const bool comparison =
      spec->role == kPredicate && spec->first == kProperty && spec->max_args == 2;
  return comparison && count == 1 ? spec->rest : spec->first;
}

std::string_view Nearest(std::string_view name, std::span<const std::string_view> names) {
  if (name.size() > 64) return "";
  std::string_view best;
  // A name of one or two letters is near to everything short, so it gets no suggestion.
  size_t best_distance = name.size() <= 2 ? 1 : std::max<size_t>(1, name.size() / 3) + 1;
  for (std::string_view n : names) {
    const size_t d = EditDistance(name, n);
    if (d < best_distance) {
      best_distance = d;
      best = n;
    }
  }
  return best;
}

std::string_view NearestOperator(std::string_view name) {
  std::array<std::string_view, std::size(kOperators)> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kOperators[i].name;
  return Nearest(name, names);
}

std::string DidYouMean(std::string_view name, std::span<const std::string_view> names) {
  const std::string_view near = Nearest(name, names);
  return near.empty() ? "" : Concat("; did you mean \"", near, "\"?");
}

std::string DidYouMean(std::string_view name, std::span<const std::string_view> names,
                       std::string_view noun) {
  std::string out = DidYouMean(name, names) + Concat(" (", noun, ":");
  for (std::string_view n : names) out += Concat(" ", n);
  return out + ")";
}

}  // namespace strata
