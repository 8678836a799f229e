#include "tests/support/model.h"

#include <re2/re2.h>

#include <algorithm>
#include <functional>
#include <set>

#include "core/exact_sum.h"
#include "core/instant.h"
#include "core/json_print.h"
#include "core/json_text.h"
#include "core/value_order.h"
#include "query/print.h"

namespace strata::testing {
namespace {

using Kind = Node::Kind;

Value Step(Value from, const std::string& name) {
  if (from.is_object()) return from.Find(name);
  if (from.is_array()) {
    for (uint32_t i = 0; i < from.size(); ++i) {
      if (std::to_string(i) == name) return from.At(i);
    }
  }
  return {};
}

Value Reach(Value from, const Node& path) {
  if (path.is_string()) return Step(from, path.text());
  for (const Node& s : path.args()) from = Step(from, s.text());
  return from;
}

// A literal as a document; regexes have none.
Document AsDocument(const Node& literal) { return Document::Parse(AstToJson(literal)).value(); }

bool FoundBy(const Node& regex, Value v) {
  RE2::Options o(RE2::Quiet);
  o.set_case_sensitive(regex.is_string() || !regex.ignore_case());
  return v.is_string() && RE2::PartialMatch(v.String(), RE2(regex.text(), o));
}

bool Equal(Value v, const Node& literal) {
  if (!v.exists()) return false;
  if (literal.kind() == Kind::kRegex) return FoundBy(literal, v);
  if (literal.kind() == Kind::kDate) {
    const auto i = v.is_string() ? ParseRfc3339(v.String()) : std::nullopt;
    return i && *i == literal.date();
  }
  return SameValue(v, AsDocument(literal).root());
}

// -1, 0, 1 within one type; 2 across types.
int Order(Value v, const Node& literal) {
  if (literal.kind() == Kind::kDate) {
    const auto i = v.is_string() ? ParseRfc3339(v.String()) : std::nullopt;
    return !i ? 2 : *i < literal.date() ? -1 : *i > literal.date() ? 1 : 0;
  }
  const Document d = AsDocument(literal);
  const auto group = [](Type t) { return t == Type::kFalse ? Type::kTrue : t; };
  if (group(v.type()) != group(d.root().type())) return 2;
  const auto c = CompareValues(v, d.root());
  return c < 0 ? -1 : c > 0 ? 1 : 0;
}

bool Contained(Value v, const Node& what) {
  if (v.is_array()) {
    for (uint32_t i = 0; i < v.size(); ++i) {
      if (what.is_call() ? ModelMatches(what, v.At(i)) : Equal(v.At(i), what)) return true;
    }
    return false;
  }
  if (!v.is_string()) return false;
  if (what.kind() == Kind::kRegex) return FoundBy(what, v);
  return what.is_string() && v.String().find(what.text()) != std::string::npos;
}

// The text of an object made of names and values, without those that are missing.
std::string ObjectText(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string out = "{";
  for (const auto& [name, text] : members) {
    if (text.empty()) continue;
    if (out.size() > 1) out += ',';
    out += JsonString(name) + ":" + text;
  }
  return out + "}";
}

std::string Function(const Node& f, const std::vector<Document>& rows) {
  std::vector<Value> values;
  for (const Document& d : rows) {
    const Value v = f.size() == 0 ? d.root() : Reach(d.root(), f.arg(0));
    if (v.exists()) values.push_back(v);
  }
  switch (f.op()) {
    case Op::kCount:
      return std::to_string(rows.size());
    case Op::kFirst:
      return values.empty() ? "null" : std::string(values[0].text());
    case Op::kMin:
    case Op::kMax: {
      if (values.empty()) return "null";
      Value best = values[0];
      for (Value v : values) {
        const auto c = CompareValues(v, best);
        if (f.is(Op::kMin) ? c < 0 : c > 0) best = v;
      }
      return std::string(best.text());
    }
    default:
      break;
  }
  ExactSum sum;
  double n = 0;
  for (Value v : values) {
    if (!v.is_number()) continue;
    sum.Add(v.number());
    ++n;
  }
  if (f.is(Op::kSum)) return sum.Total().ToString();
  return n == 0 ? "null" : Number(sum.Total().ToDouble() / n).ToString();
}

std::string Name(const Node& path) {
  if (path.is_string()) return path.text();
  std::string out;
  for (const Node& s : path.args()) out += (out.empty() ? "" : "/") + s.text();
  return out;
}

void Nested(Value v, const Node* path, std::vector<Document>* out);
void Emit(Value v, const Node* path, std::vector<Document>* out) {
  if (v.is_array()) {
    for (uint32_t i = 0; i < v.size(); ++i) Emit(v.At(i), path, out);
  }
  if (v.is_object()) {
    out->push_back(Document::FromTrusted(v.text()));
    Nested(v, path, out);
  }
}
void Nested(Value v, const Node* path, std::vector<Document>* out) {
  if (path != nullptr) return Emit(Reach(v, *path), path, out);
  for (uint32_t i = 0; i < v.size(); ++i) Emit(v.At(i), nullptr, out);
}

// What is left of `v` at the given paths (each a list of names); "" for nothing.
std::string Keep(Value v, const std::vector<std::vector<std::string>>& paths) {
  for (const auto& p : paths) {
    if (p.empty()) return std::string(v.text());
  }
  std::vector<std::pair<std::string, std::string>> members;
  std::set<std::string> done;
  for (const auto& p : paths) {
    if (!done.insert(p[0]).second) continue;
    std::vector<std::vector<std::string>> below;
    for (const auto& q : paths) {
      if (q[0] == p[0]) below.emplace_back(q.begin() + 1, q.end());
    }
    const Value next = Step(v, p[0]);
    members.emplace_back(p[0], next.exists() ? Keep(next, below) : "");
  }
  const std::string text = ObjectText(members);
  return text == "{}" ? "" : text;
}

std::vector<std::string> Names(const Node& path) {
  if (path.is_string()) return {path.text()};
  std::vector<std::string> out;
  for (const Node& s : path.args()) out.push_back(s.text());
  return out;
}

// Ties go by the id's text, bytewise, as a store's documents do.
std::string IdText(const Document& d) {
  const Value id = d.Find("id");
  return id.is_string() ? id.String() : std::string(id.text());
}

void Sort(const Node& stage, std::vector<Document>* rows) {
  std::stable_sort(rows->begin(), rows->end(), [&](const Document& a, const Document& b) {
    for (const Node& k : stage.args()) {
      std::vector<std::string> names = Names(k);
      const bool down = names[0][0] == '-';
      if (names[0][0] == '-' || names[0][0] == '+') names[0].erase(0, 1);
      const Node path = Node::PathNode(names);
      const auto c = CompareValues(Reach(a.root(), path), Reach(b.root(), path));
      if (c != 0) return down ? c > 0 : c < 0;
    }
    return IdText(a) < IdText(b);
  });
}

std::vector<Document> Stage(const Node& stage, std::vector<Document> rows) {
  std::vector<Document> out;
  switch (stage.op()) {
    case Op::kSort:
      Sort(stage, &rows);
      return rows;
    case Op::kLimit: {
      const uint64_t count = static_cast<uint64_t>(stage.arg(0).number().int_value());
      const uint64_t start =
          stage.size() > 1 ? static_cast<uint64_t>(stage.arg(1).number().int_value()) : 0;
      for (uint64_t i = start; i < rows.size() && i < start + count; ++i) out.push_back(rows[i]);
      return out;
    }
    case Op::kSelect:
      for (const Document& d : rows) {
        std::vector<std::vector<std::string>> paths;
        for (const Node& p : stage.args()) paths.push_back(Names(p));
        const std::string text = Keep(d.root(), paths);
        out.push_back(Document::FromTrusted(text.empty() ? "{}" : text));
      }
      return out;
    case Op::kUnselect:  // the random queries name whole members only
      for (const Document& d : rows) {
        std::string text = "{", scratch;
        for (MemberIterator m(d.root()); !m.done(); m.Next()) {
          bool drop = false;
          for (const Node& p : stage.args()) drop = drop || p.text() == m.name(&scratch);
          if (drop) continue;
          text += (text.size() > 1 ? "," : "") + std::string(m.raw_name()) + ":" +
                  std::string(m.value().text());
        }
        out.push_back(Document::FromTrusted(text + "}"));
      }
      return out;
    case Op::kValues:
      for (const Document& d : rows) {
        std::string text;
        for (const Node& p : stage.args()) {
          const Value v = Reach(d.root(), p);
          text += (text.empty() ? "" : ",") + (v.exists() ? std::string(v.text()) : "null");
        }
        out.push_back(Document::FromTrusted(stage.size() == 1 ? text : "[" + text + "]"));
      }
      return out;
    case Op::kDistinct: {
      const auto same = [&](const Document& a, const Document& b) {
        if (stage.size() == 0) return SameValue(a.root(), b.root());
        for (const Node& p : stage.args()) {
          if (!SameValue(Reach(a.root(), p), Reach(b.root(), p))) return false;
        }
        return true;
      };
      for (const Document& d : rows) {
        if (std::none_of(out.begin(), out.end(), [&](const Document& o) { return same(o, d); }))
          out.push_back(d);
      }
      return out;
    }
    case Op::kRecurse:
      for (const Document& d : rows) {
        out.push_back(d);
        Nested(d.root(), stage.size() == 1 ? &stage.arg(0) : nullptr, &out);
      }
      return out;
    case Op::kAggregate: {
      std::vector<std::vector<Document>> groups;
      for (const Document& d : rows) {
        const auto same = [&](const std::vector<Document>& g) {
          for (const Node& a : stage.args()) {
            if (!a.is_call() && !SameValue(Reach(d.root(), a), Reach(g[0].root(), a))) return false;
          }
          return true;
        };
        const auto it = std::find_if(groups.begin(), groups.end(), same);
        if (it == groups.end()) {
          groups.push_back({d});
        } else {
          it->push_back(d);
        }
      }
      for (const auto& g : groups) {
        std::vector<std::pair<std::string, std::string>> members;
        for (const Node& a : stage.args()) {
          if (a.is_call()) {
            members.emplace_back(PrintNode(a), Function(a, g));
          } else {
            members.emplace_back(Name(a), std::string(Reach(g[0].root(), a).text()));
          }
        }
        out.push_back(Document::FromTrusted(ObjectText(members)));
      }
      return out;
    }
    case Op::kCount:
    case Op::kSum:
    case Op::kMean:
    case Op::kMin:
    case Op::kMax:
    case Op::kFirst:
      return {Document::FromTrusted(Function(stage, rows))};
    default:
      for (const Document& d : rows) {
        if (ModelMatches(stage, d.root())) out.push_back(d);
      }
      return out;
  }
}

}  // namespace

bool ModelMatches(const Node& c, Value row) {
  switch (c.op()) {
    case Op::kAnd:
      return std::all_of(c.args().begin(), c.args().end(),
                         [&](const Node& a) { return ModelMatches(a, row); });
    case Op::kOr:
      return std::any_of(c.args().begin(), c.args().end(),
                         [&](const Node& a) { return ModelMatches(a, row); });
    case Op::kNot:
      return !ModelMatches(c.arg(0), row);
    default:
      break;
  }
  const bool item = c.size() == 1 && !c.is(Op::kExists);
  const Value v = item ? row : Reach(row, c.arg(0));
  const Node& literal = c.arg(c.size() - 1);
  const auto any_equal = [&] {
    return std::any_of(literal.args().begin(), literal.args().end(),
                       [&](const Node& l) { return Equal(v, l); });
  };
  switch (c.op()) {
    case Op::kEq:
      return Equal(v, literal);
    case Op::kNe:
      return !Equal(v, literal);
    case Op::kLt:
      return Order(v, literal) == -1;
    case Op::kLe:
      return Order(v, literal) == -1 || Order(v, literal) == 0;
    case Op::kGt:
      return Order(v, literal) == 1;
    case Op::kGe:
      return Order(v, literal) == 1 || Order(v, literal) == 0;
    case Op::kIn:
      return any_equal();
    case Op::kOut:
      return !any_equal();
    case Op::kBetween:
      return (Order(v, literal.arg(0)) == 1 || Order(v, literal.arg(0)) == 0) &&
             Order(v, literal.arg(1)) == -1;
    case Op::kContains:
      return Contained(v, literal);
    case Op::kExcludes:
      return !Contained(v, literal);
    case Op::kMatch:
      return FoundBy(literal, v);
    case Op::kPrefix:
      return v.is_string() && v.String().substr(0, literal.text().size()) == literal.text();
    case Op::kExists:
      return v.exists();
    case Op::kSize: {
      const int64_t n = literal.number().int_value();
      if (v.is_string()) return static_cast<int64_t>(Utf8Length(v.String())) == n;
      return (v.is_array() || v.is_object()) && v.size() == n;
    }
    default:
      return false;
  }
}

std::vector<std::string> ModelAnswer(const std::map<std::string, Document>& documents,
                                     const Query& query) {
  std::vector<Document> rows;
  for (const auto& [id, d] : documents) {
    bool all = true;
    for (const Node& c : query.conjuncts()) all = all && ModelMatches(c, d.root());
    if (all) rows.push_back(d);
  }
  for (const Node& s : query.stages()) rows = Stage(s, std::move(rows));
  std::vector<std::string> out;
  for (const Document& d : rows) out.emplace_back(d.text());
  return out;
}

}  // namespace strata::testing
