#include "query/operators/operators.h"

#include <algorithm>
#include <cstring>

#include "query/operators/measured.h"
#include "query/print.h"

namespace strata {

Operator::Operator(const Node& n) : operation_(n.name()), text_({PrintNode(n)}) {}

ExplainNode Operator::Explain() const {
  ExplainNode n;
  n.stage = stage_;
  n.operation = operation_;
  n.taken = text_;
  n.children.push_back(input_->Explain());
  return n;
}

bool RootOperator::TakePosition(std::string* position) {
  if (position->empty()) return true;
  if (position->size() != sizeof skip_) return false;
  std::memcpy(&skip_, position->data(), sizeof skip_);
  given_ = skip_;
  position->clear();  // the input begins anew
  return true;
}

std::string RootOperator::Position() const {
  return {reinterpret_cast<const char*>(&given_), sizeof given_};
}

Status RootOperator::Next(const Context& ctx, size_t max_rows, RowBatch* batch) {
  for (;;) {
    batch->rows.clear();
    batch->columns.reset();
    batch->total.reset();
    batch->end = EndReason::kMore;
    const uint64_t passing = skip_ < max_rows ? skip_ : max_rows;
    RETURN_IF_ERROR(Produce(ctx, passing > 0 ? passing : max_rows, batch));
    if (passing == 0) break;
    skip_ -= std::min<uint64_t>(passing, batch->rows.size());
    if (batch->end != EndReason::kMore) {
      batch->rows.clear();
      return OkStatus();
    }
  }
  given_ += batch->rows.size();
  return OkStatus();
}

Status OverBudget(std::string_view operation, size_t budget) {
  return ResourceExhausted(Concat(operation, " holds more than its budget of ",
                                  std::to_string(budget >> 20),
                                  " MiB; narrow the query, add a limit, or raise memory_budget"));
}

StatusOr<OperatorList> MakeOperators(const Query& residual, const OperatorOptions& options) {
  OperatorList list;
  if (!residual.conjuncts().empty()) {
    ASSIGN_OR_RETURN(auto filter, MakeFilter(residual.conjuncts()));
    list.push_back(std::move(filter));
  }
  const std::vector<Node>& stages = residual.stages();
  for (size_t i = 0; i < stages.size(); ++i) {
    const Node& n = stages[i];
    switch (n.op()) {
      case Op::kSort: {
        const std::optional<Node> limit = LimitBehind(std::span(stages).subspan(i + 1));
        list.push_back(MakeSort(n, limit ? &*limit : nullptr, options));
        break;
      }
      case Op::kSelect:
      case Op::kUnselect:
      case Op::kValues:
        list.push_back(MakeProjection(n));
        break;
      case Op::kLimit:
        list.push_back(MakeLimit(n));
        break;
      case Op::kDistinct:
        list.push_back(MakeDistinct(n, options));
        break;
      case Op::kRecurse:
        list.push_back(MakeRecurse(n, options));
        break;
      case Op::kAggregate:
        list.push_back(MakeAggregate(n, options));
        break;
      case Op::kUsing:
        break;  // it is for stores; the rows are the same without it
      case Op::kAfter:
        return Internal("after(…) reached an operator");
      default:
        if (SpecOf(n.op()).role == Role::kScalar) {
          list.push_back(MakeScalar(n));
        } else {
          ASSIGN_OR_RETURN(auto filter, MakeFilter({n}));
          list.push_back(std::move(filter));
        }
    }
  }
  return list;
}

bool TakePositions(const OperatorList& operators, std::string* position) {
  return std::all_of(operators.rbegin(), operators.rend(),
                     [&](const auto& op) { return op->TakePosition(position); });
}

std::unique_ptr<Cursor> Stack(std::unique_ptr<Cursor> bottom, OperatorList operators, bool timed) {
  for (auto& op : operators) {
    op->SetInput(Measure(std::move(bottom), timed));
    bottom = std::move(op);
  }
  return bottom;
}

ExplainNode ExplainOperators(const Query& residual, const std::string& stage, ExplainNode below) {
  const auto put = [&](std::string_view operation, std::span<const Node> taken) {
    ExplainNode n;
    n.stage = stage;
    n.operation = operation;
    for (const Node& t : taken) n.taken.push_back(PrintNode(t));
    n.children.push_back(std::move(below));
    below = std::move(n);
  };
  if (!residual.conjuncts().empty()) put("filter", residual.conjuncts());
  for (const Node& s : residual.stages()) {
    if (s.is(Op::kUsing)) continue;
    put(SpecOf(s.op()).role == Role::kPredicate ? "filter" : s.name(), {&s, 1});
  }
  return below;
}

std::optional<Node> LimitBehind(std::span<const Node> stages) {
  for (const Node& n : stages) {
    if (n.is(Op::kLimit)) return n;
    if (n.is(Op::kFirst) || n.is(Op::kOne))
      return Node::Call(Op::kLimit, {Lit(n.is(Op::kFirst) ? 1 : 2)});
    if (!n.is(Op::kSelect) && !n.is(Op::kUnselect) && !n.is(Op::kValues)) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace strata
