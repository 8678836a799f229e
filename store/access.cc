#include "store/access.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/json_text.h"
#include "query/operator_table.h"

namespace strata {
namespace {

constexpr double kSortRow = 0.25;     // microseconds to make a row's sort key and keep it
constexpr double kCompare = 0.02;     // of one comparison in a sort
constexpr size_t kMaxOthers = 12;     // shown by explain
constexpr double kReverseFactor = 3;  // a backward pass seeks twice for each key

using Kind = AccessPath::Kind;

double SortCost(double rows, std::optional<uint64_t> wanted) {
  const double kept = wanted ? std::min(rows, static_cast<double>(*wanted)) : rows;
  return rows * (kSortRow + kCompare * std::log2(kept + 2));
}

class Planner {
 public:
  Planner(const AccessRequest& request, const IndexCatalog& catalog, const AccessCosts& costs,
          double documents)
      : request_(request), catalog_(catalog), costs_(costs), documents_(std::max(documents, 1.0)) {
    if (request.sort) keys_ = SortKeysOf(*request.sort);
    for (const Node& n : request.conjuncts) selectivity_.push_back(SelectivityOf(n));
    matched_ = documents_ * SelectivityWithout({});
  }

  StatusOr<AccessPlan> Choose() {
    AddCounts();
    AddScan();
    for (const CatalogIndexPtr& index : catalog_.indexes) AddIndex(index);
    AddIntersections();
    AddUnions();
    RETURN_IF_ERROR(ApplyHint());
    for (AccessPath& p : paths_) {
      // A limit ends the rows of a way that has their order.
      if (request_.wanted && p.sorted)
        p.rows = std::min(p.rows, static_cast<double>(*request_.wanted));
    }
    std::stable_sort(paths_.begin(), paths_.end(),
                     [](const AccessPath& a, const AccessPath& b) { return a.cost < b.cost; });
    AccessPlan plan;
    plan.chosen = std::move(paths_[0]);
    for (size_t i = 1; i < paths_.size() && i < kMaxOthers; ++i)
      plan.others.push_back(std::move(paths_[i]));
    return plan;
  }

 private:
  IndexUse Use(const CatalogIndexPtr& index, const std::vector<Node>& conjuncts) const {
    IndexUse use{index, BoundsOf(index->spec, conjuncts), 0, {}};
    const bool points =
        use.bounds.point_parts > 0 && (index->spec.multi || PointsOnly(index->spec, use.bounds));
    if (index->spec.unique && use.bounds.one_key) {
      use.entries = 1;
    } else if (!use.bounds.narrowed) {
      use.entries = static_cast<double>(index->stats->entries());
    } else {
      use.entries = index->stats->Estimate(use.bounds.ranges, points ? use.bounds.point_parts : 0);
    }
    for (size_t i = 0; i < conjuncts.size(); ++i) {
      if (use.bounds.used[i]) use.because.push_back(conjuncts[i]);
    }
    return use;
  }

  // Whether the ranges are made of points alone, without an interval behind them.
  static bool PointsOnly(const IndexSpec& spec, const IndexBounds& b) {
    for (const KeyRange& r : b.ranges) {
      size_t at = 0;
      for (size_t p = 0; p < b.point_parts; ++p) {
        const size_t n = KeyLength(std::string_view(r.from).substr(at), spec.parts[p].direction);
        if (n == 0) return false;
        at += n;
      }
      if (at != r.from.size()) return false;
    }
    return true;
  }

  double SelectivityOf(const Node& n) const {
    double best = 2;
    for (const CatalogIndexPtr& index : catalog_.indexes) {
      if (index->spec.multi) continue;
      const IndexUse use = Use(index, {n});
      if (use.bounds.narrowed && use.bounds.answered[0]) {
        best = std::min(best, use.entries / documents_);
      }
    }
    if (best <= 1) return std::max(best, 0.5 / documents_);
    if (!n.is_call()) return 0.5;
    switch (n.op()) {
      case Op::kEq:
        return n.size() == 2 && PathOf(n.arg(0)).ToString() == "id" ? 1 / documents_ : 0.1;
      case Op::kIn:
        return 0.2;
      case Op::kContains:
      case Op::kMatch:
      case Op::kPrefix:
        return 0.1;
      case Op::kLt:
      case Op::kLe:
      case Op::kGt:
      case Op::kGe:
      case Op::kBetween:
        return 0.33;
      case Op::kNot:
        return 1 - SelectivityOf(n.arg(0));
      case Op::kAnd: {
        double s = 1;
        for (const Node& a : n.args()) s *= SelectivityOf(a);
        return s;
      }
      case Op::kOr: {
        double miss = 1;
        for (const Node& a : n.args()) miss *= 1 - SelectivityOf(a);
        return 1 - miss;
      }
      default:
        return 0.9;
    }
  }

  // Of the conjuncts that are not marked.
  double SelectivityWithout(const std::vector<bool>& marked) const {
    double s = 1;
    for (size_t i = 0; i < selectivity_.size(); ++i) {
      if (marked.empty() || !marked[i]) s *= selectivity_[i];
    }
    return s;
  }

  std::vector<Node> Remaining(const std::vector<bool>& answered) const {
    std::vector<Node> out;
    for (size_t i = 0; i < answered.size(); ++i) {
      if (!answered[i]) out.push_back(request_.conjuncts[i]);
    }
    return out;
  }

  // Of `of` rows in a row, how many are looked at until enough have passed.
  double Until(double of, double selectivity) const {
    if (!request_.wanted) return of;
    return std::min(of, static_cast<double>(*request_.wanted) / std::max(selectivity, 1e-9) + 1);
  }

  void AddCounts() {
    if (request_.end == nullptr || !request_.end->is(Op::kCount) || request_.sort) return;
    if (request_.conjuncts.empty() && costs_.counted) {
      AccessPath p;
      p.kind = Kind::kCountAll;
      p.cost = costs_.seek;
      p.rows = 1;
      paths_.push_back(std::move(p));
    }
    for (const CatalogIndexPtr& index : catalog_.indexes) {
      IndexUse use = Use(index, request_.conjuncts);
      const auto& answered = use.bounds.answered;
      if (std::find(answered.begin(), answered.end(), false) != answered.end()) continue;
      if (!use.bounds.narrowed && (index->spec.multi || index->spec.sparse)) continue;
      // Several ranges of a multi index may hold one document twice.
      if (index->spec.multi && use.bounds.ranges.size() > 1) continue;
      AccessPath p;
      p.kind = Kind::kCountIndex;
      p.examined = use.entries;
      p.rows = 1;
      p.cost = static_cast<double>(use.bounds.ranges.size()) * costs_.seek +
               use.entries * costs_.index_entry * 0.4;
      p.uses.push_back(std::move(use));
      paths_.push_back(std::move(p));
    }
  }

  void AddScan() {
    AccessPath p;
    p.ids = IdBoundsOf(request_.conjuncts);
    p.remaining = request_.conjuncts;
    double rows = documents_;
    double each = costs_.scan_row;
    if (p.ids.ids) {
      rows = static_cast<double>(p.ids.ids->size());
      each = costs_.fetch;
    } else if (p.ids.bounded()) {
      rows = documents_ / 4;
    }
    p.rows = std::min(rows, matched_);
    p.examined =
        request_.sort || request_.end != nullptr ? rows : Until(rows, p.rows / std::max(rows, 1.0));
    p.cost = costs_.seek + p.examined * each;
    if (request_.sort) p.cost += SortCost(p.rows, request_.wanted);
    p.sorted = !request_.sort;
    paths_.push_back(std::move(p));
  }

  bool Covers(const IndexSpec& spec) const {
    if (!costs_.covering || !request_.read || !spec.CanCover()) return false;
    for (const Path& read : *request_.read) {
      if (read.size() == 1 && read.name(0) == "id") continue;
      const bool held = std::any_of(spec.parts.begin(), spec.parts.end(),
                                    [&](const IndexPart& p) { return p.path.IsPrefixOf(read); });
      if (!held) return false;
    }
    return true;
  }

  void AddIndex(const CatalogIndexPtr& index) {
    IndexUse use = Use(index, request_.conjuncts);
    const IndexBounds& b = use.bounds;
    const bool repeats = index->spec.multi && b.ranges.size() > 1;
    if (index->spec.multi && !b.narrowed) return;
    if (index->spec.sparse && !b.narrowed) return;
    const double seeks = static_cast<double>(b.ranges.size()) * costs_.seek;
    const double rest = SelectivityWithout(b.answered);
    const double rows =
        b.narrowed ? std::min(use.entries * rest, std::max(matched_, 1.0)) : matched_;
    const double pass = use.entries > 0 ? std::clamp(rows / use.entries, 0.0, 1.0) : 1;

    AccessPath p;
    p.remaining = Remaining(b.answered);
    p.rows = rows;
    p.covered = Covers(index->spec);
    const double entry = costs_.index_entry + (p.covered ? costs_.index_entry : costs_.fetch);

    if (request_.end != nullptr && !request_.end->is(Op::kCount)) {
      AddEnd(use, p, pass);
      return;
    }
    if (request_.sort) {
      p.order = OrderOf(index->spec, b, keys_);
      p.sorted = p.order != IndexOrder::kNone;
    } else if (request_.end == nullptr) {
      p.order = IndexOrder::kForward;
      p.sorted = b.one_key && !repeats;
    } else {
      p.order = IndexOrder::kForward;  // count(): any order will do
      p.sorted = !repeats;
    }
    if (p.sorted) {
      p.kind = Kind::kIndex;
      p.examined = request_.end != nullptr ? use.entries : Until(use.entries, pass);
      p.cost = seeks + p.examined * entry * (p.order == IndexOrder::kReverse ? kReverseFactor : 1);
    } else if (!b.narrowed) {
      return;
    } else if (request_.sort && !repeats) {
      p.kind = Kind::kIndex;
      p.order = IndexOrder::kForward;
      p.examined = use.entries;
      p.cost = seeks + p.examined * entry + SortCost(rows, request_.wanted);
    } else {
      p.kind = Kind::kIdSet;
      p.covered = false;
      p.examined = use.entries;
      p.cost = seeks + use.entries * (costs_.index_entry + kCompare * std::log2(use.entries + 2)) +
               Until(use.entries, pass) * costs_.fetch;
      if (request_.sort) p.cost += SortCost(rows, request_.wanted);
      p.sorted = !request_.sort;
    }
    p.uses.push_back(std::move(use));
    paths_.push_back(std::move(p));
  }

  // min(p) and max(p): the first document from one end that has the value and passes.
  void AddEnd(const IndexUse& use, AccessPath p, double pass) {
    const Node& end = *request_.end;
    if (request_.sort || end.size() != 1 || use.index->spec.multi) return;
    const size_t part = use.bounds.equal_parts;
    const IndexSpec& spec = use.index->spec;
    // The last part: so equal values, which may be written otherwise (1 and 1.0), go by id.
    if (part + 1 != spec.parts.size() || !(spec.parts[part].path == PathOf(end.arg(0)))) return;
    if (use.bounds.point_parts > part) return;  // a list of values: ranges, but not one order
    p.kind = Kind::kEnd;
    p.sorted = true;
    p.order = end.is(Op::kMin) == !spec.parts[part].descending() ? IndexOrder::kForward
                                                                 : IndexOrder::kReverse;
    // Documents without the value lie at one end and are passed over by a condition of ours.
    std::vector<Node> conjuncts = request_.conjuncts;
    conjuncts.push_back(Node::Call(Op::kExists, {end.arg(0)}));
    IndexUse whole = Use(use.index, conjuncts);
    p.remaining.clear();
    for (size_t i = 0; i < conjuncts.size(); ++i) {
      if (!whole.bounds.answered[i]) p.remaining.push_back(conjuncts[i]);
    }
    p.rows = 1;
    p.examined = std::min(use.entries, 1 / std::max(pass, 1e-9));
    p.cost = 2 * costs_.seek + p.examined * (costs_.fetch + costs_.index_entry);
    p.uses.push_back(std::move(whole));
    paths_.push_back(std::move(p));
  }

  void AddIntersections() {
    // The two that leave least, if each says something that the other does not.
    std::vector<IndexUse> uses;
    for (const CatalogIndexPtr& index : catalog_.indexes) {
      IndexUse use = Use(index, request_.conjuncts);
      if (use.bounds.narrowed) uses.push_back(std::move(use));
    }
    if (uses.size() < 2 || request_.end != nullptr) return;
    std::sort(uses.begin(), uses.end(),
              [](const IndexUse& a, const IndexUse& b) { return a.entries < b.entries; });
    if (uses.size() > 6) uses.resize(6);
    for (size_t a = 0; a < uses.size(); ++a) {
      for (size_t b = a + 1; b < uses.size(); ++b) AddIntersection(uses[a], uses[b]);
    }
  }

  void AddIntersection(const IndexUse& a, const IndexUse& b) {
    bool a_alone = false;
    bool b_alone = false;
    std::vector<bool> answered(request_.conjuncts.size());
    for (size_t i = 0; i < answered.size(); ++i) {
      a_alone = a_alone || (a.bounds.used[i] && !b.bounds.used[i]);
      b_alone = b_alone || (b.bounds.used[i] && !a.bounds.used[i]);
      answered[i] = a.bounds.answered[i] || b.bounds.answered[i];
    }
    if (!a_alone || !b_alone) return;
    AccessPath p;
    p.kind = Kind::kIdSet;
    p.uses = {a, b};
    p.remaining = Remaining(answered);
    const double both = a.entries * b.entries / documents_;
    p.rows = both * SelectivityWithout(answered);
    p.examined = a.entries + b.entries;
    p.cost = CollectCost(p) + both * costs_.fetch;
    if (request_.sort) p.cost += SortCost(p.rows, request_.wanted);
    p.sorted = !request_.sort;
    paths_.push_back(std::move(p));
  }

  double CollectCost(const AccessPath& p) const {
    double cost = 0;
    for (const IndexUse& u : p.uses) {
      cost += static_cast<double>(u.bounds.ranges.size()) * costs_.seek +
              u.entries * (costs_.index_entry + kCompare * std::log2(u.entries + 2));
    }
    return cost;
  }

  // or(…): each branch from an index of its own.
  void AddUnions() {
    if (request_.end != nullptr) return;
    for (const Node& n : request_.conjuncts) {
      if (!n.is(Op::kOr) || n.size() == 0 || n.size() > 64) continue;
      AccessPath p;
      p.kind = Kind::kIdSet;
      p.unite = true;
      bool all = true;
      double sum = 0;
      for (const Node& branch : n.args()) {
        const std::vector<Node> parts =
            branch.is(Op::kAnd) ? std::vector<Node>(branch.args().begin(), branch.args().end())
                                : std::vector<Node>{branch};
        std::optional<IndexUse> best;
        for (const CatalogIndexPtr& index : catalog_.indexes) {
          IndexUse use = Use(index, parts);
          if (use.bounds.narrowed && (!best || use.entries < best->entries)) best = std::move(use);
        }
        all = all && best.has_value();
        if (!all) break;
        sum += best->entries;
        p.uses.push_back(*std::move(best));
      }
      if (!all) continue;
      p.remaining = request_.conjuncts;
      p.rows = std::min(sum, matched_);
      p.examined = sum;
      p.cost = CollectCost(p) + sum * costs_.fetch;
      if (request_.sort) p.cost += SortCost(p.rows, request_.wanted);
      p.sorted = !request_.sort;
      paths_.push_back(std::move(p));
    }
  }

  Status ApplyHint() {
    if (request_.hint.empty()) return OkStatus();
    for (const std::string& name : request_.hint) {
      if (name == "scan" || catalog_.Find(name) != nullptr) continue;
      std::vector<std::string_view> names = {"scan"};
      for (const CatalogIndexPtr& i : catalog_.indexes) names.push_back(i->spec.name);
      std::string message = Concat("using: there is no index ", JsonString(name));
      if (const auto near = Nearest(name, names); !near.empty()) {
        message += Concat("; did you mean \"", near, "\"?");
      } else {
        message += " (there are:";
        for (std::string_view n : names) message += Concat(" ", JsonString(n));
        message += ")";
      }
      return InvalidArgument(message);
    }
    const auto matches = [&](const AccessPath& p) {
      if (p.uses.empty()) return p.kind == Kind::kScan && request_.hint[0] == "scan";
      const auto named = [&](const std::string& name) {
        return std::find(request_.hint.begin(), request_.hint.end(), name) != request_.hint.end();
      };
      for (const IndexUse& u : p.uses) {
        if (!named(u.index->spec.name)) return false;
      }
      for (const std::string& h : request_.hint) {
        if (std::none_of(p.uses.begin(), p.uses.end(),
                         [&](const IndexUse& u) { return u.index->spec.name == h; }))
          return false;
      }
      return true;
    };
    std::vector<AccessPath> left;
    for (AccessPath& p : paths_) {
      if (matches(p)) left.push_back(std::move(p));
    }
    if (left.empty()) {
      std::string names;
      for (const std::string& h : request_.hint) names += (names.empty() ? "" : ", ") + h;
      return InvalidArgument(
          Concat("using(", names, ") cannot serve this query: ",
                 "no condition narrows it and it gives no order that is asked for"));
    }
    paths_ = std::move(left);
    return OkStatus();
  }

  const AccessRequest& request_;
  const IndexCatalog& catalog_;
  const AccessCosts costs_;
  const double documents_;
  std::vector<SortKey> keys_;
  std::vector<double> selectivity_;
  double matched_ = 0;
  std::vector<AccessPath> paths_;
};

}  // namespace

std::string AccessPath::Describe() const {
  std::string names;
  for (const IndexUse& u : uses) {
    if (!names.empty()) names += unite ? " or " : " and ";
    names += u.index->spec.name;
  }
  switch (kind) {
    case Kind::kScan:
      return ids.AccessName();
    case Kind::kIndex:
      return Concat(covered ? "covering index " : "index ", names,
                    order == IndexOrder::kReverse ? " backwards" : "");
    case Kind::kIdSet:
      return Concat("ids from index ", names);
    case Kind::kCountIndex:
      return Concat("count in index ", names);
    case Kind::kCountAll:
      return "count of documents";
    case Kind::kEnd:
      return Concat(order == IndexOrder::kReverse ? "last of index " : "first of index ", names);
  }
  return "";
}

StatusOr<AccessPlan> ChooseAccess(const AccessRequest& request, const IndexCatalog& catalog,
                                  const AccessCosts& costs, double documents) {
  return Planner(request, catalog, costs, documents).Choose();
}

}  // namespace strata
