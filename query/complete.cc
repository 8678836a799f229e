#include "query/complete.h"

#include "query/continuation.h"
#include "query/operators/measured.h"
#include "query/operators/operators.h"

namespace strata {
namespace {

class CompletedCursor final : public Cursor {
 public:
  CompletedCursor(std::unique_ptr<Cursor> top, std::string query_text, bool scalar)
      : top_(std::move(top)), query_text_(std::move(query_text)), scalar_(scalar) {}
  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    return top_->Next(ctx, max_rows, batch);
  }
  std::string Position() const override {
    return scalar_ ? "" : EncodeContinuation(query_text_, top_->Position());
  }
  ExplainNode Explain() const override { return top_->Explain(); }

 private:
  std::unique_ptr<Cursor> top_;
  const std::string query_text_;
  const bool scalar_;
};

class CompletedPlan final : public Plan {
 public:
  CompletedPlan(std::unique_ptr<Plan> inner, const Query& query)
      : inner_(std::move(inner)), query_(WithoutAfter(query).value()) {
    for (const Node& n : query.stages()) {
      if (n.is(Op::kAfter)) after_ = n.arg(0);
    }
  }

  const Query& residual() const override { return nothing_; }

  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    std::string continuation = options.position;
    if (continuation.empty() && (after_.is_string() || after_.kind() == Node::Kind::kParam)) {
      ASSIGN_OR_RETURN(
          const Query bound,
          BindParameters(Query::Of({}, {Node::Call(Op::kAfter, {after_})}), options.params));
      continuation = bound.stages()[0].arg(0).text();
    }
    ASSIGN_OR_RETURN(const Query bound, BindParameters(query_, options.params));
    const std::string text = bound.ToString();
    std::string position;
    if (!continuation.empty()) {
      ASSIGN_OR_RETURN(position, DecodeContinuation(text, continuation));
    }
    ASSIGN_OR_RETURN(const Query residual, BindParameters(inner_->residual(), options.params));
    ASSIGN_OR_RETURN(
        OperatorList operators,
        MakeOperators(residual, {options.memory_budget, options.spill_folder, nullptr}));
    if (!TakePositions(operators, &position)) return BadContinuation();
    OpenOptions inner_options = options;
    inner_options.position = position;
    ASSIGN_OR_RETURN(std::unique_ptr<Cursor> cursor, inner_->Open(ctx, inner_options));
    cursor = Stack(std::move(cursor), std::move(operators), options.timed);
    cursor = Measure(std::move(cursor), options.timed);
    return std::make_unique<CompletedCursor>(std::move(cursor), text, query_.is_scalar());
  }

  ExplainNode Explain() const override {
    return ExplainOperators(inner_->residual(), "", inner_->Explain());
  }

 private:
  std::unique_ptr<Plan> inner_;
  const Query query_;
  const Query nothing_;
  Node after_;
};

}  // namespace

StatusOr<Query> WithoutAfter(const Query& query) {
  std::vector<Node> stages;
  int found = 0;
  for (const Node& n : query.stages()) {
    if (n.is(Op::kAfter)) {
      ++found;
    } else {
      stages.push_back(n);
    }
  }
  if (found > 1) return InvalidArgument("after(…) may stand once in a query");
  if (found == 0) return query;
  // Conditions that followed only after(…) are leading conjuncts; a hint stands before everything.
  std::vector<Node> conjuncts = query.conjuncts();
  const auto first = stages.begin() + (!stages.empty() && stages[0].is(Op::kUsing) ? 1 : 0);
  auto last = first;
  while (last != stages.end() && SpecOf(last->op()).role == Role::kPredicate)
    conjuncts.push_back(*last++);
  stages.erase(first, last);
  return Query::Of(std::move(conjuncts), std::move(stages));
}

std::unique_ptr<Plan> Complete(std::unique_ptr<Plan> inner, const Query& query) {
  return std::make_unique<CompletedPlan>(std::move(inner), query);
}

}  // namespace strata
