#include "tests/indexes/small_world.h"

namespace strata::testing {
namespace {

constexpr const char* kScalars[] = {"null",
                                    "false",
                                    "true",
                                    "0",
                                    "1",
                                    "1.0",
                                    "2",
                                    "-3",
                                    "2.5",
                                    "\"\"",
                                    "\"x\"",
                                    "\"xy\"",
                                    "\"y\"",
                                    "\"a\\u0000b\"",
                                    "\"2009-11-21T00:21:00Z\""};
constexpr const char* kFields[] = {"a", "b", "c", "tags"};

}  // namespace

std::string SmallWorld::Id(int ids) {
  const int n = Below(ids);
  return n % 5 == 0 ? std::to_string(n) : "\"k" + std::to_string(n) + "\"";
}

std::string SmallWorld::Value(bool nested) {
  const int kind = Below(nested ? 14 : 10);
  if (kind < 10) return kScalars[Below(static_cast<int>(std::size(kScalars)))];
  if (kind < 12) {
    std::string out = "[";
    for (int i = Below(4); i > 0; --i) out += (out.size() > 1 ? "," : "") + Value(false);
    return out + "]";
  }
  return "{\"d\":" + Value(false) + "}";
}

std::string SmallWorld::DocumentText(const std::string& id_json) {
  std::string out = "{\"id\":" + id_json + ",\"key\":[" + id_json + "]";
  for (const char* f : kFields) {
    if (Below(5) != 0) out += ",\"" + std::string(f) + "\":" + Value(true);
  }
  return out + "}";
}

Node SmallWorld::Property() {
  if (Below(8) == 0) return Node::PathNode({kFields[Below(4)], Below(4) ? "d" : "0"});
  return Node::Str(Below(12) == 0 ? "id" : kFields[Below(4)]);
}

Node SmallWorld::Literal() {
  switch (Below(20)) {
    case 0:
      return Node::Date(*ParseRfc3339("2009-11-21T00:21:00Z"));
    case 1:
      return Node::Array({Lit(Below(3)), Lit("xy")});
    case 2:
      return Node::Str("k" + std::to_string(Below(30)));
    default:
      break;
  }
  const Document d = Document::FromTrusted(kScalars[Below(static_cast<int>(std::size(kScalars)))]);
  const strata::Value v = d.root();
  switch (v.type()) {
    case Type::kNull:
      return Node();
    case Type::kFalse:
    case Type::kTrue:
      return Node::Bool(v.type() == Type::kTrue);
    case Type::kNumber:
      return Node::Num(v.number());
    default:
      return Node::Str(v.String());
  }
}

Node SmallWorld::Condition(int depth) {
  if (depth > 0 && Below(4) == 0) {
    std::vector<Node> parts;
    for (int i = 2 + Below(2); i > 0; --i) parts.push_back(Condition(depth - 1));
    if (Below(6) == 0) return Node::Call(Op::kNot, {parts[0]});
    return Node::Call(Below(4) == 0 ? Op::kAnd : Op::kOr, std::move(parts));
  }
  static constexpr Op kOps[] = {Op::kEq, Op::kEq, Op::kEq, Op::kNe,
                                Op::kLt, Op::kLe, Op::kGt, Op::kGe};
  switch (Below(14)) {
    case 0:
    case 1: {
      std::vector<Node> list;
      for (int i = Below(4); i > 0; --i) list.push_back(Literal());
      return Node::Call(Below(5) == 0 ? Op::kOut : Op::kIn,
                        {Property(), Node::Array(std::move(list))});
    }
    case 2:
      return Node::Call(Op::kBetween, {Property(), Node::Array({Literal(), Literal()})});
    case 3:
      return Node::Call(Op::kContains, {Node::Str("tags"), Literal()});
    case 4:
      return Node::Call(Below(3) ? Op::kContains : Op::kExcludes, {Property(), Literal()});
    case 5:
      return Node::Call(Op::kPrefix, {Property(), Node::Str(Below(2) ? "x" : "")});
    case 6:
      return Node::Call(Op::kExists, {Property()});
    default:
      return Node::Call(kOps[Below(8)], {Property(), Literal()});
  }
}

Query SmallWorld::AnyQuery() {
  std::vector<Node> terms;
  for (int i = Below(4); i > 0; --i) terms.push_back(Condition(2));
  const auto name = [&] { return Property(); };
  if (Below(2)) {
    std::vector<Node> keys;
    for (int i = 1 + Below(3); i > 0; --i) {
      const char* sign = Below(2) ? "-" : "+";
      keys.push_back(Below(8) == 0 ? Node::PathNode({sign + std::string(kFields[Below(4)]), "d"})
                                   : Node::Str(sign + std::string(kFields[Below(4)])));
    }
    terms.push_back(Node::Call(Op::kSort, std::move(keys)));
  }
  switch (Below(12)) {
    case 0:
      terms.push_back(Node::Call(Op::kCount, {}));
      break;
    case 1:
      terms.push_back(Node::Call(Below(2) ? Op::kMin : Op::kMax, {name()}));
      break;
    case 2:
      terms.push_back(Node::Call(Op::kSelect, {name(), name()}));
      terms.push_back(Node::Call(Op::kLimit, {Lit(Below(9)), Lit(Below(3))}));
      break;
    case 3:
      terms.push_back(Node::Call(Op::kValues, {Node::Str(kFields[Below(4)])}));
      break;
    case 4:
      terms.push_back(Node::Call(Op::kAggregate, {Node::Str("a"), Node::Call(Op::kCount, {}),
                                                  Node::Call(Op::kSum, {Node::Str("b")})}));
      break;
    case 5:
      terms.push_back(Node::Call(Op::kDistinct, {name()}));
      if (Below(2)) terms.push_back(Node::Call(Op::kValues, {name()}));
      break;
    case 6:
      terms.push_back(Node::Call(Op::kFirst, {}));
      break;
    case 7:
    case 8:
    case 9:
      terms.push_back(Node::Call(Op::kLimit, {Lit(Below(9)), Lit(Below(3))}));
      break;
    default:
      break;
  }
  return Query::Bind(Node::Call(Op::kAnd, std::move(terms))).value();
}

std::string SmallWorld::Indexes() {
  std::string out = "[";
  const int count = 1 + Below(5);
  for (int i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    out += "{\"name\":\"i" + std::to_string(i) + "\",\"path\":";
    if (Below(5) == 0) {
      out += "\"" + std::string(Below(2) ? "tags" : kFields[Below(4)]) + "\",\"multi\":true";
    } else {
      std::vector<std::string> paths;
      for (int p = 1 + Below(3); p > 0; --p) {
        std::string path = kFields[Below(4)];
        if (Below(8) == 0) path += "/d";
        bool fresh = true;
        for (const std::string& other : paths) fresh = fresh && other != path;
        if (fresh) paths.push_back(path);
      }
      const bool unique = Below(6) == 0;
      if (unique) paths.push_back("key");
      out += "[";
      for (size_t p = 0; p < paths.size(); ++p)
        out += (p > 0 ? ",\"" : "\"") + std::string(Below(3) == 0 ? "-" : "") + paths[p] + "\"";
      out += unique ? "],\"unique\":true" : "]";
    }
    out += Below(4) == 0 ? ",\"sparse\":true}" : "}";
  }
  return out + "]";
}

}  // namespace strata::testing
