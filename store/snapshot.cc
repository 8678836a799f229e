#include "store/snapshot.h"

#include "query/split.h"

namespace strata {
namespace {

class ScanCursor final : public Cursor {
 public:
  ScanCursor(std::shared_ptr<const Snapshot> snapshot, const IdBounds& bounds, const Filter& filter,
             const std::string& after, ExplainNode explain)
      : snapshot_(std::move(snapshot)),
        scan_(snapshot_->Scan(bounds, filter, after)),
        explain_(std::move(explain)),
        after_(after) {}

  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    batch->rows.clear();
    bool done = false;
    RETURN_IF_ERROR(scan_->Next(ctx, max_rows, &batch->rows, &done));
    batch->end = done ? EndReason::kExhausted : EndReason::kMore;
    return OkStatus();
  }
  std::string Position() const override {
    std::string at = scan_->Position();
    return at.empty() ? after_ : at;
  }
  ExplainNode Explain() const override {
    ExplainNode n = explain_;
    n.examined = scan_->examined();
    return n;
  }

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  std::unique_ptr<RecordScan> scan_;
  ExplainNode explain_;
  std::string after_;
};

class ScanPlan final : public Plan {
 public:
  ScanPlan(std::string stage, SnapshotSource source, double rows, Split split)
      : stage_(std::move(stage)),
        source_(std::move(source)),
        rows_(rows),
        split_(std::move(split)) {}

  Status Init() {
    const Query taken = Query::Of(split_.taken_conjuncts, {});
    has_params_ = taken.param_count() > 0;
    if (has_params_) return OkStatus();
    ASSIGN_OR_RETURN(filter_, Filter::Compile(split_.taken_conjuncts));
    bounds_ = IdBoundsOf(split_.taken_conjuncts);
    return OkStatus();
  }

  const Query& residual() const override { return split_.residual; }

  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    RETURN_IF_ERROR(ctx.Check());
    Filter filter = filter_;
    IdBounds bounds = bounds_;
    if (has_params_) {
      ASSIGN_OR_RETURN(const Query bound,
                       BindParameters(Query::Of(split_.taken_conjuncts, {}), options.params));
      ASSIGN_OR_RETURN(filter, Filter::Compile(bound.conjuncts()));
      bounds = IdBoundsOf(bound.conjuncts());
    }
    ASSIGN_OR_RETURN(std::shared_ptr<const Snapshot> snapshot, source_());
    return std::make_unique<ScanCursor>(std::move(snapshot), bounds, filter, options.position,
                                        Describe(bounds));
  }

  ExplainNode Explain() const override { return Describe(bounds_); }

 private:
  ExplainNode Describe(const IdBounds& bounds) const {
    ExplainNode n;
    n.stage = stage_;
    n.operation = bounds.AccessName();
    n.order = "+id (bytewise)";
    n.estimated_rows = bounds.ids ? static_cast<double>(bounds.ids->size()) : rows_;
    split_.Describe(&n);
    return n;
  }

  const std::string stage_;
  const SnapshotSource source_;
  const double rows_;
  const Split split_;
  bool has_params_ = false;
  Filter filter_;
  IdBounds bounds_;
};

}  // namespace

StatusOr<std::unique_ptr<Plan>> PrepareScan(std::string stage, SnapshotSource source, double rows,
                                            const Query& query) {
  SplitBuilder builder(query);
  builder.TakeAllConjuncts();
  auto plan =
      std::make_unique<ScanPlan>(std::move(stage), std::move(source), rows, builder.Finish());
  RETURN_IF_ERROR(plan->Init());
  return plan;
}

}  // namespace strata
