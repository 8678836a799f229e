#include "wrappers/fulltext/text_parts.h"

#include <algorithm>
#include <utility>

#include "query/operator_table.h"
#include "store/record.h"

namespace strata::fulltext {
namespace {

constexpr size_t kMaxTextConditions = 16;

TextCondition ConditionOf(const Node& n) {
  if (n.size() == 1) return {"", n.arg(0).text()};
  return {PathOf(n.arg(0)).ToString(), n.arg(1).text()};
}

void FindNested(const Node& n, bool positive, TextParts* parts) {
  if (n.is(Op::kFulltext)) {
    parts->nested.push_back(ConditionOf(n));
    if (positive) parts->positive.push_back(parts->nested.back());
    return;
  }
  for (const Node& a : n.args()) FindNested(a, positive != n.is(Op::kNot), parts);
}

}  // namespace

bool HasText(const Node& n) {
  if (n.is(Op::kFulltext)) return true;
  return std::any_of(n.args().begin(), n.args().end(), [](const Node& a) { return HasText(a); });
}

bool HasText(const Query& query) {
  return std::any_of(query.conjuncts().begin(), query.conjuncts().end(),
                     [](const Node& c) { return HasText(c); });
}

StatusOr<TextParts> PartsOf(const std::vector<Node>& conjuncts) {
  TextParts parts;
  for (const Node& c : conjuncts) {
    if (c.is(Op::kFulltext)) {
      parts.all.push_back(ConditionOf(c));
      continue;
    }
    parts.others.push_back(c);
    if (HasText(c)) {
      FindNested(c, true, &parts);
    } else {
      parts.plain.push_back(c);
    }
  }
  if (parts.all.size() + parts.nested.size() > kMaxTextConditions) {
    return InvalidArgument(
        Concat("a query takes at most ", std::to_string(kMaxTextConditions), " fulltext(…)"));
  }
  return parts;
}

Uses UsesOf(const std::vector<Node>& stages) {
  Uses uses;
  for (const Node& s : stages) {
    std::vector<Path> paths;
    bool everything = false;
    CollectPaths(s, &paths, &everything);
    for (const Path& p : paths) {
      if (p.empty()) continue;
      uses.score = uses.score || p.name(0) == kScore;
      uses.snippet = uses.snippet || p.name(0) == kSnippet;
    }
  }
  return uses;
}

bool SortsByScore(const Node& stage) {
  if (!stage.is(Op::kSort) || stage.size() != 1) return false;
  const SortKey key = SortKeyOf(stage.arg(0));
  return key.descending && key.path.size() == 1 && key.path.name(0) == kScore;
}

Node ReplaceText(const Node& n, const std::vector<TextCondition>& conditions,
                 const std::vector<Node>& ids) {
  if (n.is(Op::kFulltext)) {
    const auto it = std::find(conditions.begin(), conditions.end(), ConditionOf(n));
    return Node::Call(Op::kIn, {Node::PathNode({std::string(kIdProperty)}),
                                ids[static_cast<size_t>(it - conditions.begin())]});
  }
  if (!HasText(n)) return n;
  std::vector<Node> args;
  for (const Node& a : n.args()) args.push_back(ReplaceText(a, conditions, ids));
  return Node::Call(n.op(), std::move(args));
}

Node IdList(const std::vector<TextHit>& hits) {
  std::vector<Node> ids;
  ids.reserve(hits.size());
  for (const TextHit& h : hits) {
    if (h.number) {
      ids.push_back(Node::Num(Document::FromTrusted(h.id).root().number()));
    } else {
      ids.push_back(Node::Str(h.id));
    }
  }
  return Node::Array(std::move(ids));
}

}  // namespace strata::fulltext
