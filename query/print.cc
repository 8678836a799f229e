#include "query/print.h"

#include "query/literal.h"
#include "query/operator_table.h"

namespace strata {
namespace {

void Append(std::string* out, const Node& n, Place place);

void AppendName(std::string* out, const std::string& name) {
  if (name.empty()) out->append("string:");
  AppendPercentEncoded(out, name);
}

void AppendSortKey(std::string* out, const std::string& name) {
  // The sign stands as it is; what follows is a name.
  const bool sign = !name.empty() && (name[0] == '-' || name[0] == '+');
  if (sign) out->push_back(name[0]);
  AppendName(out, name.substr(sign));
}

bool IsPath(const Node& n) {
  if (n.kind() != Node::Kind::kArray || n.size() < 2) return false;
  for (const Node& step : n.args()) {
    if (!step.is_string() || step.text().empty()) return false;
  }
  return true;
}

void AppendList(std::string* out, const Node& n, Place place, char open, char close) {
  out->push_back(open);
  for (size_t i = 0; i < n.size(); ++i) {
    if (i > 0) out->push_back(',');
    Append(out, n.arg(i), place);
  }
  out->push_back(close);
}

void Append(std::string* out, const Node& n, Place place) {
  if (n.is_call()) {
    const OperatorSpec* spec = n.op() == Op::kOther ? nullptr : &SpecOf(n.op());
    out->append(n.name());
    out->push_back('(');
    for (size_t i = 0; i < n.size(); ++i) {
      if (i > 0) out->push_back(',');
      Append(out, n.arg(i), PlaceOf(spec, i, n.size()));
    }
    out->push_back(')');
    return;
  }
  switch (place) {
    case Place::kProperty:
    case Place::kAggregand:
    case Place::kSortKey: {
      const bool sort = place == Place::kSortKey;
      const auto step = [&](const Node& s, bool first) {
        if (sort && first) {
          AppendSortKey(out, s.text());
        } else {
          AppendName(out, s.text());
        }
      };
      if (n.is_string()) return step(n, true);
      if (IsPath(n) && !(sort && n.arg(0).text().size() == 1 &&
                         (n.arg(0).text() == "-" || n.arg(0).text() == "+"))) {
        for (size_t i = 0; i < n.size(); ++i) {
          if (i > 0) out->push_back('/');
          step(n.arg(i), i == 0);
        }
        return;
      }
      if (n.kind() == Node::Kind::kArray) return AppendList(out, n, Place::kProperty, '(', ')');
      break;
    }
    case Place::kText:
      if (n.is_string()) return AppendName(out, n.text());
      break;
    case Place::kValue:
    case Place::kCondition:
    case Place::kOpen:
      break;
  }
  if (n.kind() == Node::Kind::kArray) return AppendList(out, n, Place::kValue, '(', ')');
  AppendLiteral(out, n);
}

}  // namespace

std::string PrintNode(const Node& n) {
  std::string out;
  Append(&out, n, Place::kValue);
  return out;
}

std::string PrintQuery(const Node& root) {
  std::string out;
  const char join = root.is(Op::kOr) ? '|' : '&';
  for (size_t i = 0; i < root.size(); ++i) {
    if (i > 0) out.push_back(join);
    Append(&out, root.arg(i), Place::kCondition);
  }
  return out;
}

}  // namespace strata
