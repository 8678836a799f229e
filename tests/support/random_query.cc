#include "tests/support/random_query.h"

#include "core/document.h"
#include "query/operator_table.h"

namespace strata::testing {
namespace {

constexpr const char* kNames[] = {"a",    "b", "c", "id2", "name", "price",
                                  "tags", "n", "p", "x/y", "d.e",  "é"};
constexpr Op kStages[] = {Op::kSort,  Op::kSelect,   Op::kUnselect, Op::kValues,
                          Op::kLimit, Op::kDistinct, Op::kRecurse,  Op::kAggregate};
constexpr Op kScalars[] = {Op::kCount, Op::kSum, Op::kMean, Op::kMin, Op::kMax, Op::kFirst};

}  // namespace

std::string RandomQuery::Text() {
  static const char* const kTexts[] = {"",      "a",        "1",    "1.0",   "true",
                                       "null",  "-5",       "a,b",  "a&b|c", "(x)",
                                       ")(",    "$1",       "%41",  "re:x",  "2009-11-21T00:21:00Z",
                                       "a/b",   "é",        "日本", "it's",  "<b>",
                                       "=",     "string:x", "\"",   " ",     "\n",
                                       "~!@*?", "-a",       "+a",   "-",     "+"};
  if (Below(30) == 0) return std::string(1, '\0');
  return kTexts[Below(std::size(kTexts))];
}

Node RandomQuery::Literal() {
  switch (Below(9)) {
    case 0:
      return Node();
    case 1:
      return Node::Bool(Below(2));
    case 2:
      return Node::Num(Number(static_cast<int64_t>(Below(2000) - 1000)));
    case 3:
      return Node::Num(*Number::Parse(json_.Number()));
    case 4:
      return Node::Date(
          {static_cast<int64_t>(Below(2000000000)) - 1000000000, Below(2) ? Below(1000000000) : 0});
    case 5:
      return Node::Regex(Below(2) ? "^a.*b$" : "(x|y)[/]+é", Below(2));
    case 6:
      return Node::Param(1 + Below(999));
    default:
      return Node::Str(Text());
  }
}

Node RandomQuery::Value(int depth) {
  if (depth <= 0 || Below(4) != 0) return Literal();
  std::vector<Node> elements;
  for (int i = Below(4); i > 0; --i) elements.push_back(Value(depth - 1));
  return Node::Array(std::move(elements));
}

Node RandomQuery::PathNode() {
  std::vector<std::string> steps;
  for (int i = 1 + (Below(3) == 0) + (Below(6) == 0); i > 0; --i) {
    std::string s = Text();
    steps.push_back(s);
  }
  if (steps.size() > 1) {
    for (std::string& s : steps) {
      if (s.empty()) s = "e";
    }
  }
  return Node::PathNode(steps);
}

Node RandomQuery::Call(int depth) {
  if (Below(6) == 0) {  // unknown
    static const char* const kUnknown[] = {"foo", "bar_1", "x-y", "Eq"};
    std::vector<Node> args;
    for (int i = Below(4); i > 0; --i) {
      args.push_back(depth > 0 && Below(4) == 0 ? Call(depth - 1) : Value(2));
    }
    return Node::Call(kUnknown[Below(std::size(kUnknown))], std::move(args));
  }
  const auto all = AllOperators();
  const OperatorSpec& spec = all[Below(static_cast<int>(all.size()))];
  const int max = spec.max_args < 0 ? spec.min_args + 3 : spec.max_args;
  int count = spec.min_args + Below(max - spec.min_args + 1);
  if ((spec.op == Op::kAnd || spec.op == Op::kOr) && depth <= 0) count = 0;
  std::vector<Node> args;
  for (int i = 0; i < count; ++i) {
    const Place place = PlaceOf(&spec, i, count);
    switch (place) {
      case Place::kProperty:
      case Place::kAggregand:
        args.push_back(PathNode());
        break;
      case Place::kSortKey: {
        Node path = PathNode();
        // In front of several steps a sign alone would leave an empty name.
        args.push_back(path.is_string() || path.arg(0).text().size() > 1 ? path : Node::Str("-a"));
        break;
      }
      case Place::kText:
        args.push_back(Below(5) == 0 ? Node::Param(7) : Node::Str(Text()));
        break;
      case Place::kCondition:
        args.push_back(depth > 0 ? Call(depth - 1) : Literal());
        break;
      case Place::kValue:
      case Place::kOpen:
        args.push_back(depth > 0 && Below(6) == 0 ? Call(depth - 1) : Value(2));
        break;
    }
  }
  return Node::Call(spec.op, std::move(args));
}

Node RandomQuery::Tree() {
  std::vector<Node> terms;
  const bool any_of = Below(4) == 0;
  for (int i = any_of ? 2 + Below(3) : Below(5); i > 0; --i) terms.push_back(Call(3));
  return Node::Call(any_of ? Op::kOr : Op::kAnd, std::move(terms));
}

Node RandomQuery::Condition(int depth) {
  const auto path = [&] {
    std::vector<std::string> steps;
    for (int i = 1 + (Below(4) == 0); i > 0; --i) steps.push_back(kNames[Below(std::size(kNames))]);
    if (Below(10) == 0) steps.push_back("0");
    return Node::PathNode(steps);
  };
  const auto literal = [&]() -> Node {
    switch (Below(8)) {
      case 0:
        return Node();
      case 1:
        return Node::Bool(Below(2));
      case 2:
      case 3:
      case 4:
        return Node::Num(*Number::Parse(json_.Number()));
      default:
        return Node::Str(Document::FromTrusted(json_.String()).root().String());
    }
  };
  if (depth > 0 && Below(3) == 0) {
    switch (Below(4)) {
      case 0:
        return Node::Call(Op::kNot, {Condition(depth - 1)});
      case 1:
        return Node::Call(Op::kAnd, {Condition(depth - 1), Condition(depth - 1)});
      default:
        return Node::Call(Op::kOr, {Condition(depth - 1), Condition(depth - 1)});
    }
  }
  static constexpr Op kOps[] = {Op::kEq, Op::kNe, Op::kLt, Op::kLe, Op::kGt, Op::kGe};
  if (Below(8) == 0) {  // ids are narrowed by, and are in every part of a record
    const Node id = Node::PathNode({"id"});
    const auto some = [&] { return Node::Str((Below(2) ? "a" : "b") + std::to_string(Below(80))); };
    if (Below(3) == 0) return Node::Call(Op::kIn, {id, Node::Array({some(), some(), some()})});
    return Node::Call(kOps[Below(6)], {id, some()});
  }
  switch (Below(12)) {
    case 0:
      return Node::Call(Op::kIn, {path(), Node::Array({literal(), literal(), literal()})});
    case 1:
      return Node::Call(Op::kOut, {path(), Node::Array({literal(), literal()})});
    case 2:
      return Node::Call(Op::kBetween, {path(), Node::Array({literal(), literal()})});
    case 3:
      return Node::Call(Below(2) ? Op::kContains : Op::kExcludes, {path(), literal()});
    case 4:
      return Node::Call(Op::kContains, {path(), Node::Call(kOps[Below(6)], {literal()})});
    case 5:
      return Node::Call(Op::kMatch, {path(), Node::Regex(Below(2) ? "a" : "^b|é$", Below(2))});
    case 6:
      return Node::Call(Op::kPrefix, {path(), Node::Str(Below(2) ? "a" : "b")});
    case 7:
      return Node::Call(Op::kExists, {path()});
    case 8:
      return Node::Call(Op::kSize, {path(), Node::Num(Number(static_cast<int64_t>(Below(4))))});
    default:
      return Node::Call(kOps[Below(6)], {path(), literal()});
  }
}

Query RandomQuery::Answerable() {
  std::vector<Node> terms;
  for (int i = Below(4); i > 0; --i) terms.push_back(Condition());
  const auto name = [&] { return Node::Str(kNames[Below(std::size(kNames))]); };
  bool bare = false;
  for (int i = Below(4); i > 0; --i) {
    const Op op = kStages[Below(std::size(kStages))];
    if (bare && op != Op::kLimit && op != Op::kDistinct) continue;
    std::vector<Node> args;
    switch (op) {
      case Op::kSort:
        args.push_back(Node::Str((Below(2) ? "-" : "+") + name().text()));
        if (Below(2)) args.push_back(Node::Str(Below(2) ? "-id" : "id"));
        break;
      case Op::kLimit:
        args.push_back(Node::Num(Number(static_cast<int64_t>(Below(8)))));
        if (Below(2)) args.push_back(Node::Num(Number(static_cast<int64_t>(Below(4)))));
        break;
      case Op::kAggregate:
        args = {name(), Node::Call(Op::kCount, {}), Node::Call(Op::kSum, {Node::Str("price")}),
                Node::Call(Op::kMin, {name()})};
        break;
      case Op::kRecurse:
        if (Below(2)) args.push_back(name());
        break;
      case Op::kDistinct:
        if (Below(2) && !bare) args.push_back(name());
        break;
      case Op::kValues:
        bare = true;
        args.push_back(name());
        if (Below(3) == 0) args.push_back(name());
        break;
      default:
        args.push_back(name());
        if (Below(2)) args.push_back(name());
        break;
    }
    terms.push_back(Node::Call(op, std::move(args)));
    if (!bare && Below(4) == 0) terms.push_back(Condition(1));
  }
  if (Below(5) == 0) {
    const Op op = kScalars[Below(std::size(kScalars))];
    std::vector<Node> args;
    if (op != Op::kCount && op != Op::kFirst && !bare) args.push_back(name());
    terms.push_back(Node::Call(op, std::move(args)));
  }
  return Query::Bind(Node::Call(Op::kAnd, std::move(terms))).value();
}

}  // namespace strata::testing
