#include "query/ast.h"

#include <algorithm>

#include "core/json_text.h"
#include "query/operator_table.h"

namespace strata {

Node Node::Bool(bool v) {
  Node n;
  n.kind_ = Kind::kBool;
  n.flag_ = v;
  return n;
}

Node Node::Num(Number v) {
  Node n;
  n.kind_ = Kind::kNumber;
  n.scalar_.number = v;
  return n;
}

Node Node::Str(std::string text) {
  Node n;
  n.kind_ = Kind::kString;
  n.text_ = std::move(text);
  return n;
}

Node Node::Date(Instant v) {
  Node n;
  n.kind_ = Kind::kDate;
  n.scalar_.date = v;
  return n;
}

Node Node::Regex(std::string pattern, bool ignore_case) {
  Node n;
  n.kind_ = Kind::kRegex;
  n.text_ = std::move(pattern);
  n.flag_ = ignore_case;
  return n;
}

Node Node::Param(int index) {
  Node n;
  n.kind_ = Kind::kParam;
  n.scalar_.param = index;
  return n;
}

void Node::SetArgs(std::vector<Node> args) {
  if (!args.empty()) args_ = std::make_shared<const std::vector<Node>>(std::move(args));
}

Node Node::Array(std::vector<Node> elements) {
  Node n;
  n.kind_ = Kind::kArray;
  n.SetArgs(std::move(elements));
  return n;
}

Node Node::Call(Op op, std::vector<Node> args) {
  Node n;
  n.kind_ = Kind::kCall;
  n.op_ = op;
  n.SetArgs(std::move(args));
  return n;
}

Node Node::Call(std::string_view name, std::vector<Node> args) {
  const OperatorSpec* spec = FindOperator(name);
  Node n = Call(spec != nullptr ? spec->op : Op::kOther, std::move(args));
  if (spec == nullptr) n.text_ = std::string(name);
  return n;
}

Node Node::PathNode(const std::vector<std::string>& steps) {
  if (steps.size() == 1) return Str(steps[0]);
  std::vector<Node> nodes;
  for (const std::string& s : steps) nodes.push_back(Str(s));
  return Array(std::move(nodes));
}

std::string_view Node::name() const {
  return op_ == Op::kOther ? std::string_view(text_) : OperatorName(op_);
}

bool operator==(const Node& a, const Node& b) {
  if (a.kind_ != b.kind_) return false;
  switch (a.kind_) {
    case Node::Kind::kNull:
      return true;
    case Node::Kind::kBool:
      return a.flag_ == b.flag_;
    case Node::Kind::kNumber:
      return a.number() == b.number();
    case Node::Kind::kString:
      return a.text_ == b.text_;
    case Node::Kind::kDate:
      return a.date() == b.date();
    case Node::Kind::kRegex:
      return a.text_ == b.text_ && a.flag_ == b.flag_;
    case Node::Kind::kParam:
      return a.param() == b.param();
    case Node::Kind::kCall:
      if (a.op_ != b.op_ || a.text_ != b.text_) return false;
      [[fallthrough]];
    case Node::Kind::kArray:
      return a.args_ == b.args_ || std::ranges::equal(a.args(), b.args());
  }
  return false;
}

Path PathOf(const Node& n) {
  if (n.is_string()) return Path::Of(n.text());
  std::vector<std::string> steps;
  for (const Node& s : n.args()) steps.push_back(s.text());
  return Path(std::move(steps));
}

namespace {

void AppendAst(std::string* out, const Node& n) {
  switch (n.kind()) {
    case Node::Kind::kNull:
      out->append("null");
      return;
    case Node::Kind::kBool:
      out->append(n.bool_value() ? "true" : "false");
      return;
    case Node::Kind::kNumber:
      out->append(n.number().ToString());
      return;
    case Node::Kind::kString:
      AppendJsonString(out, n.text());
      return;
    case Node::Kind::kDate:
      out->append("{\"$date\":");
      AppendJsonString(out, n.date().ToString());
      out->push_back('}');
      return;
    case Node::Kind::kRegex:
      out->append("{\"$regex\":");
      AppendJsonString(out, n.text());
      out->append(",\"$flags\":\"");
      out->append(n.ignore_case() ? "i\"}" : "\"}");
      return;
    case Node::Kind::kParam:
      out->append("{\"$param\":" + std::to_string(n.param()) + "}");
      return;
    case Node::Kind::kCall:
      out->append("{\"name\":");
      AppendJsonString(out, n.name());
      out->append(",\"args\":");
      [[fallthrough]];
    case Node::Kind::kArray:
      out->push_back('[');
      for (size_t i = 0; i < n.size(); ++i) {
        if (i > 0) out->push_back(',');
        AppendAst(out, n.arg(i));
      }
      out->push_back(']');
      if (n.is_call()) out->push_back('}');
      return;
  }
}

}  // namespace

std::string AstToJson(const Node& n) {
  std::string out;
  AppendAst(&out, n);
  return out;
}

}  // namespace strata
