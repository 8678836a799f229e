#include "query/filter.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "core/json_text.h"
#include "core/value_order.h"
#include "query/filter_predicate.h"
#include "query/operator_table.h"
#include "query/print.h"

namespace strata {
namespace {

using Kind = Node::Kind;

re2::StringPiece Piece(std::string_view s) { return {s.data(), s.size()}; }

std::optional<Instant> DateOf(Value v) {
  if (!v.is_string()) return std::nullopt;
  std::string scratch;
  return ParseRfc3339(v.StringView(&scratch));
}

void AppendLiteralJson(std::string* out, const Node& n) {
  switch (n.kind()) {
    case Kind::kDate:
      AppendJsonString(out, n.date().ToString());
      return;
    case Kind::kRegex:
      AppendJsonString(out, n.text());
      return;
    case Kind::kArray:
      out->push_back('[');
      for (size_t i = 0; i < n.size(); ++i) {
        if (i > 0) out->push_back(',');
        AppendLiteralJson(out, n.arg(i));
      }
      out->push_back(']');
      return;
    default:
      out->append(AstToJson(n));
      return;
  }
}

StatusOr<Operand> MakeOperand(const Node& n) {
  Operand o;
  o.kind = n.kind();
  switch (n.kind()) {
    case Kind::kNull:
      break;
    case Kind::kBool:
      o.flag = n.bool_value();
      break;
    case Kind::kNumber:
      o.number = n.number();
      break;
    case Kind::kString:
      o.text = n.text();
      break;
    case Kind::kDate:
      o.date = n.date();
      break;
    case Kind::kRegex: {
      RE2::Options options(RE2::Quiet);
      options.set_case_sensitive(!n.ignore_case());
      options.set_max_mem(4 << 20);
      auto re = std::make_shared<RE2>(Piece(n.text()), options);
      if (!re->ok()) return InvalidArgument(Concat("bad regular expression: ", re->error()));
      o.regex = std::move(re);
      break;
    }
    case Kind::kArray: {
      o.list = LiteralDocument(n);
      break;
    }
    case Kind::kParam:
      return InvalidArgument(Concat("the parameter $", std::to_string(n.param()), " is not bound"));
    case Kind::kCall:
      return Internal("a call where a value belongs");
  }
  return o;
}

}  // namespace

Document LiteralDocument(const Node& literal) {
  std::string json;
  AppendLiteralJson(&json, literal);
  return Document::FromTrusted(json);
}

bool Operand::EqualTo(Value v) const {
  switch (kind) {
    case Kind::kNull:
      return v.type() == Type::kNull;
    case Kind::kBool:
      return v.type() == (flag ? Type::kTrue : Type::kFalse);
    case Kind::kNumber:
      return v.is_number() && v.number() == number;
    case Kind::kString:
      return v.is_string() && v.StringEquals(text);
    case Kind::kDate: {
      const auto at = DateOf(v);
      return at && *at == date;
    }
    case Kind::kRegex:
      return Matches(v);
    case Kind::kArray:
      return v.is_array() && SameValue(v, list.root());
    case Kind::kParam:
    case Kind::kCall:
      return false;
  }
  return false;
}

bool Operand::Matches(Value v) const {
  if (!v.is_string() || regex == nullptr) return false;
  std::string scratch;
  return RE2::PartialMatch(Piece(v.StringView(&scratch)), *regex);
}

std::optional<std::strong_ordering> Operand::Order(Value v) const {
  switch (kind) {
    case Kind::kNull:
      if (v.type() == Type::kNull) return std::strong_ordering::equal;
      return std::nullopt;
    case Kind::kBool: {
      const Type t = v.type();
      if (t != Type::kTrue && t != Type::kFalse) return std::nullopt;
      return (t == Type::kTrue) <=> flag;
    }
    case Kind::kNumber:
      if (!v.is_number()) return std::nullopt;
      return v.number() <=> number;
    case Kind::kString: {
      if (!v.is_string()) return std::nullopt;
      std::string scratch;
      return v.StringView(&scratch) <=> std::string_view(text);
    }
    case Kind::kDate: {
      const auto at = DateOf(v);
      if (!at) return std::nullopt;
      return *at <=> date;
    }
    case Kind::kArray:
      if (!v.is_array()) return std::nullopt;
      return CompareValues(v, list.root());
    case Kind::kRegex:
    case Kind::kParam:
    case Kind::kCall:
      return std::nullopt;
  }
  return std::nullopt;
}

StatusOr<Filter::Predicate> Filter::Predicate::Make(const Node& n) {
  Predicate p;
  p.op = n.op();
  const auto children = [&](std::span<const Node> nodes) -> Status {
    for (const Node& a : nodes) {
      ASSIGN_OR_RETURN(Predicate child, Make(a));
      p.cost += child.cost;
      p.children.push_back(std::move(child));
    }
    std::stable_sort(p.children.begin(), p.children.end(),
                     [](const Predicate& a, const Predicate& b) { return a.cost < b.cost; });
    return OkStatus();
  };
  switch (n.op()) {
    case Op::kAnd:
    case Op::kOr:
    case Op::kNot:
      RETURN_IF_ERROR(children(n.args()));
      return p;
    case Op::kFulltext:
      return Unimplemented(
          "fulltext(…) needs a stage of type \"fulltext\" in the pipeline above this store");
    case Op::kRel:
      return Unimplemented("rel(…) needs a model with links; this store has none");
    default:
      break;
  }
  if (n.is(Op::kExists)) {
    p.path = PathOf(n.arg(0));
    p.cost = 1;
    return p;
  }
  if (n.size() == 2) p.path = PathOf(n.arg(0));
  const Node& value = n.arg(n.size() - 1);
  p.cost = static_cast<int>(p.path.size());
  switch (n.op()) {
    case Op::kIn:
    case Op::kOut:
      p.cost += 3;
      for (const Node& e : value.args()) {
        if (e.is_string()) {
          p.strings.insert(e.text());
        } else if (e.kind() == Kind::kNumber) {
          p.numbers.push_back(e.number());
        } else {
          ASSIGN_OR_RETURN(Operand o, MakeOperand(e));
          p.list.push_back(std::move(o));
          p.cost += 5;
        }
      }
      std::sort(p.numbers.begin(), p.numbers.end());
      return p;
    case Op::kBetween:
      p.cost += 3;
      for (const Node& e : value.args()) {
        ASSIGN_OR_RETURN(Operand o, MakeOperand(e));
        p.list.push_back(std::move(o));
      }
      return p;
    case Op::kSize:
      p.cost += 1;
      p.size = value.number().int_value();
      return p;
    case Op::kContains:
    case Op::kExcludes:
      p.cost += 15;
      if (value.is_call()) {
        RETURN_IF_ERROR(children(std::span<const Node>(&value, 1)));
        return p;
      }
      break;
    case Op::kMatch:
      p.cost += 50;
      if (value.is_string()) {
        ASSIGN_OR_RETURN(p.operand, MakeOperand(Node::Regex(value.text(), false)));
        return p;
      }
      break;
    default:
      p.cost += value.kind() == Kind::kRegex ? 50 : value.kind() == Kind::kDate ? 10 : 1;
      break;
  }
  ASSIGN_OR_RETURN(p.operand, MakeOperand(value));
  return p;
}

bool Filter::Predicate::IsIn(Value v) const {
  if (!v.exists()) return false;
  if (v.is_string() && !strings.empty()) {
    std::string scratch;
    if (strings.contains(v.StringView(&scratch))) return true;
  } else if (v.is_number() && std::binary_search(numbers.begin(), numbers.end(), v.number())) {
    return true;
  }
  for (const Operand& o : list) {
    if (o.EqualTo(v)) return true;
  }
  return false;
}

bool Filter::Predicate::IsContained(Value v) const {
  if (v.is_array()) {
    for (uint32_t i = 0; i < v.size(); ++i) {
      const Value e = v.At(i);
      if (children.empty() ? operand.EqualTo(e) : children[0].Matches(e)) return true;
    }
    return false;
  }
  if (!v.is_string() || !children.empty()) return false;
  if (operand.kind == Kind::kRegex) return operand.Matches(v);
  if (operand.kind != Kind::kString) return false;
  std::string scratch;
  const std::string_view text = v.StringView(&scratch);
  return operand.text.empty() ||
         memmem(text.data(), text.size(), operand.text.data(), operand.text.size()) != nullptr;
}

bool Filter::Predicate::Matches(Value row) const {
  switch (op) {
    case Op::kAnd:
      for (const Predicate& c : children) {
        if (!c.Matches(row)) return false;
      }
      return true;
    case Op::kOr:
      for (const Predicate& c : children) {
        if (c.Matches(row)) return true;
      }
      return false;
    case Op::kNot:
      return !children[0].Matches(row);
    default:
      break;
  }
  const Value v = path.Get(row);
  switch (op) {
    case Op::kEq:
      return v.exists() && operand.EqualTo(v);
    case Op::kNe:
      return !(v.exists() && operand.EqualTo(v));
    case Op::kLt: {
      const auto c = operand.Order(v);
      return c && *c < 0;
    }
    case Op::kLe: {
      const auto c = operand.Order(v);
      return c && *c <= 0;
    }
    case Op::kGt: {
      const auto c = operand.Order(v);
      return c && *c > 0;
    }
    case Op::kGe: {
      const auto c = operand.Order(v);
      return c && *c >= 0;
    }
    case Op::kIn:
      return IsIn(v);
    case Op::kOut:
      return !IsIn(v);
    case Op::kBetween: {
      const auto low = list[0].Order(v);
      const auto high = list[1].Order(v);
      return low && high && *low >= 0 && *high < 0;
    }
    case Op::kContains:
      return IsContained(v);
    case Op::kExcludes:
      return !IsContained(v);
    case Op::kMatch:
      return operand.Matches(v);
    case Op::kPrefix: {
      if (!v.is_string()) return false;
      std::string scratch;
      return v.StringView(&scratch).starts_with(operand.text);
    }
    case Op::kExists:
      return v.exists();
    case Op::kSize: {
      if (v.is_string()) {
        std::string scratch;
        return static_cast<int64_t>(Utf8Length(v.StringView(&scratch))) == size;
      }
      return (v.is_array() || v.is_object()) && v.size() == size;
    }
    default:
      return false;
  }
}

std::optional<std::vector<Path>> Filter::PathsRead() const {
  std::vector<Path> paths;
  bool whole_rows = false;
  const std::function<void(const Predicate&)> collect = [&](const Predicate& p) {
    if (p.op == Op::kAnd || p.op == Op::kOr || p.op == Op::kNot) {
      for (const Predicate& c : p.children) collect(c);
    } else {
      whole_rows = whole_rows || p.path.empty();
      paths.push_back(p.path);
    }
  };
  if (conjuncts_ != nullptr) std::for_each(conjuncts_->begin(), conjuncts_->end(), collect);
  if (whole_rows) return std::nullopt;
  return paths;
}

StatusOr<Filter> Filter::Compile(const std::vector<Node>& conjuncts) {
  auto list = std::make_shared<std::vector<Predicate>>();
  for (const Node& n : conjuncts) {
    ASSIGN_OR_RETURN(Predicate p, Predicate::Make(n));
    list->push_back(std::move(p));
  }
  std::stable_sort(list->begin(), list->end(),
                   [](const Predicate& a, const Predicate& b) { return a.cost < b.cost; });
  Filter f;
  f.conjuncts_ = std::move(list);
  return f;
}

bool Filter::Matches(Value row) const {
  if (conjuncts_ == nullptr) return true;
  for (const Predicate& p : *conjuncts_) {
    if (!p.Matches(row)) return false;
  }
  return true;
}

}  // namespace strata
