#include "store/index_bounds.h"

#include <algorithm>

#include "query/filter.h"

namespace strata {
namespace {

constexpr size_t kMaxRanges = 1024;

// One part's values, in its ascending encoding: from `from` up to, but not with, `end`.
struct Interval {
  std::string from;
  std::string end;
};

std::string After(const std::string& prefix) { return *AfterPrefix(prefix); }

Interval OfType(Type type) {
  const std::string byte(1, KeyTypeByte(type));
  return {byte, After(byte)};
}

// Whether eq with this literal means the equality of keys.
bool HasKey(const Node& literal) {
  switch (literal.kind()) {
    case Node::Kind::kNull:
    case Node::Kind::kBool:
    case Node::Kind::kNumber:
    case Node::Kind::kString:
    case Node::Kind::kArray:
      return true;
    case Node::Kind::kDate:
    case Node::Kind::kRegex:
    case Node::Kind::kParam:
    case Node::Kind::kCall:
      return false;
  }
  return false;
}

std::string KeyOf(const Node& literal) {
  std::string key;
  AppendKey(&key, LiteralDocument(literal).root());
  return key;
}

// Whether lt and its kin compare this literal by the order of keys.
bool IsOrdered(const Node& n) { return n.is_string() || n.kind() == Node::Kind::kNumber; }

std::optional<Interval> IntervalOf(const Node& n) {
  if (n.is(Op::kExists)) return Interval{OfType(Type::kNull).from, OfType(Type::kObject).end};
  const Node& v = n.arg(1);
  if (n.is(Op::kBetween)) {
    if (v.size() != 2 || !IsOrdered(v.arg(0)) || v.arg(0).kind() != v.arg(1).kind())
      return std::nullopt;
    return Interval{KeyOf(v.arg(0)), KeyOf(v.arg(1))};
  }
  if (n.is(Op::kPrefix)) {
    if (!v.is_string()) return std::nullopt;
    std::string from;
    AppendStringKey(&from, v.text());
    from.resize(from.size() - 2);  // without the end of the string
    std::string end = After(from);
    return Interval{std::move(from), std::move(end)};
  }
  if (!IsOrdered(v)) return std::nullopt;
  Interval all = OfType(v.is_string() ? Type::kString : Type::kNumber);
  switch (n.op()) {
    case Op::kLt:
      return Interval{all.from, KeyOf(v)};
    case Op::kLe:
      return Interval{all.from, After(KeyOf(v))};
    case Op::kGt:
      return Interval{After(KeyOf(v)), all.end};
    case Op::kGe:
      return Interval{KeyOf(v), all.end};
    default:
      return std::nullopt;
  }
}

// Whether a node in a property's place stands for the path.
bool IsPath(const Node& n, const Path& path) {
  if (n.is_string()) return path.size() == 1 && path.name(0) == n.text();
  if (n.size() != path.size()) return false;
  for (size_t i = 0; i < n.size(); ++i) {
    if (n.arg(i).text() != path.name(i)) return false;
  }
  return true;
}

// What the conditions say about one part.
struct PartBounds {
  std::optional<std::vector<std::string>> points;
  std::optional<Interval> interval;
};

class Bounder {
 public:
  Bounder(const IndexSpec& spec, const std::vector<Node>& conjuncts)
      : spec_(spec), conjuncts_(conjuncts) {
    b_.answered.resize(conjuncts.size());
    b_.used.resize(conjuncts.size());
  }

  IndexBounds Make() {
    if (spec_.multi) {
      MakeMulti();
    } else {
      MakePlain();
    }
    Normalize();
    return std::move(b_);
  }

 private:
  bool IsOn(const Node& n, const Path& path) const {
    const bool simple = n.is_call() && n.op() != Op::kAnd && n.op() != Op::kOr;
    const bool shaped = n.size() == 2 || (n.is(Op::kExists) && n.size() == 1);
    if (!simple || !shaped || n.is(Op::kRel) || n.is(Op::kFulltext)) return false;
    return IsPath(n.arg(0), path);
  }

  void Take(size_t i, bool exactly = true) {
    b_.answered[i] = exactly;
    b_.used[i] = true;
    b_.narrowed = true;
  }

  PartBounds BoundsOfPart(const IndexPart& part, size_t prefixes) {
    PartBounds out;
    std::optional<size_t> list;
    for (size_t i = 0; i < conjuncts_.size(); ++i) {
      const Node& n = conjuncts_[i];
      if (!IsOn(n, part.path)) continue;
      if (n.is(Op::kEq) && HasKey(n.arg(1))) {
        out.points = {{KeyOf(n.arg(1))}};
        Take(i);
        return out;
      }
      if (n.is(Op::kIn) && n.arg(1).kind() == Node::Kind::kArray &&
          n.arg(1).size() * prefixes <= kMaxRanges &&
          std::all_of(n.arg(1).args().begin(), n.arg(1).args().end(), HasKey)) {
        list = i;
      }
    }
    if (list) {
      out.points.emplace();
      for (const Node& e : conjuncts_[*list].arg(1).args()) out.points->push_back(KeyOf(e));
      Take(*list);
      return out;
    }
    for (size_t i = 0; i < conjuncts_.size(); ++i) {
      if (!IsOn(conjuncts_[i], part.path)) continue;
      std::optional<Interval> more = IntervalOf(conjuncts_[i]);
      if (!more) continue;
      Take(i);
      if (!out.interval) {
        out.interval = std::move(more);
      } else {
        out.interval->from = std::max(out.interval->from, more->from);
        out.interval->end = std::min(out.interval->end, more->end);
      }
    }
    return out;
  }

  // Turns an interval around when the part descends.
  static Interval Directed(Interval i, const IndexPart& part) {
    if (!part.descending()) return i;
    InvertKey(&i.from);
    InvertKey(&i.end);
    return {After(i.end), After(i.from)};
  }

  void MakePlain() {
    std::vector<std::string> prefixes = {""};
    size_t p = 0;
    for (; p < spec_.parts.size(); ++p) {
      const IndexPart& part = spec_.parts[p];
      PartBounds bounds = BoundsOfPart(part, prefixes.size());
      if (bounds.points) {
        if (bounds.points->size() == 1 && b_.equal_parts == p) ++b_.equal_parts;
        ++b_.point_parts;
        std::vector<std::string> longer;
        for (const std::string& prefix : prefixes) {
          for (std::string point : *bounds.points) {
            if (part.descending()) InvertKey(&point);
            longer.push_back(prefix + point);
          }
        }
        prefixes = std::move(longer);
        continue;
      }
      if (!bounds.interval) break;
      if (bounds.interval->from >= bounds.interval->end) return;  // nothing can match
      const Interval i = Directed(*std::move(bounds.interval), part);
      for (const std::string& prefix : prefixes)
        b_.ranges.push_back({prefix + i.from, prefix + i.end});
      return;
    }
    for (const std::string& prefix : prefixes) b_.ranges.push_back({prefix, AfterPrefix(prefix)});
    b_.one_key = b_.equal_parts == spec_.parts.size();
  }

  void MakeMulti() {
    const IndexPart& part = spec_.parts[0];
    const auto add = [&](char kind, Interval i) {
      i = Directed(std::move(i), part);
      b_.ranges.push_back({kind + i.from, kind + i.end});
    };
    for (size_t i = 0; i < conjuncts_.size(); ++i) {
      const Node& n = conjuncts_[i];
      if (!IsOn(n, part.path) || n.size() != 2 || !HasKey(n.arg(1))) continue;
      const Node& v = n.arg(1);
      const std::string key = KeyOf(v);
      if (n.is(Op::kContains)) {
        add(IndexSpec::kElement, {key, After(key)});
        // A text also contains its parts: those documents are asked one by one.
        if (v.is_string()) add(IndexSpec::kPlain, OfType(Type::kString));
        Take(i, !v.is_string());
        b_.one_key = !v.is_string();
        return;
      }
      if (n.is(Op::kEq) && v.kind() != Node::Kind::kArray) {
        add(IndexSpec::kPlain, {key, After(key)});
        Take(i);
        b_.one_key = true;
        return;
      }
    }
    b_.ranges.push_back({"", std::nullopt});
  }

  void Normalize() {
    auto& r = b_.ranges;
    std::erase_if(r, [](const KeyRange& k) { return k.end && k.from >= *k.end; });
    std::sort(r.begin(), r.end(),
              [](const KeyRange& a, const KeyRange& b) { return a.from < b.from; });
    // Points may repeat: in(a,(1,1.0)).
    r.erase(std::unique(r.begin(), r.end(),
                        [](const KeyRange& a, const KeyRange& b) { return a.from == b.from; }),
            r.end());
  }

  const IndexSpec& spec_;
  const std::vector<Node>& conjuncts_;
  IndexBounds b_;
};

bool IsEqualBound(const IndexSpec& spec, const IndexBounds& bounds, const Path& path) {
  for (size_t p = 0; p < bounds.equal_parts; ++p) {
    if (spec.parts[p].path == path) return true;
  }
  return false;
}

}  // namespace

IndexBounds BoundsOf(const IndexSpec& spec, const std::vector<Node>& conjuncts) {
  return Bounder(spec, conjuncts).Make();
}

IndexOrder OrderOf(const IndexSpec& spec, const IndexBounds& bounds,
                   const std::vector<SortKey>& keys) {
  if (spec.multi || (spec.sparse && !bounds.narrowed)) return IndexOrder::kNone;
  size_t p = bounds.equal_parts;
  IndexOrder order = IndexOrder::kNone;
  std::vector<const Path*> seen;
  for (const SortKey& k : keys) {
    if (IsEqualBound(spec, bounds, k.path)) continue;
    // A key that was there before decides nothing any more.
    if (std::any_of(seen.begin(), seen.end(), [&](const Path* s) { return *s == k.path; }))
      return IndexOrder::kNone;
    if (p == spec.parts.size() || !(spec.parts[p].path == k.path)) return IndexOrder::kNone;
    const IndexOrder wanted =
        spec.parts[p].descending() == k.descending ? IndexOrder::kForward : IndexOrder::kReverse;
    if (order != IndexOrder::kNone && order != wanted) return IndexOrder::kNone;
    order = wanted;
    seen.push_back(&k.path);
    ++p;
  }
  if (p != spec.parts.size()) return IndexOrder::kNone;
  return order == IndexOrder::kNone ? IndexOrder::kForward : order;
}

std::optional<std::string> IndexKeyOf(const IndexSpec& spec, const IndexBounds& bounds,
                                      const std::vector<SortKey>& keys, std::string_view sort_key) {
  if (bounds.ranges.empty()) return std::nullopt;
  // The parts with one value are the same in every key.
  std::string out;
  std::string_view first = bounds.ranges[0].from;
  for (size_t p = 0; p < bounds.equal_parts; ++p) {
    const size_t n = KeyLength(first, spec.parts[p].direction);
    if (n == 0) return std::nullopt;
    out += first.substr(0, n);
    first.remove_prefix(n);
  }
  size_t p = bounds.equal_parts;
  for (const SortKey& k : keys) {
    const size_t n =
        KeyLength(sort_key, k.descending ? SortDirection::kDescending : SortDirection::kAscending);
    if (n == 0) return std::nullopt;
    std::string part(sort_key.substr(0, n));
    sort_key.remove_prefix(n);
    if (IsEqualBound(spec, bounds, k.path)) continue;
    if (p == spec.parts.size()) return std::nullopt;
    if (spec.parts[p].descending() != k.descending) InvertKey(&part);
    out += part;
    ++p;
  }
  return out;
}

}  // namespace strata
