#include "store/scan_plan.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include "query/continuation.h"
#include "query/operators/operators.h"
#include "query/print.h"
#include "store/access.h"
#include "store/scan_cursor.h"

namespace strata {

// A way that was chosen, with what it takes to go it.
struct ChosenAccess {
  AccessPlan plan;
  Filter filter;  // of the conditions that the way leaves
  uint64_t epoch = 0;
  double documents = 0;  // when it was chosen
};

// What a query asks for, in the parts that the planner looks at.
struct ScanRequest {
  explicit ScanRequest(const Query& query);

  bool OrderMatters() const;
  // count, min or max, when an index may know it: nothing but the rows of the scan counts.
  const Node* end() const;

  std::vector<Node> conjuncts;
  std::vector<std::string> hint;
  std::optional<Node> sort;   // when it comes first
  std::vector<Node> stages;   // behind it
  std::optional<Node> limit;  // that they reach
  std::optional<std::vector<Path>> read;
};

// Everything about a query but its parameters. Immutable.
struct PreparedScan {
  Query query;
  ScanRequest request;
  bool has_params = false;
  std::shared_ptr<const ChosenAccess> chosen;  // none: it depends on parameters
};

ScanRequest::ScanRequest(const Query& query)
    : conjuncts(query.conjuncts()), read(PathsRead(query)) {
  std::span<const Node> rest = query.stages();
  if (!rest.empty() && rest[0].is(Op::kUsing)) {
    for (const Node& a : rest[0].args()) hint.push_back(a.text());
    rest = rest.subspan(1);
  }
  if (!rest.empty() && rest[0].is(Op::kSort)) {
    sort = rest[0];
    rest = rest.subspan(1);
  }
  stages.assign(rest.begin(), rest.end());
  limit = LimitBehind(stages);
}

const Node* ScanRequest::end() const {
  if (stages.empty()) return nullptr;
  const Node& n = stages[0];
  return n.is(Op::kCount) || (!sort && (n.is(Op::kMin) || n.is(Op::kMax))) ? &n : nullptr;
}

bool ScanRequest::OrderMatters() const {
  if (stages.empty()) return true;
  const Node& n = stages[0];
  return !n.is(Op::kCount) && !n.is(Op::kSum) && !n.is(Op::kMean);
}

namespace {

using Kind = AccessPath::Kind;

constexpr double kParallelRows = 20000;  // documents from which a scan takes helpers

std::optional<uint64_t> WantedRows(const std::optional<Node>& limit) {
  if (!limit || limit->size() == 3) return std::nullopt;
  const LimitSpec spec = LimitOf(*limit);
  const uint64_t sum = spec.count + spec.start;
  return sum < spec.count ? std::nullopt : std::optional<uint64_t>(sum);
}

StatusOr<std::shared_ptr<const ChosenAccess>> Choose(ScanHost& host, const ScanRequest& r) {
  AccessRequest request;
  request.conjuncts = r.conjuncts;
  request.sort = r.sort;
  request.wanted = WantedRows(r.limit);
  request.end = r.end();
  request.read = r.read;
  request.hint = r.hint;
  // Counts and sums are the same in any order; but a hint may name an index for the order's sake.
  if (!r.OrderMatters() && (r.end() != nullptr || r.hint.empty())) request.sort.reset();
  const std::shared_ptr<const IndexCatalog> catalog = host.catalog();
  auto chosen = std::make_shared<ChosenAccess>();
  chosen->epoch = catalog->epoch;
  chosen->documents = host.estimated_documents();
  ASSIGN_OR_RETURN(chosen->plan, ChooseAccess(request, *catalog, host.costs(), chosen->documents));
  ASSIGN_OR_RETURN(chosen->filter, Filter::Compile(chosen->plan.chosen.remaining));
  return std::shared_ptr<const ChosenAccess>(std::move(chosen));
}

bool IsStale(const ChosenAccess& c, const ScanHost& host) {
  if (host.catalog()->epoch != c.epoch) return true;
  const double now = host.estimated_documents();
  return now > 2 * c.documents + 100 || 2 * now + 100 < c.documents;
}

void Combine(std::vector<std::string> more, bool unite, bool first, std::vector<std::string>* ids) {
  std::sort(more.begin(), more.end());
  more.erase(std::unique(more.begin(), more.end()), more.end());
  if (first) {
    *ids = std::move(more);
    return;
  }
  std::vector<std::string> out;
  if (unite) {
    std::set_union(std::make_move_iterator(ids->begin()), std::make_move_iterator(ids->end()),
                   std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()),
                   std::back_inserter(out));
  } else {
    std::set_intersection(std::make_move_iterator(ids->begin()),
                          std::make_move_iterator(ids->end()),
                          std::make_move_iterator(more.begin()),
                          std::make_move_iterator(more.end()), std::back_inserter(out));
  }
  *ids = std::move(out);
}

class ScanPlan final : public Plan {
 public:
  ScanPlan(std::string stage, std::shared_ptr<ScanHost> host,
           std::shared_ptr<const PreparedScan> prepared)
      : stage_(std::move(stage)), host_(std::move(host)), prepared_(std::move(prepared)) {}

  const Query& residual() const override { return nothing_; }

  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    RETURN_IF_ERROR(ctx.Check());
    const PreparedScan& p = *prepared_;
    Opening o{{prepared_, &p.request}, p.chosen, nullptr, options};
    if (p.has_params) {
      ASSIGN_OR_RETURN(const Query bound, BindParameters(p.query, options.params));
      o.request = std::make_shared<ScanRequest>(bound);
    }
    if (o.chosen == nullptr || IsStale(*o.chosen, *host_)) {
      ASSIGN_OR_RETURN(o.chosen, Choose(*host_, *o.request));
    }
    for (;;) {
      ASSIGN_OR_RETURN(o.snapshot, host_->TakeSnapshot());
      // An index that went before the snapshot was taken may be empty already.
      const auto catalog = host_->catalog();
      const auto& uses = o.chosen->plan.chosen.uses;
      if (std::all_of(uses.begin(), uses.end(),
                      [&](const IndexUse& u) { return catalog->Has(u.index->number); }))
        break;
      ASSIGN_OR_RETURN(o.chosen, Choose(*host_, *o.request));
    }
    if (QueryLog* log = host_->query_log(); log != nullptr) {
      for (const IndexUse& u : o.chosen->plan.chosen.uses) log->Use(u.index->spec.name);
    }
    return OpenAccess(o);
  }

  ExplainNode Explain() const override {
    const PreparedScan& p = *prepared_;
    if (p.chosen != nullptr) return DescribeWhole(p.request, *p.chosen, "");
    // What can be said already: the way that the other conditions alone would take.
    const auto known = [](std::vector<Node> conjuncts, std::vector<Node> stages) {
      return BindParameters(Query::Of(std::move(conjuncts), std::move(stages)), {}).ok();
    };
    ScanRequest sure = p.request;
    std::erase_if(sure.conjuncts, [&](const Node& c) { return !known({c}, {}); });
    if (sure.limit && !known({}, {*sure.limit})) sure.limit.reset();
    if (const auto chosen = Choose(*host_, sure); chosen.ok())
      return DescribeWhole(p.request, **chosen, ", unless the parameters show a better way");
    ExplainNode n;
    n.stage = stage_;
    n.operation = "chosen when the parameters are known";
    for (const Node& c : p.request.conjuncts) n.taken.push_back(PrintNode(c));
    return ExplainOperators(Above(p.request, AccessPath()), stage_, std::move(n));
  }

 private:
  // What one run of the plan goes by.
  struct Opening {
    std::shared_ptr<const ScanRequest> request;
    std::shared_ptr<const ChosenAccess> chosen;
    std::shared_ptr<const Snapshot> snapshot;
    const OpenOptions& options;
  };

  // Whether the way itself gives the value that the query ends in.
  static bool GivesEnd(const AccessPath& path) {
    return path.kind == Kind::kCountAll || path.kind == Kind::kCountIndex ||
           path.kind == Kind::kEnd;
  }
  // What the operators above the way do.
  static Query Above(const ScanRequest& r, const AccessPath& path) {
    std::vector<Node> stages;
    if (GivesEnd(path)) return Query();
    if (NeedsSort(r, path)) stages.push_back(*r.sort);
    stages.insert(stages.end(), r.stages.begin(), r.stages.end());
    return Query::Of({}, std::move(stages));
  }
  static bool NeedsSort(const ScanRequest& r, const AccessPath& path) {
    return r.sort && !path.sorted && r.OrderMatters();
  }

  ExplainNode DescribeWhole(const ScanRequest& r, const ChosenAccess& c,
                            std::string_view reserve) const {
    ExplainNode n = Describe(r, c);
    n.operation += reserve;
    return ExplainOperators(Above(r, c.plan.chosen), stage_, std::move(n));
  }

  // The way alone.
  ExplainNode Describe(const ScanRequest& r, const ChosenAccess& c) const {
    const AccessPath& path = c.plan.chosen;
    ExplainNode n;
    n.stage = stage_;
    n.operation = path.Describe();
    for (const Node& t : r.conjuncts) n.taken.push_back(PrintNode(t));
    if (r.sort && !NeedsSort(r, path)) n.taken.push_back(PrintNode(*r.sort));
    if (GivesEnd(path)) n.taken.push_back(PrintNode(r.stages[0]));
    for (const IndexUse& u : path.uses) {
      for (const Node& b : u.because) n.bounds.push_back(PrintNode(b));
    }
    if (path.sorted && r.sort) {
      n.order = PrintNode(*r.sort);
    } else if (path.kind == Kind::kScan || path.kind == Kind::kIdSet || path.sorted) {
      n.order = "+id (bytewise)";
    }
    n.estimated_rows = path.rows;
    n.estimated_examined = path.examined;
    n.cost = path.cost;
    n.considered.emplace_back(n.operation, path.cost);
    for (const AccessPath& other : c.plan.others)
      n.considered.emplace_back(other.Describe(), other.cost);
    return n;
  }

  // Described when it is asked for, with parameters by their names. A plan outlives its cursors.
  std::function<ExplainNode()> Later(const Opening& o) const {
    return [this, chosen = o.chosen] { return Describe(prepared_->request, *chosen); };
  }

  StatusOr<std::unique_ptr<Cursor>> OpenAccess(Opening& o) const {
    const AccessPath& path = o.chosen->plan.chosen;
    switch (path.kind) {
      case Kind::kCountAll:
        if (const std::optional<uint64_t> n = o.snapshot->documents()) {
          return Value(o,
                       [n](const Context&) -> StatusOr<std::string> { return std::to_string(*n); });
        }
        RETURN_IF_ERROR(ScanInstead(o));
        return OpenRows(o);
      case Kind::kCountIndex:
        return Value(o,
                     [use = path.uses[0],
                      snapshot = o.snapshot](const Context& ctx) -> StatusOr<std::string> {
                       ASSIGN_OR_RETURN(const uint64_t n,
                                        snapshot->CountIndex(ctx, *use.index, use.bounds.ranges));
                       return std::to_string(n);
                     });
      case Kind::kEnd:
        return Value(o,
                     [snapshot = o.snapshot, access = AccessOf(path), filter = o.chosen->filter,
                      value = PathOf(o.request->stages[0].arg(0))](
                         const Context& ctx) -> StatusOr<std::string> {
                       ASSIGN_OR_RETURN(const auto scan, snapshot->ScanIndex(access, filter));
                       std::vector<Document> rows;
                       bool done = false;
                       while (rows.empty() && !done)
                         RETURN_IF_ERROR(scan->Next(ctx, 1, &rows, &done));
                       return rows.empty() ? "null" : std::string(value.Get(rows[0].root()).text());
                     });
      case Kind::kScan:
      case Kind::kIndex:
      case Kind::kIdSet:
        return OpenRows(o);
    }
    return Internal("an unknown way to the documents");
  }

  static IndexAccess AccessOf(const AccessPath& path) {
    return {path.uses[0].index, path.uses[0].bounds.ranges, path.order == IndexOrder::kReverse,
            path.covered, std::nullopt};
  }

  std::unique_ptr<Cursor> Value(const Opening& o, ValueCursor::Find find) const {
    return std::make_unique<ValueCursor>(std::move(find), Later(o));
  }

  // The number of documents is not known: look at every one.
  static Status ScanInstead(Opening& o) {
    auto scan = std::make_shared<ChosenAccess>(*o.chosen);
    scan->plan.chosen = AccessPath();
    scan->plan.chosen.remaining = o.request->conjuncts;
    scan->plan.chosen.sorted = !o.request->sort;
    ASSIGN_OR_RETURN(scan->filter, Filter::Compile(o.request->conjuncts));
    o.chosen = std::move(scan);
    return OkStatus();
  }

  StatusOr<std::unique_ptr<Cursor>> OpenRows(const Opening& o) const {
    const ScanRequest& r = *o.request;
    const AccessPath& path = o.chosen->plan.chosen;
    OperatorOptions limits;
    limits.memory_budget = o.options.memory_budget;
    limits.spill_folder = o.options.spill_folder;
    if (IsMany(path)) limits.helpers = host_->executor();
    ASSIGN_OR_RETURN(OperatorList operators, MakeOperators(Above(r, path), limits));
    std::string position = o.options.position;
    if (!TakePositions(operators, &position)) return BadContinuation();
    ScanOptions scan;
    scan.whole = !WantedRows(r.limit) || NeedsSort(r, path);
    if (!operators.empty()) {
      // What folds rows as they lie in the store can take their columns.
      if (std::optional<std::vector<Path>> values = operators[0]->TakeColumns())
        scan.values = *std::move(values);
    }
    ASSIGN_OR_RETURN(ScanCursor::Start start, StartOf(o, position, std::move(scan)));
    auto rows = std::make_unique<ScanCursor>(o.snapshot, std::move(start),
                                             path.sorted && r.sort ? &*r.sort : nullptr, position,
                                             Later(o));
    if (QueryLog* log = host_->query_log(); log != nullptr && path.kind == Kind::kScan) {
      if (!path.ids.ids) rows->LogTo(log, IdealIndex(r.conjuncts, r.sort));
    }
    for (auto& op : operators) op->SetStage(stage_);
    return Stack(std::move(rows), std::move(operators), o.options.timed);
  }

  // Threads pay when there are many documents.
  static bool IsMany(const AccessPath& path) { return path.examined >= kParallelRows; }

  // What begins to read behind `position`. It runs at the first pull, where its time is counted.
  StatusOr<ScanCursor::Start> StartOf(const Opening& o, const std::string& position,
                                      ScanOptions scan) const {
    const AccessPath& path = o.chosen->plan.chosen;
    const Filter& filter = o.chosen->filter;
    const Snapshot* const from = o.snapshot.get();  // the cursor keeps it
    if (path.kind == Kind::kScan) {
      if (scan.whole && IsMany(path)) scan.helpers = host_->executor();
      return ScanCursor::Start(
          [from, ids = path.ids, filter, position, scan = std::move(scan)](const Context&) {
            return StatusOr<std::unique_ptr<RecordScan>>(from->Scan(ids, filter, position, scan));
          });
    }
    if (path.kind == Kind::kIdSet) {
      return ScanCursor::Start([from, path, filter, conjuncts = o.request->conjuncts, position,
                                budget = o.options.memory_budget](const Context& ctx) {
        return ScanIds(ctx, *from, path, filter, conjuncts, position, budget);
      });
    }
    IndexAccess access = AccessOf(path);
    if (access.ranges.empty()) {
      return ScanCursor::Start(
          [](const Context&) { return StatusOr<std::unique_ptr<RecordScan>>(MakeEmptyScan()); });
    }
    if (!position.empty()) {
      const IndexUse& use = path.uses[0];
      if (const std::optional<Node>& sort = o.request->sort; sort) {
        SortPosition at;
        if (!at.Decode(position)) return BadContinuation();
        const std::optional<std::string> key =
            IndexKeyOf(use.index->spec, use.bounds, SortKeysOf(*sort), at.key);
        if (!key) return BadContinuation();
        access.after = {*key, at.tie};
      } else {
        access.after = {access.ranges[0].from, position};  // all have one key
      }
    }
    return ScanCursor::Start(
        [from, access, filter](const Context&) { return from->ScanIndex(access, filter); });
  }

  static StatusOr<std::unique_ptr<RecordScan>> ScanIds(const Context& ctx, const Snapshot& from,
                                                       const AccessPath& path, const Filter& filter,
                                                       const std::vector<Node>& conjuncts,
                                                       const std::string& position, size_t budget) {
    IdBounds bounds;
    bounds.ids.emplace();
    for (size_t i = 0; i < path.uses.size(); ++i) {
      const IndexUse& u = path.uses[i];
      std::vector<std::string> ids;
      size_t held = 0;
      for (const std::string& id : *bounds.ids) held += sizeof id + id.size();
      ASSIGN_OR_RETURN(const bool fits, from.CollectIds(ctx, *u.index, u.bounds.ranges,
                                                        budget - std::min(held, budget), &ids));
      if (!fits) {
        // More ids than may be held: look at all documents instead.
        ASSIGN_OR_RETURN(const Filter all, Filter::Compile(conjuncts));
        return from.Scan(IdBoundsOf(conjuncts), all, position, {});
      }
      Combine(std::move(ids), path.unite, i == 0, &*bounds.ids);
    }
    return from.Scan(bounds, filter, position, {});
  }

  const std::string stage_;
  const std::shared_ptr<ScanHost> host_;
  const std::shared_ptr<const PreparedScan> prepared_;
  const Query nothing_;
};

StatusOr<std::shared_ptr<const PreparedScan>> MakePrepared(ScanHost& host, const Query& query) {
  PreparedScan p{query, ScanRequest(query), query.param_count() > 0, nullptr};
  std::vector<Node> limit;
  if (p.request.limit) limit.push_back(*p.request.limit);
  if (Query::Of(p.request.conjuncts, std::move(limit)).param_count() == 0) {
    ASSIGN_OR_RETURN(p.chosen, Choose(host, p.request));
  }
  return std::make_shared<const PreparedScan>(std::move(p));
}

}  // namespace

StatusOr<std::unique_ptr<Plan>> PrepareScan(std::string stage, std::shared_ptr<ScanHost> host,
                                            const Query& query, PlanCache* cache) {
  const std::string text = cache != nullptr ? query.ToString() : std::string();
  std::shared_ptr<const PreparedScan> prepared = cache != nullptr ? cache->Find(text) : nullptr;
  if (prepared == nullptr || (prepared->chosen != nullptr && IsStale(*prepared->chosen, *host))) {
    ASSIGN_OR_RETURN(prepared, MakePrepared(*host, query));
    if (cache != nullptr) cache->Insert(text, prepared);
  }
  return std::make_unique<ScanPlan>(std::move(stage), std::move(host), std::move(prepared));
}

}  // namespace strata
