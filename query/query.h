// Query: conjuncts, then stages in the order in which they were written.
//
//   StatusOr<Query> q = Query::Parse("category=laptop&price=lt=900&sort(-rating)&limit(10)");
//   Query same = Query().Where(Eq("category", "laptop") && Lt("price",
//   900)).Sort("-rating").Limit(10); q->ToString();   //
//   eq(category,laptop)&lt(price,900)&sort(-rating)&limit(10)
//
// Binding a syntax tree to the operator table refuses unknown names and wrong arguments. A
// condition behind a stage is itself a stage: it filters what the stage before it made. A Query is
// a value, safe for concurrent use.
#ifndef STRATA_QUERY_QUERY_H_
#define STRATA_QUERY_QUERY_H_

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "query/ast.h"
#include "query/parser.h"

namespace strata {

// A condition made in C++. Paths are written a/b/c.
class Condition {
 public:
  explicit Condition(Node n) : node_(std::move(n)) {}
  const Node& node() const { return node_; }
  friend Condition operator&&(const Condition& a, const Condition& b);
  friend Condition operator||(const Condition& a, const Condition& b);
  friend Condition operator!(const Condition& a);

 private:
  Node node_;
};

// A literal from a C++ value.
inline Node Lit(std::nullptr_t) { return Node(); }
inline Node Lit(const char* s) { return Node::Str(s); }
inline Node Lit(std::string_view s) { return Node::Str(std::string(s)); }
inline Node Lit(const std::string& s) { return Node::Str(s); }
inline Node Lit(Instant i) { return Node::Date(i); }
inline Node Lit(Node n) { return n; }
template <typename T>
requires std::integral<T> || std::floating_point<T> Node Lit(T v) {
  if constexpr (std::same_as<T, bool>) {
    return Node::Bool(v);
  } else if constexpr (std::floating_point<T>) {
    return Node::Num(Number(static_cast<double>(v)));
  } else if constexpr (std::signed_integral<T>) {
    return Node::Num(Number(static_cast<int64_t>(v)));
  } else {
    return Node::Num(Number(static_cast<uint64_t>(v)));
  }
}

Condition Compare(Op op, std::string_view path, Node value);
template <typename T>
Condition Eq(std::string_view p, T v) {
  return Compare(Op::kEq, p, Lit(v));
}
template <typename T>
Condition Ne(std::string_view p, T v) {
  return Compare(Op::kNe, p, Lit(v));
}
template <typename T>
Condition Lt(std::string_view p, T v) {
  return Compare(Op::kLt, p, Lit(v));
}
template <typename T>
Condition Le(std::string_view p, T v) {
  return Compare(Op::kLe, p, Lit(v));
}
template <typename T>
Condition Gt(std::string_view p, T v) {
  return Compare(Op::kGt, p, Lit(v));
}
template <typename T>
Condition Ge(std::string_view p, T v) {
  return Compare(Op::kGe, p, Lit(v));
}
template <typename T>
Condition Contains(std::string_view p, T v) {
  return Compare(Op::kContains, p, Lit(v));
}
template <typename T>
Condition Prefix(std::string_view p, T v) {
  return Compare(Op::kPrefix, p, Lit(v));
}
template <typename... T>
Condition In(std::string_view p, T... v) {
  return Compare(Op::kIn, p, Node::Array({Lit(v)...}));
}
Condition Exists(std::string_view path);
Condition Match(std::string_view path, std::string_view pattern, bool ignore_case = false);
// A placeholder $n (from 1) for a value that is given when the plan is opened.
inline Node Param(int n) { return Node::Param(n); }

class Query {
 public:
  Query() = default;  // every document
  static StatusOr<Query> Parse(std::string_view text, const ParseLimits& limits = {});
  // Binds a tree. With `text`, errors show the place in it.
  static StatusOr<Query> Bind(const Node& root, std::string_view text = {});
  // Requires: bound conditions and stages.
  static Query Of(std::vector<Node> conjuncts, std::vector<Node> stages);

  const std::vector<Node>& conjuncts() const { return conjuncts_; }
  const std::vector<Node>& stages() const { return stages_; }
  bool empty() const { return conjuncts_.empty() && stages_.empty(); }
  // Whether it ends in one value instead of rows.
  bool is_scalar() const;
  // The highest $n used; 0 when there is none.
  int param_count() const;

  Node ToAst() const;
  std::string ToString() const;
  friend bool operator==(const Query& a, const Query& b) {
    return a.conjuncts_ == b.conjuncts_ && a.stages_ == b.stages_;
  }

  // The builder. Each returns the longer query.
  Query Where(const Condition& c) const;
  Query Sort(std::string_view key) const;  // "-rating", "+a/b"
  Query Select(std::initializer_list<std::string_view> paths) const;
  Query Limit(uint64_t count, uint64_t start = 0) const;
  Query Then(Node stage) const;

 private:
  std::vector<Node> conjuncts_;
  std::vector<Node> stages_;
};

// Replaces $n by values. InvalidArgument for a parameter that is not bound.
StatusOr<Query> BindParameters(const Query& q, std::span<const Node> values);

// The paths that a bound condition or stage reads. `everything` is set when it may read any.
void CollectPaths(const Node& n, std::vector<Path>* paths, bool* everything);
// The paths that a query reads; nothing when its rows are whole documents.
std::optional<std::vector<Path>> PathsRead(const Query& query);

// The key of a sort stage's argument.
struct SortKey {
  Path path;
  bool descending = false;
};
SortKey SortKeyOf(const Node& n);

// The member that an argument of aggregate makes: its text, or the name that as(name,f(q)) gives.
std::string AggregateOutputName(const Node& n);

// A bound limit. `max` bounds how far the total is counted; no value: it is not asked for.
struct LimitSpec {
  uint64_t count = 0;
  uint64_t start = 0;
};
LimitSpec LimitOf(const Node& n);

}  // namespace strata

#endif  // STRATA_QUERY_QUERY_H_
