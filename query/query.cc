#include "query/query.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "query/literal.h"
#include "query/operator_table.h"
#include "query/print.h"

namespace strata {
namespace {

Node PathFromText(std::string_view path) {
  std::vector<std::string> steps;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    steps.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return Node::PathNode(steps);
}

std::string_view KindName(const Node& n) {
  switch (n.kind()) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kBool:
      return "a boolean";
    case Node::Kind::kNumber:
      return "a number";
    case Node::Kind::kString:
      return "a string";
    case Node::Kind::kDate:
      return "a date";
    case Node::Kind::kRegex:
      return "a regular expression";
    case Node::Kind::kParam:
      return "a parameter";
    case Node::Kind::kArray:
      return "a list";
    case Node::Kind::kCall:
      return "a call";
  }
  return "";
}

// Checks a tree against the operator table.
class Binder {
 public:
  explicit Binder(std::string_view text) : text_(text) {}

  Status Condition(const Node& n, bool item_allowed) {
    if (!n.is_call()) {
      if (n.is_string()) {
        std::string name;
        AppendPercentEncoded(&name, n.text());
        return Error(n, Concat("\"", name, "\" is no condition; write exists(", name,
                               ") to ask whether it is there"));
      }
      return Error(n, Concat("expected a condition, found ", KindName(n)));
    }
    RETURN_IF_ERROR(Known(n));
    const OperatorSpec& spec = SpecOf(n.op());
    if (spec.role != Role::kPredicate) {
      return Error(
          n, Concat(spec.name, "(…) is a stage; it stands only at the top level, joined by \"&\""));
    }
    RETURN_IF_ERROR(Arity(n, spec));
    switch (n.op()) {
      case Op::kAnd:
      case Op::kOr:
      case Op::kNot:
        for (const Node& a : n.args()) RETURN_IF_ERROR(Condition(a, item_allowed));
        return OkStatus();
      case Op::kExists:
        return PropertyArg(n, n.arg(0));
      case Op::kFulltext:
        if (n.size() == 2) RETURN_IF_ERROR(PropertyArg(n, n.arg(0)));
        return Text(n, n.arg(n.size() - 1));
      case Op::kRel:
        RETURN_IF_ERROR(PropertyArg(n, n.arg(0)));
        return Condition(n.arg(1), false);
      default:
        break;
    }
    if (n.size() == 1) {
      if (!item_allowed) {
        return Error(n, Concat(spec.name, " takes 2 arguments, found 1: ", spec.usage));
      }
    } else {
      RETURN_IF_ERROR(PropertyArg(n, n.arg(0)));
    }
    return Operand(n, n.arg(n.size() - 1));
  }

  Status Stage(const Node& n) {
    RETURN_IF_ERROR(Known(n));
    const OperatorSpec& spec = SpecOf(n.op());
    if (spec.role == Role::kNested)
      return Error(n, Concat(spec.name, "(…) stands only within aggregate(…)"));
    RETURN_IF_ERROR(Arity(n, spec));
    switch (n.op()) {
      case Op::kSort:
        for (const Node& a : n.args()) RETURN_IF_ERROR(PropertyArg(n, a));
        return OkStatus();
      case Op::kLimit:
        return Limit(n);
      case Op::kAfter:
        return Text(n, n.arg(0));
      case Op::kUsing:
        for (const Node& a : n.args()) {
          if (!a.is_string())
            return Error(n, Concat("using expects names of indexes, found ", KindName(a)));
        }
        return OkStatus();
      case Op::kAggregate: {
        StringSet names;
        for (const Node& a : n.args()) {
          RETURN_IF_ERROR(Aggregand(a));
          const std::string name = AggregateOutputName(a);
          if (!names.insert(name).second) {
            return Error(n, Concat("aggregate has two outputs named \"", name,
                                   "\"; name one of them with as(name,…)"));
          }
        }
        return OkStatus();
      }
      default:
        for (const Node& a : n.args()) RETURN_IF_ERROR(PropertyArg(n, a));
        return OkStatus();
    }
  }

  Status Error(const Node& at, std::string_view message) {
    if (text_.empty())
      return InvalidArgument(Concat(message, " (in ", PrintNode(at).substr(0, 100), ")"));
    return ErrorAt(text_, at.offset(), message);
  }

 private:
  Status Known(const Node& n) {
    if (n.op() != Op::kOther) return OkStatus();
    const std::string_view near = NearestOperator(n.name());
    return Error(n, near.empty() ? Concat("unknown operator \"", n.name(), "\"")
                                 : Concat("unknown operator \"", n.name(), "\"; did you mean \"",
                                          near, "\"?"));
  }

  Status Arity(const Node& n, const OperatorSpec& spec) {
    const int found = static_cast<int>(n.size());
    if (found >= spec.min_args && (spec.max_args < 0 || found <= spec.max_args)) return OkStatus();
    std::string want = std::to_string(spec.min_args);
    if (spec.max_args < 0) {
      want += " or more";
    } else if (spec.max_args != spec.min_args) {
      want = (spec.role == Role::kPredicate && spec.max_args == 2)
                 ? "2"
                 : want + " to " + std::to_string(spec.max_args);
    }
    return Error(n, Concat(spec.name, " takes ", want, want == "1" ? " argument" : " arguments",
                           ", found ", std::to_string(found), ": ", spec.usage));
  }

  Status PropertyArg(const Node& call, const Node& a) {
    bool good = a.is_string();
    if (a.kind() == Node::Kind::kArray && a.size() > 0) {
      good = true;
      for (const Node& s : a.args()) good = good && s.is_string();
    }
    if (good) return OkStatus();
    return Error(call, Concat(call.name(), " expects a property, found ", KindName(a)));
  }

  Status Text(const Node& call, const Node& a) {
    if (a.is_string() || a.kind() == Node::Kind::kParam) return OkStatus();
    return Error(call, Concat(call.name(), " expects a text, found ", KindName(a)));
  }

  // A literal, a parameter, or a list of them; no calls.
  Status PlainValue(const Node& call, const Node& v) {
    if (v.is_call())
      return Error(v, Concat(call.name(), " expects a value, found ", v.name(), "(…)"));
    for (const Node& e : v.args()) RETURN_IF_ERROR(PlainValue(call, e));
    return OkStatus();
  }

  Status Operand(const Node& n, const Node& v) {
    const bool param = v.kind() == Node::Kind::kParam;
    const bool list = v.kind() == Node::Kind::kArray;
    switch (n.op()) {
      case Op::kIn:
      case Op::kOut:
        if (!list && !param)
          return Error(n, Concat(n.name(), " expects a list such as (a,b), found ", KindName(v)));
        break;
      case Op::kBetween:
        if (!param && (!list || v.size() != 2)) {
          return Error(n, "between expects a list of two values: between(p,(lo,hi))");
        }
        break;
      case Op::kContains:
      case Op::kExcludes:
        if (v.is_call()) return Condition(v, true);
        break;
      case Op::kMatch:
        if (v.is_string()) {
          ASSIGN_OR_RETURN(const Node checked, ParseLiteral("RE:" + Encoded(v.text())));
          (void)checked;
        } else if (!param && v.kind() != Node::Kind::kRegex) {
          return Error(n, Concat("match expects a regular expression, found ", KindName(v)));
        }
        break;
      case Op::kPrefix:
        return Text(n, v);
      case Op::kSize:
        if (!param && (v.kind() != Node::Kind::kNumber || !v.number().is_int() ||
                       v.number().int_value() < 0)) {
          return Error(n,
                       Concat("size expects a whole number, found ", PrintNode(v).substr(0, 40)));
        }
        break;
      case Op::kLt:
      case Op::kLe:
      case Op::kGt:
      case Op::kGe:
        if (v.kind() == Node::Kind::kRegex)
          return Error(n, Concat(n.name(), " cannot compare with a regular expression"));
        break;
      default:
        break;
    }
    return PlainValue(n, v);
  }

  static std::string Encoded(std::string_view s) {
    std::string out;
    AppendPercentEncoded(&out, s);
    return out;
  }

  Status Limit(const Node& n) {
    for (size_t i = 0; i < n.size(); ++i) {
      const Node& a = n.arg(i);
      if (a.kind() == Node::Kind::kParam) continue;
      if (i != 1 && a.is_string() && a.text() == "Infinity") continue;
      if (a.kind() != Node::Kind::kNumber || !a.number().is_int() || a.number().int_value() < 0) {
        return Error(n, Concat("limit expects whole numbers from 0, found ",
                               PrintNode(a).substr(0, 40), ": ", SpecOf(Op::kLimit).usage));
      }
    }
    return OkStatus();
  }

  Status Aggregand(const Node& a) {
    if (!a.is_call()) return PropertyArg(Node::Call(Op::kAggregate, {}), a);
    RETURN_IF_ERROR(Known(a));
    const OperatorSpec& spec = SpecOf(a.op());
    if (a.is(Op::kAs)) {
      RETURN_IF_ERROR(Arity(a, spec));
      if (!a.arg(0).is_string()) return Error(a, "as expects a name: as(name,f(q))");
      if (a.arg(1).is(Op::kAs)) return Error(a, "as expects a function: as(name,f(q))");
      return Aggregand(a.arg(1));
    }
    if (spec.role != Role::kScalar || a.is(Op::kOne)) {
      return Error(
          a, Concat(a.name(),
                    "(…) is no function for aggregate; they are count sum mean min max first"));
    }
    if (a.is(Op::kFirst) && a.size() == 1) return PropertyArg(a, a.arg(0));
    if (!a.is(Op::kCount) && !a.is(Op::kFirst) && a.size() != 1) {
      return Error(a, Concat(a.name(), " takes 1 argument within aggregate, found ",
                             std::to_string(a.size())));
    }
    if (a.is(Op::kFirst)) return Error(a, "first takes 1 argument within aggregate: first(p)");
    RETURN_IF_ERROR(Arity(a, spec));
    for (const Node& p : a.args()) RETURN_IF_ERROR(PropertyArg(a, p));
    return OkStatus();
  }

  std::string_view text_;
};

bool IsPredicate(const Node& n) {
  return !n.is_call() || n.op() == Op::kOther || SpecOf(n.op()).role == Role::kPredicate;
}

int MaxParam(const Node& n) {
  int max = n.kind() == Node::Kind::kParam ? n.param() : 0;
  for (const Node& a : n.args()) max = std::max(max, MaxParam(a));
  return max;
}

StatusOr<Node> Substitute(const Node& n, std::span<const Node> values) {
  if (n.kind() == Node::Kind::kParam) {
    if (n.param() > static_cast<int>(values.size())) {
      return InvalidArgument(Concat("the parameter $", std::to_string(n.param()), " is not bound; ",
                                    std::to_string(values.size()), " values were given"));
    }
    return values[n.param() - 1];
  }
  if (MaxParam(n) == 0) return n;
  std::vector<Node> args;
  for (const Node& a : n.args()) {
    ASSIGN_OR_RETURN(Node bound, Substitute(a, values));
    args.push_back(std::move(bound));
  }
  if (!n.is_call()) return Node::Array(std::move(args));
  return n.op() == Op::kOther ? Node::Call(n.name(), std::move(args))
                              : Node::Call(n.op(), std::move(args));
}

// Flattens the top level's ands into a list.
void Flatten(const Node& n, std::vector<Node>* out) {
  if (n.is(Op::kAnd)) {
    for (const Node& a : n.args()) Flatten(a, out);
  } else {
    out->push_back(n);
  }
}

}  // namespace

Condition operator&&(const Condition& a, const Condition& b) {
  return Condition(Node::Call(Op::kAnd, {a.node(), b.node()}));
}
Condition operator||(const Condition& a, const Condition& b) {
  return Condition(Node::Call(Op::kOr, {a.node(), b.node()}));
}
Condition operator!(const Condition& a) { return Condition(Node::Call(Op::kNot, {a.node()})); }

Condition Compare(Op op, std::string_view path, Node value) {
  return Condition(Node::Call(op, {PathFromText(path), std::move(value)}));
}
Condition Exists(std::string_view path) {
  return Condition(Node::Call(Op::kExists, {PathFromText(path)}));
}
Condition Match(std::string_view path, std::string_view pattern, bool ignore_case) {
  return Compare(Op::kMatch, path, Node::Regex(std::string(pattern), ignore_case));
}

StatusOr<Query> Query::Parse(std::string_view text, const ParseLimits& limits) {
  ASSIGN_OR_RETURN(const Node root, ParseQuery(text, limits));
  return Bind(root, text);
}

StatusOr<Query> Query::Bind(const Node& root, std::string_view text) {
  std::vector<Node> terms;
  Flatten(root, &terms);
  Binder binder(text);
  Query q;
  bool items = false;  // rows may be bare values
  std::optional<Node> hint;
  const Node* scalar = nullptr;
  for (Node& t : terms) {
    if (t.is(Op::kUsing)) {
      RETURN_IF_ERROR(binder.Stage(t));
      if (hint) return binder.Error(t, "using(…) may stand once in a query");
      hint = t;
      continue;
    }
    if (scalar != nullptr) {
      return binder.Error(t, Concat("nothing may follow ", scalar->name(),
                                    "(…), which ends the query in one value"));
    }
    if (IsPredicate(t)) {
      RETURN_IF_ERROR(binder.Condition(t, items));
      (q.stages_.empty() ? q.conjuncts_ : q.stages_).push_back(t);
      continue;
    }
    RETURN_IF_ERROR(binder.Stage(t));
    if (t.is(Op::kValues)) items = true;
    if (t.is(Op::kAggregate)) items = false;
    if (SpecOf(t.op()).role == Role::kScalar) scalar = &t;
    q.stages_.push_back(t);
  }
  // A hint changes no row, so its place means nothing; it stands first.
  if (hint) q.stages_.insert(q.stages_.begin(), *std::move(hint));
  return q;
}

Query Query::Of(std::vector<Node> conjuncts, std::vector<Node> stages) {
  Query q;
  q.conjuncts_ = std::move(conjuncts);
  q.stages_ = std::move(stages);
  return q;
}

bool Query::is_scalar() const {
  return !stages_.empty() && stages_.back().is_call() &&
         SpecOf(stages_.back().op()).role == Role::kScalar;
}

int Query::param_count() const {
  int max = 0;
  for (const Node& n : conjuncts_) max = std::max(max, MaxParam(n));
  for (const Node& n : stages_) max = std::max(max, MaxParam(n));
  return max;
}

Node Query::ToAst() const {
  std::vector<Node> all = conjuncts_;
  all.insert(all.end(), stages_.begin(), stages_.end());
  return Node::Call(Op::kAnd, std::move(all));
}

std::string Query::ToString() const { return PrintQuery(ToAst()); }

Query Query::Where(const Condition& c) const {
  Query q = *this;
  Flatten(c.node(), q.stages_.empty() ? &q.conjuncts_ : &q.stages_);
  return q;
}

Query Query::Then(Node stage) const {
  Query q = *this;
  q.stages_.push_back(std::move(stage));
  return q;
}

Query Query::Sort(std::string_view key) const {
  return Then(Node::Call(Op::kSort, {PathFromText(key)}));
}

Query Query::Select(std::initializer_list<std::string_view> paths) const {
  std::vector<Node> args;
  for (std::string_view p : paths) args.push_back(PathFromText(p));
  return Then(Node::Call(Op::kSelect, std::move(args)));
}

Query Query::Limit(uint64_t count, uint64_t start) const {
  std::vector<Node> args = {Lit(count)};
  if (start > 0) args.push_back(Lit(start));
  return Then(Node::Call(Op::kLimit, std::move(args)));
}

StatusOr<Query> BindParameters(const Query& q, std::span<const Node> values) {
  if (q.param_count() == 0) return q;
  std::vector<Node> all;
  for (const auto* list : {&q.conjuncts(), &q.stages()}) {
    for (const Node& n : *list) {
      ASSIGN_OR_RETURN(Node bound, Substitute(n, values));
      all.push_back(std::move(bound));
    }
  }
  // A value of the wrong type for its place is an error of the caller's values, found by binding
  // again.
  return Query::Bind(Node::Call(Op::kAnd, std::move(all)));
}

void CollectPaths(const Node& n, std::vector<Path>* paths, bool* everything) {
  if (!n.is_call()) return;
  switch (n.op()) {
    case Op::kAnd:
    case Op::kOr:
    case Op::kNot:
      for (const Node& a : n.args()) CollectPaths(a, paths, everything);
      return;
    case Op::kSort:
      for (const Node& a : n.args()) paths->push_back(SortKeyOf(a).path);
      return;
    case Op::kSelect:
    case Op::kValues:
    case Op::kSum:
    case Op::kMean:
    case Op::kMin:
    case Op::kMax:
      for (const Node& a : n.args()) paths->push_back(PathOf(a));
      if (n.size() == 0) *everything = true;
      return;
    case Op::kCount:
    case Op::kLimit:
    case Op::kUsing:
      return;
    case Op::kAggregate:
      for (const Node& a : n.args()) {
        const Node& f = a.is(Op::kAs) ? a.arg(1) : a;
        if (!f.is_call()) {
          paths->push_back(PathOf(f));
        } else if (f.size() > 0) {
          paths->push_back(PathOf(f.arg(0)));
        }
      }
      return;
    case Op::kFulltext:
      *everything = true;
      return;
    default:
      break;
  }
  const OperatorSpec* spec = n.op() == Op::kOther ? nullptr : &SpecOf(n.op());
  if (spec != nullptr && spec->role == Role::kPredicate && (n.size() == 2 || n.is(Op::kExists))) {
    paths->push_back(PathOf(n.arg(0)));
  } else {
    *everything = true;
  }
}

std::optional<std::vector<Path>> PathsRead(const Query& query) {
  std::vector<Path> paths;
  bool everything = false;
  for (const Node& n : query.conjuncts()) CollectPaths(n, &paths, &everything);
  for (const Node& n : query.stages()) {
    if (n.is(Op::kDistinct) && n.size() > 0) {
      for (const Node& a : n.args()) paths.push_back(PathOf(a));
      continue;
    }
    const bool makes_rows = n.is(Op::kSelect) || n.is(Op::kValues) || n.is(Op::kAggregate) ||
                            n.is(Op::kCount) || n.is(Op::kSum) || n.is(Op::kMean) ||
                            n.is(Op::kMin) || n.is(Op::kMax);
    CollectPaths(n, &paths, &everything);
    if (everything) return std::nullopt;
    if (makes_rows) return paths;
  }
  return std::nullopt;
}

SortKey SortKeyOf(const Node& n) {
  std::vector<std::string> steps;
  if (n.is_string()) {
    steps.push_back(n.text());
  } else {
    for (const Node& s : n.args()) steps.push_back(s.text());
  }
  SortKey key;
  if (!steps[0].empty() && (steps[0][0] == '-' || steps[0][0] == '+')) {
    key.descending = steps[0][0] == '-';
    steps[0].erase(0, 1);
  }
  key.path = Path(std::move(steps));
  return key;
}

std::string AggregateOutputName(const Node& n) {
  if (n.is(Op::kAs)) return n.arg(0).text();
  return n.is_call() ? PrintNode(n) : PathOf(n).ToString();
}

LimitSpec LimitOf(const Node& n) {
  LimitSpec spec;
  const Node& count = n.arg(0);
  spec.count = count.is_string() ? std::numeric_limits<uint64_t>::max()
                                 : static_cast<uint64_t>(count.number().int_value());
  if (n.size() > 1) spec.start = static_cast<uint64_t>(n.arg(1).number().int_value());
  return spec;
}

}  // namespace strata
