#include "store/scan_plan.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include "query/operators/measured.h"
#include "query/operators/operators.h"
#include "query/print.h"
#include "query/sort_position.h"
#include "query/split.h"
#include "store/access.h"
#include "store/query_log.h"

namespace strata {

// A way that was chosen, with what it takes to go it.
struct ChosenAccess {
  AccessPlan plan;
  Filter filter;  // of the conditions that the way leaves
  uint64_t epoch = 0;
  double documents = 0;  // when it was chosen
};

// Everything about a query but its parameters. Immutable.
struct PreparedScan {
  Split split;
  std::vector<Node> conjuncts;
  std::optional<Node> sort;
  std::optional<Node> limit;  // behind them, not taken
  std::optional<Node> end;    // count, min or max, taken
  std::optional<Node> fold;   // aggregate, sum or mean, taken: all rows are read for it
  std::vector<std::string> hint;
  std::optional<std::vector<Path>> read;
  bool has_params = false;
  std::shared_ptr<const ChosenAccess> chosen;  // none: there are parameters
};

namespace {

using Kind = AccessPath::Kind;

constexpr double kParallelRows = 20000;  // documents from which a scan takes helpers

// The limit that the stages reach before anything that needs more rows than it gives.
std::optional<Node> LimitBehind(std::span<const Node> stages) {
  for (const Node& n : stages) {
    if (n.is(Op::kLimit)) return n;
    if (!n.is(Op::kSelect) && !n.is(Op::kUnselect) && !n.is(Op::kValues)) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<uint64_t> WantedRows(const std::optional<Node>& limit) {
  if (!limit || limit->size() == 3) return std::nullopt;
  const LimitSpec spec = LimitOf(*limit);
  const uint64_t sum = spec.count + spec.start;
  return sum < spec.count ? std::nullopt : std::optional<uint64_t>(sum);
}

bool SortMatters(const PreparedScan& p) {
  if (p.fold) return p.fold->is(Op::kAggregate);
  return !(p.end && p.end->is(Op::kCount));
}

StatusOr<std::shared_ptr<const ChosenAccess>> Choose(ScanHost& host, const PreparedScan& p,
                                                     const std::vector<Node>& conjuncts,
                                                     const std::optional<Node>& limit) {
  AccessRequest request;
  request.conjuncts = conjuncts;
  request.sort = p.sort;
  request.wanted = WantedRows(limit);
  request.end = p.end ? &*p.end : nullptr;
  request.read = p.read;
  request.hint = p.hint;
  // Counts and sums are the same in any order; but a hint may name an index for the order's sake.
  if (!SortMatters(p) && !(p.fold && !p.hint.empty())) request.sort.reset();
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

// Rows from a snapshot by the way chosen.
class ScanCursor final : public Cursor {
 public:
  using Start = std::function<StatusOr<std::unique_ptr<RecordScan>>(const Context& ctx)>;

  // `sort`: the order that the way gives, of which positions are made; none: by id.
  ScanCursor(std::shared_ptr<const Snapshot> snapshot, Start start, const std::optional<Node>& sort,
             std::string position, std::function<ExplainNode()> explain)
      : snapshot_(std::move(snapshot)),
        start_(std::move(start)),
        position_(std::move(position)),
        explain_(std::move(explain)) {
    if (sort) keys_ = SortKeysOf(*sort);
  }

  void LogTo(QueryLog* log, std::optional<IndexSpec> ideal) {
    log_ = log;
    ideal_ = std::move(ideal);
  }
  ~ScanCursor() override {
    if (log_ != nullptr && ideal_ && scan_ != nullptr)
      log_->Record(*ideal_, scan_->examined(), rows_);
  }

  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    batch->rows.clear();
    batch->total.reset();
    if (scan_ == nullptr) {
      ASSIGN_OR_RETURN(scan_, start_(ctx));
    }
    bool done = false;
    batch->columns.reset();
    if (batch->take_columns) {
      ASSIGN_OR_RETURN(batch->columns, scan_->NextColumns(ctx, &done));
    }
    if (batch->columns == nullptr) RETURN_IF_ERROR(scan_->Next(ctx, max_rows, &batch->rows, &done));
    if (!batch->rows.empty() && !keys_.empty()) last_ = batch->rows.back();
    rows_ += batch->size();
    batch->end = done ? EndReason::kExhausted : EndReason::kMore;
    return OkStatus();
  }

  std::string Position() const override {
    if (!keys_.empty()) {
      if (!last_) return position_;
      SortPosition at;
      AppendSortKey(&at.key, keys_, last_.root());
      at.tie = TieOf(last_.root());
      at.given = 1;  // an id comes once
      return at.Encode();
    }
    const std::string at = scan_ == nullptr ? "" : scan_->Position();
    return at.empty() ? position_ : at;
  }

  ExplainNode Explain() const override {
    ExplainNode n = explain_();
    n.examined = scan_ == nullptr ? 0 : scan_->examined();
    if (scan_ != nullptr && scan_->by_columns() > 0) n.by_columns = scan_->by_columns();
    return n;
  }

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  const Start start_;
  std::unique_ptr<RecordScan> scan_;
  std::vector<SortKey> keys_;
  const std::string position_;
  Document last_;
  const std::function<ExplainNode()> explain_;
  QueryLog* log_ = nullptr;
  std::optional<IndexSpec> ideal_;
  uint64_t rows_ = 0;
};

// One value that an index knows.
class ValueCursor final : public Cursor {
 public:
  using Find = std::function<StatusOr<std::string>(const Context& ctx)>;
  ValueCursor(Find find, std::function<ExplainNode()> explain)
      : find_(std::move(find)), explain_(std::move(explain)) {}
  Status Next(const Context& ctx, size_t, RowBatch* batch) override {
    batch->rows.clear();
    batch->total.reset();
    ASSIGN_OR_RETURN(const std::string text, find_(ctx));
    batch->rows.push_back(Document::FromTrusted(text));
    batch->end = EndReason::kExhausted;
    return OkStatus();
  }
  std::string Position() const override { return ""; }
  ExplainNode Explain() const override { return explain_(); }

 private:
  const Find find_;
  const std::function<ExplainNode()> explain_;
};

// A scan of no document.
class NoRows final : public RecordScan {
 public:
  Status Next(const Context&, size_t, std::vector<Document>*, bool* done) override {
    *done = true;
    return OkStatus();
  }
  std::string Position() const override { return ""; }
  uint64_t examined() const override { return 0; }
};

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

  const Query& residual() const override { return prepared_->split.residual; }

  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    RETURN_IF_ERROR(ctx.Check());
    const PreparedScan& p = *prepared_;
    std::vector<Node> conjuncts = p.conjuncts;
    std::optional<Node> limit = p.limit;
    std::shared_ptr<const ChosenAccess> chosen = p.chosen;
    if (p.has_params) {
      std::vector<Node> stages;
      if (limit) stages.push_back(*limit);
      ASSIGN_OR_RETURN(const Query bound,
                       BindParameters(Query::Of(conjuncts, stages), options.params));
      conjuncts = bound.conjuncts();
      if (limit) limit = bound.stages()[0];
    }
    if (chosen == nullptr || IsStale(*chosen, *host_)) {
      ASSIGN_OR_RETURN(chosen, Choose(*host_, p, conjuncts, limit));
    }
    std::shared_ptr<const Snapshot> snapshot;
    for (;;) {
      ASSIGN_OR_RETURN(snapshot, host_->TakeSnapshot());
      // An index that went before the snapshot was taken may be empty already.
      const auto catalog = host_->catalog();
      const auto& uses = chosen->plan.chosen.uses;
      if (std::all_of(uses.begin(), uses.end(),
                      [&](const IndexUse& u) { return catalog->Has(u.index->number); }))
        break;
      ASSIGN_OR_RETURN(chosen, Choose(*host_, p, conjuncts, limit));
    }
    if (QueryLog* log = host_->query_log(); log != nullptr) {
      for (const IndexUse& u : chosen->plan.chosen.uses) log->Use(u.index->spec.name);
    }
    return OpenAccess(chosen, conjuncts, limit, std::move(snapshot), options);
  }

  ExplainNode Explain() const override {
    if (prepared_->chosen != nullptr) {
      return Above(Describe(*prepared_->chosen), prepared_->chosen->plan.chosen);
    }
    // What can be said already: the way that the other conditions alone would take.
    const auto known = [](std::vector<Node> conjuncts, std::vector<Node> stages) {
      return BindParameters(Query::Of(std::move(conjuncts), std::move(stages)), {}).ok();
    };
    std::vector<Node> conjuncts;
    for (const Node& c : prepared_->conjuncts) {
      if (known({c}, {})) conjuncts.push_back(c);
    }
    std::optional<Node> limit = prepared_->limit;
    if (limit && !known({}, {*limit})) limit.reset();
    ExplainNode n;
    if (const auto chosen = Choose(*host_, *prepared_, conjuncts, limit); chosen.ok()) {
      n = Describe(**chosen);
      n.operation += ", unless the parameters show a better way";
      return Above(std::move(n), (*chosen)->plan.chosen);
    }
    n.stage = stage_;
    n.operation = "chosen when the parameters are known";
    prepared_->split.Describe(&n);
    return n;
  }

 private:
  using Chosen = std::shared_ptr<const ChosenAccess>;

  // Described when it is asked for. A plan outlives its cursors.
  std::function<ExplainNode()> Later(const Chosen& chosen) const {
    return [this, chosen] { return Describe(*chosen); };
  }

  ExplainNode Describe(const ChosenAccess& c) const {
    const AccessPath& path = c.plan.chosen;
    ExplainNode n;
    n.stage = stage_;
    n.operation = path.Describe();
    for (const IndexUse& u : path.uses) {
      for (const Node& b : u.because) n.bounds.push_back(PrintNode(b));
    }
    if (path.sorted && prepared_->sort) {
      n.order = PrintNode(*prepared_->sort);
    } else if (path.kind == Kind::kScan || path.kind == Kind::kIdSet || path.sorted) {
      n.order = "+id (bytewise)";
    }
    n.estimated_rows = path.rows;
    n.estimated_examined = path.examined;
    n.cost = path.cost;
    n.considered.emplace_back(n.operation, path.cost);
    for (const AccessPath& other : c.plan.others)
      n.considered.emplace_back(other.Describe(), other.cost);
    prepared_->split.Describe(&n);
    return n;
  }

  bool NeedsSort(const AccessPath& path) const {
    return prepared_->sort && !path.sorted && SortMatters(*prepared_);
  }
  bool NeedsEnd(const AccessPath& path) const {
    return prepared_->end && path.kind != Kind::kCountAll && path.kind != Kind::kCountIndex &&
           path.kind != Kind::kEnd;
  }

  // The operators that stand above the way in this plan.
  ExplainNode Above(ExplainNode n, const AccessPath& path) const {
    const auto put = [&](const Node& op) {
      ExplainNode o;
      o.operation = op.name();
      o.taken.push_back(PrintNode(op));
      o.children.push_back(std::move(n));
      n = std::move(o);
    };
    if (NeedsSort(path)) put(*prepared_->sort);
    if (NeedsEnd(path)) put(*prepared_->end);
    if (prepared_->fold) put(*prepared_->fold);
    return n;
  }

  StatusOr<std::unique_ptr<Cursor>> OpenAccess(const Chosen& chosen,
                                               const std::vector<Node>& conjuncts,
                                               const std::optional<Node>& limit,
                                               std::shared_ptr<const Snapshot> snapshot,
                                               const OpenOptions& options) const {
    const PreparedScan& p = *prepared_;
    const ChosenAccess& c = *chosen;
    const AccessPath& path = c.plan.chosen;
    switch (path.kind) {
      case Kind::kCountAll:
        if (const std::optional<uint64_t> n = snapshot->documents()) {
          return Value(snapshot, chosen,
                       [n](const Context&) -> StatusOr<std::string> { return std::to_string(*n); });
        }
        return OpenScan(chosen, conjuncts, limit, std::move(snapshot), options);
      case Kind::kCountIndex:
        return Value(snapshot, chosen,
                     [use = path.uses[0], snapshot](const Context& ctx) -> StatusOr<std::string> {
                       ASSIGN_OR_RETURN(const uint64_t n,
                                        snapshot->CountIndex(ctx, *use.index, use.bounds.ranges));
                       return std::to_string(n);
                     });
      case Kind::kEnd:
        return Value(snapshot, chosen,
                     [snapshot, access = AccessOf(path), filter = c.filter,
                      value = PathOf(p.end->arg(0))](const Context& ctx) -> StatusOr<std::string> {
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
        return OpenRows(chosen, conjuncts, limit, std::move(snapshot), options);
    }
    return Internal("an unknown way to the documents");
  }

  static IndexAccess AccessOf(const AccessPath& path) {
    return {path.uses[0].index, path.uses[0].bounds.ranges, path.order == IndexOrder::kReverse,
            path.covered, std::nullopt};
  }

  std::unique_ptr<Cursor> Value(std::shared_ptr<const Snapshot> snapshot, const Chosen& chosen,
                                ValueCursor::Find find) const {
    auto keep = [snapshot, find = std::move(find)](const Context& ctx) { return find(ctx); };
    return std::make_unique<ValueCursor>(std::move(keep), Later(chosen));
  }

  // A count by looking at every document.
  StatusOr<std::unique_ptr<Cursor>> OpenScan(const Chosen& chosen,
                                             const std::vector<Node>& conjuncts,
                                             const std::optional<Node>& limit,
                                             std::shared_ptr<const Snapshot> snapshot,
                                             const OpenOptions& options) const {
    auto scan = std::make_shared<ChosenAccess>(*chosen);
    scan->plan.chosen = AccessPath();
    scan->plan.chosen.remaining = conjuncts;
    scan->plan.chosen.sorted = !prepared_->sort;
    ASSIGN_OR_RETURN(scan->filter, Filter::Compile(conjuncts));
    return OpenRows(scan, conjuncts, limit, std::move(snapshot), options);
  }

  StatusOr<std::unique_ptr<Cursor>> OpenRows(const Chosen& chosen,
                                             const std::vector<Node>& conjuncts,
                                             const std::optional<Node>& limit,
                                             std::shared_ptr<const Snapshot> snapshot,
                                             const OpenOptions& options) const {
    const PreparedScan& p = *prepared_;
    const ChosenAccess& c = *chosen;
    const AccessPath& path = c.plan.chosen;
    std::unique_ptr<Operator> sort;
    std::string position = options.position;
    OperatorOptions limits;
    limits.memory_budget = options.memory_budget;
    limits.spill_folder = options.spill_folder;
    if (IsMany(path)) limits.helpers = host_->executor();
    std::unique_ptr<Operator> end;
    if (p.fold && p.fold->is(Op::kAggregate)) {
      end = MakeAggregate(*p.fold, limits);
      if (!end->TakePosition(&position)) return BadPosition();
    } else if (p.fold || NeedsEnd(path)) {
      end = MakeScalar(p.fold ? *p.fold : *p.end);
    }
    if (NeedsSort(path)) {
      sort = MakeSort(*p.sort, limit ? &*limit : nullptr, limits);
      if (!sort->TakePosition(&position)) return BadPosition();
    }
    ScanOptions scan;
    scan.whole = !WantedRows(limit);
    if (end != nullptr && sort == nullptr) {
      // What folds rows as they lie in the store can take their columns.
      if (std::optional<std::vector<Path>> values = end->TakeColumns())
        scan.values = *std::move(values);
    }
    ASSIGN_OR_RETURN(ScanCursor::Start start,
                     StartOf(c, conjuncts, *snapshot, position, options.memory_budget, scan));
    auto rows = std::make_unique<ScanCursor>(snapshot, std::move(start),
                                             path.sorted && p.sort ? p.sort : std::nullopt,
                                             position, Later(chosen));
    if (QueryLog* log = host_->query_log(); log != nullptr && path.kind == Kind::kScan) {
      if (!path.ids.ids) rows->LogTo(log, IdealIndex(conjuncts, p.sort));
    }
    std::unique_ptr<Cursor> cursor = std::move(rows);
    const auto put = [&](std::unique_ptr<Operator> op) {
      op->SetInput(Measure(std::move(cursor), options.timed));
      cursor = std::move(op);
    };
    if (sort != nullptr) put(std::move(sort));
    if (end != nullptr) put(std::move(end));
    return cursor;
  }

  // Threads pay when there are many documents.
  static bool IsMany(const AccessPath& path) { return path.examined >= kParallelRows; }

  static Status BadPosition() {
    return InvalidArgument("this is no continuation; take one from an earlier page as it is");
  }

  // What begins to read behind `position`. It runs at the first pull, where its time is counted.
  StatusOr<ScanCursor::Start> StartOf(const ChosenAccess& c, const std::vector<Node>& conjuncts,
                                      const Snapshot& snapshot, const std::string& position,
                                      size_t budget, ScanOptions scan) const {
    const AccessPath& path = c.plan.chosen;
    const Snapshot* const from = &snapshot;  // the cursor keeps it
    if (path.kind == Kind::kScan) {
      if (scan.whole && IsMany(path)) scan.helpers = host_->executor();
      return ScanCursor::Start([from, ids = path.ids, filter = c.filter, position,
                                scan = std::move(scan)](const Context&) {
        return StatusOr<std::unique_ptr<RecordScan>>(from->Scan(ids, filter, position, scan));
      });
    }
    if (path.kind == Kind::kIdSet) {
      return ScanCursor::Start(
          [from, path, filter = c.filter, conjuncts, position, budget](const Context& ctx) {
            return ScanIds(ctx, *from, path, filter, conjuncts, position, budget);
          });
    }
    IndexAccess access = AccessOf(path);
    if (access.ranges.empty()) {
      return ScanCursor::Start([](const Context&) {
        return StatusOr<std::unique_ptr<RecordScan>>(std::make_unique<NoRows>());
      });
    }
    if (!position.empty()) {
      const IndexUse& use = path.uses[0];
      if (prepared_->sort) {
        SortPosition at;
        if (!at.Decode(position)) return BadPosition();
        const std::optional<std::string> key =
            IndexKeyOf(use.index->spec, use.bounds, SortKeysOf(*prepared_->sort), at.key);
        if (!key) return BadPosition();
        access.after = {*key, at.tie};
      } else {
        access.after = {access.ranges[0].from, position};  // all have one key
      }
    }
    return ScanCursor::Start([from, access, filter = c.filter](const Context&) {
      return from->ScanIndex(access, filter);
    });
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
};

StatusOr<std::shared_ptr<const PreparedScan>> MakePrepared(ScanHost& host, const Query& query) {
  auto p = std::make_shared<PreparedScan>();
  SplitBuilder builder(query);
  builder.TakeAllConjuncts();
  size_t taken = 0;
  const auto next = [&](Op op) {
    const Node* n = builder.next_stage();
    return n != nullptr && n->is(op);
  };
  const auto take = [&]() -> const Node& {
    const Node& n = *builder.next_stage();
    builder.TakeStage();
    ++taken;
    return n;
  };
  if (next(Op::kUsing)) {
    for (const Node& a : take().args()) p->hint.push_back(a.text());
  }
  if (next(Op::kSort)) p->sort = take();
  if (next(Op::kCount) || (!p->sort && (next(Op::kMin) || next(Op::kMax)))) {
    p->end = take();
  } else if (next(Op::kAggregate) || next(Op::kSum) || next(Op::kMean)) {
    p->fold = take();
  }
  if (!p->end && !p->fold) p->limit = LimitBehind(std::span(query.stages()).subspan(taken));
  if (const Node* n = builder.next_stage();
      n != nullptr && !p->fold && (n->is(Op::kFirst) || n->is(Op::kOne)))
    p->limit = Node::Call(Op::kLimit, {Lit(n->is(Op::kFirst) ? 1 : 2)});
  p->split = builder.Finish();
  p->conjuncts = query.conjuncts();
  p->read = PathsRead(query);
  std::vector<Node> valued = p->conjuncts;
  if (p->limit) valued.push_back(*p->limit);
  p->has_params = Query::Of(valued, {}).param_count() > 0;
  if (!p->has_params) {
    ASSIGN_OR_RETURN(p->chosen, Choose(host, *p, p->conjuncts, p->limit));
  }
  return std::shared_ptr<const PreparedScan>(std::move(p));
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
