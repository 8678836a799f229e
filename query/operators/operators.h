// The shared operators: cursors over cursors. Base stores put them over a way to their documents,
// Complete() over what a plan leaves.
#ifndef STRATA_QUERY_OPERATORS_OPERATORS_H_
#define STRATA_QUERY_OPERATORS_OPERATORS_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/executor.h"
#include "query/operator_table.h"
#include "query/plan.h"

namespace strata {

// Either row by row (each output row comes from the rows pulled so far, nothing is held back, so
// the input's position is its own), or a root of positions (it counts what it gave, and a resumed
// run repeats the input and skips).
class Operator : public Cursor {
 public:
  void SetInput(std::unique_ptr<Cursor> input) { input_ = std::move(input); }
  // The stage whose operator this is, for explain; "": nobody's.
  void SetStage(std::string stage) { stage_ = std::move(stage); }
  // Takes this operator's part off the end of a position; false when it is damaged.
  virtual bool TakePosition(std::string* position) = 0;
  // Says that the input may give columns, one for each of these paths. None: this operator takes
  // rows only.
  virtual std::optional<std::vector<Path>> TakeColumns() { return std::nullopt; }
  ExplainNode Explain() const override;

 protected:
  explicit Operator(const Node& n);
  Operator(std::string operation, std::vector<std::string> text)
      : operation_(std::move(operation)), text_(std::move(text)) {}
  Cursor& input() const { return *input_; }

 private:
  std::string operation_;
  std::vector<std::string> text_;
  std::string stage_;
  std::unique_ptr<Cursor> input_;
};

// An operator that is a root of positions. Its rows come from Produce; skipping is done here.
class RootOperator : public Operator {
 public:
  bool TakePosition(std::string* position) override;
  std::string Position() const override;
  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override;

 protected:
  using Operator::Operator;
  // As Cursor::Next, but *batch is empty on entry.
  virtual Status Produce(const Context& ctx, size_t max_rows, RowBatch* batch) = 0;

 private:
  uint64_t skip_ = 0;
  uint64_t given_ = 0;
};

// What a query may use.
struct OperatorOptions {
  size_t memory_budget = 256u << 20;  // bytes that one sort, distinct or aggregate may hold
  std::string spill_folder;           // where the rest goes; "": TMPDIR, else /tmp
  std::shared_ptr<Executor> helpers;  // threads that may aggregate; null: none
};

using OperatorList = std::vector<std::unique_ptr<Operator>>;
// Bottom first. Requires: bound, without parameters and after(…).
StatusOr<OperatorList> MakeOperators(const Query& residual, const OperatorOptions& options);
// Each takes its own part of the position off the end; false when it is damaged.
bool TakePositions(const OperatorList& operators, std::string* position);
// The operators over `bottom`, each counting what comes up from below.
std::unique_ptr<Cursor> Stack(std::unique_ptr<Cursor> bottom, OperatorList operators, bool timed);
// As explain shows them over `below`. The query may have parameters.
ExplainNode ExplainOperators(const Query& residual, const std::string& stage, ExplainNode below);
// The limit that the stages reach before anything that needs more rows than it gives.
std::optional<Node> LimitBehind(std::span<const Node> stages);

StatusOr<std::unique_ptr<Operator>> MakeFilter(const std::vector<Node>& conditions);
std::unique_ptr<Operator> MakeProjection(const Node& n);  // select, unselect, values
std::unique_ptr<Operator> MakeLimit(const Node& n);
// `limit`: what LimitBehind says of the stages that follow, or null; then only so many rows are
// kept.
std::unique_ptr<Operator> MakeSort(const Node& n, const Node* limit,
                                   const OperatorOptions& options);
std::unique_ptr<Operator> MakeDistinct(const Node& n, const OperatorOptions& options);
std::unique_ptr<Operator> MakeRecurse(const Node& n, const OperatorOptions& options);
std::unique_ptr<Operator> MakeAggregate(const Node& n, const OperatorOptions& options);
std::unique_ptr<Operator> MakeScalar(const Node& n);

// For the errors of operators that hold rows.
Status OverBudget(std::string_view operation, size_t budget);

}  // namespace strata

#endif  // STRATA_QUERY_OPERATORS_OPERATORS_H_
