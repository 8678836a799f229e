// The query's syntax tree: what the parser makes, wrappers edit, stores push down and explain
// prints.
//
// A Node is an immutable value; copies share their arguments. Paths stand where an operator expects
// a property: one step is a string, several are an array of strings. Safe for concurrent use.
#ifndef STRATA_QUERY_AST_H_
#define STRATA_QUERY_AST_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/instant.h"
#include "core/number.h"
#include "core/path.h"

namespace strata {

// Every operator that the language itself knows. kOther: a name that it does not know (it parses,
// but binding refuses it).
enum class Op : uint8_t {
  kOther,
  // predicates
  kAnd,
  kOr,
  kNot,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kIn,
  kOut,
  kBetween,
  kContains,
  kExcludes,
  kMatch,
  kPrefix,
  kExists,
  kSize,
  kFulltext,
  kRel,
  // stages
  kSort,
  kSelect,
  kUnselect,
  kValues,
  kLimit,
  kAfter,
  kDistinct,
  kRecurse,
  kAggregate,
  kUsing,
  // scalar ends, also functions within aggregate
  kCount,
  kSum,
  kMean,
  kMin,
  kMax,
  kFirst,
  kOne,
  // within aggregate
  kAs,
};

class Node {
 public:
  enum class Kind : uint8_t {
    kNull,
    kBool,
    kNumber,
    kString,
    kDate,
    kRegex,
    kParam,
    kArray,
    kCall
  };

  Node() = default;  // null
  static Node Bool(bool v);
  static Node Num(Number v);
  static Node Str(std::string text);
  static Node Date(Instant v);
  static Node Regex(std::string pattern, bool ignore_case);
  static Node Param(int index);  // from 1
  static Node Array(std::vector<Node> elements);
  static Node Call(Op op, std::vector<Node> args);
  // A call by name; the name of a known operator makes that operator.
  static Node Call(std::string_view name, std::vector<Node> args);
  // One step: a string; several: an array.
  static Node PathNode(const std::vector<std::string>& steps);

  Kind kind() const { return kind_; }
  bool is_call() const { return kind_ == Kind::kCall; }
  bool is(Op op) const { return kind_ == Kind::kCall && op_ == op; }
  bool is_string() const { return kind_ == Kind::kString; }

  bool bool_value() const { return flag_; }
  const Number& number() const { return scalar_.number; }
  const std::string& text() const { return text_; }  // of a string, or a regex' pattern
  const Instant& date() const { return scalar_.date; }
  bool ignore_case() const { return flag_; }  // of a regex
  int param() const { return scalar_.param; }
  Op op() const { return op_; }
  std::string_view name() const;  // of a call
  std::span<const Node> args() const {
    return args_ == nullptr ? std::span<const Node>() : std::span<const Node>(*args_);
  }
  const Node& arg(size_t i) const { return (*args_)[i]; }
  size_t size() const { return args_ == nullptr ? 0 : args_->size(); }

  // Where it began in the query's text; not part of its value.
  uint32_t offset() const { return offset_; }
  void set_offset(uint32_t offset) { offset_ = offset; }

  // Equal by value.
  friend bool operator==(const Node& a, const Node& b);

 private:
  void SetArgs(std::vector<Node> args);

  Kind kind_ = Kind::kNull;
  Op op_ = Op::kOther;
  bool flag_ = false;
  uint32_t offset_ = 0;
  union Scalar {
    constexpr Scalar() : param(0) {}
    Number number;
    Instant date;
    int param;
  } scalar_;
  std::string text_;
  std::shared_ptr<const std::vector<Node>> args_;  // null: none
};

// The path that a node in a property's place stands for. Requires: a string or an array of strings.
Path PathOf(const Node& n);

// {"name":"eq","args":["a",1]}: as `strata parse` prints it (docs/query.md).
std::string AstToJson(const Node& n);

}  // namespace strata

#endif  // STRATA_QUERY_AST_H_
