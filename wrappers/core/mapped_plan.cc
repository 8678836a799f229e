#include "wrappers/core/mapped_plan.h"

#include "core/path.h"
#include "store/ops.h"

namespace strata {
namespace {

class MappedCursor final : public Cursor {
 public:
  MappedCursor(std::unique_ptr<Cursor> inner, std::shared_ptr<const RowMapping> mapping,
               ExplainNode explain)
      : inner_(std::move(inner)), mapping_(std::move(mapping)), explain_(std::move(explain)) {}

  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    RETURN_IF_ERROR(inner_->Next(ctx, max_rows, batch));
    if (mapping_ != nullptr) {
      for (Document& row : batch->rows) row = mapping_->VisibleRow(row);
    }
    return OkStatus();
  }
  std::string Position() const override { return inner_->Position(); }
  ExplainNode Explain() const override {
    ExplainNode n = explain_;
    n.children.push_back(inner_->Explain());
    return n;
  }

 private:
  std::unique_ptr<Cursor> inner_;
  const std::shared_ptr<const RowMapping> mapping_;  // null: rows are shown as they come
  const ExplainNode explain_;
};

class MappedPlan final : public Plan {
 public:
  // `inner` leaves nothing.
  MappedPlan(std::unique_ptr<Plan> inner, std::shared_ptr<const RowMapping> mapping,
             const Split& split, std::string stage)
      : inner_(std::move(inner)), mapping_(std::move(mapping)), residual_(split.residual) {
    explain_.stage = std::move(stage);
    explain_.operation = "map";
    split.Describe(&explain_);
  }
  const Query& residual() const override { return residual_; }
  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    ASSIGN_OR_RETURN(auto cursor, inner_->Open(ctx, options));
    return std::make_unique<MappedCursor>(std::move(cursor), mapping_, explain_);
  }
  ExplainNode Explain() const override {
    ExplainNode n = explain_;
    n.children.push_back(inner_->Explain());
    return n;
  }

 private:
  std::unique_ptr<Plan> inner_;
  const std::shared_ptr<const RowMapping> mapping_;
  const Query residual_;
  ExplainNode explain_;
};

std::optional<Node> MapPath(const Node& path, const RowMapping& mapping) {
  auto stored = mapping.StoredPath(PathOf(path).names());
  if (!stored) return std::nullopt;
  return Node::PathNode(*stored);
}

std::optional<Node> MapSort(const Node& sort, const RowMapping& mapping) {
  std::vector<Node> args;
  for (const Node& a : sort.args()) {
    const SortKey key = SortKeyOf(a);
    auto stored = mapping.StoredPath(key.path.names());
    if (!stored || stored->empty()) return std::nullopt;
    (*stored)[0].insert(0, key.descending ? "-" : "+");
    args.push_back(Node::PathNode(*stored));
  }
  return Node::Call(Op::kSort, std::move(args));
}

}  // namespace

std::optional<Node> MapCondition(const Node& c, const RowMapping& mapping) {
  std::vector<Node> args(c.args().begin(), c.args().end());
  switch (c.op()) {
    case Op::kAnd:
    case Op::kOr:
    case Op::kNot:
      for (Node& a : args) {
        auto mapped = MapCondition(a, mapping);
        if (!mapped) return std::nullopt;
        a = *std::move(mapped);
      }
      return Node::Call(c.op(), std::move(args));
    case Op::kFulltext:
    case Op::kRel:
    case Op::kOther:
      return std::nullopt;
    default:
      break;
  }
  // A comparison of the row itself, or one whose nested conditions read below the path.
  if (c.size() == 1 && !c.is(Op::kExists)) return std::nullopt;
  auto path = MapPath(c.arg(0), mapping);
  if (!path) return std::nullopt;
  args[0] = *std::move(path);
  return Node::Call(c.op(), std::move(args));
}

template <typename Target>
StatusOr<std::unique_ptr<Plan>> PrepareMapped(Target& inner, const Context& ctx, const Query& query,
                                              std::shared_ptr<const RowMapping> mapping,
                                              const std::vector<Node>& more, std::string stage) {
  SplitBuilder split(query);
  std::vector<Node> conjuncts = more;
  bool all = true;
  for (size_t i = 0; i < query.conjuncts().size(); ++i) {
    if (auto mapped = MapCondition(query.conjuncts()[i], *mapping)) {
      conjuncts.push_back(*std::move(mapped));
      split.TakeConjunct(i);
    } else {
      all = false;
    }
  }
  std::vector<Node> stages;
  bool maps_rows = true;
  while (const Node* stage = split.next_stage()) {
    std::optional<Node> down;
    if (stage->is(Op::kSort)) {
      down = MapSort(*stage, *mapping);
    } else if (all && (stage->is(Op::kLimit) || stage->is(Op::kCount))) {
      down = *stage;
    } else if (stage->is(Op::kUsing)) {
      down = *stage;
    }
    if (!down || !split.TakeStage()) break;
    stages.push_back(*std::move(down));
    if (stages.back().is(Op::kCount)) {
      maps_rows = false;
      break;
    }
  }
  ASSIGN_OR_RETURN(auto plan,
                   PrepareComplete(inner, ctx, Query::Of(std::move(conjuncts), std::move(stages))));
  return std::make_unique<MappedPlan>(std::move(plan), maps_rows ? std::move(mapping) : nullptr,
                                      split.Finish(), std::move(stage));
}

template StatusOr<std::unique_ptr<Plan>> PrepareMapped(Store&, const Context&, const Query&,
                                                       std::shared_ptr<const RowMapping>,
                                                       const std::vector<Node>&, std::string);
template StatusOr<std::unique_ptr<Plan>> PrepareMapped(Transaction&, const Context&, const Query&,
                                                       std::shared_ptr<const RowMapping>,
                                                       const std::vector<Node>&, std::string);

}  // namespace strata
