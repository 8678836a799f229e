// The ends of a query that give one value.
#include "query/operators/accumulator.h"
#include "query/operators/operators.h"

namespace strata {
namespace {

// Pulls everything and gives one value.
class ScalarOperator final : public RootOperator {
 public:
  explicit ScalarOperator(const Node& n) : RootOperator(n), op_(n.op()) {
    if (n.size() == 1) path_ = PathOf(n.arg(0));
  }

  std::optional<std::vector<Path>> TakeColumns() override {
    if (op_ == Op::kFirst || op_ == Op::kOne) return std::nullopt;
    take_columns_ = true;
    return op_ == Op::kCount ? std::vector<Path>() : std::vector<Path>{path_};
  }

 protected:
  Status Produce(const Context& ctx, size_t, RowBatch* batch) override {
    batch->end = EndReason::kExhausted;
    if (op_ == Op::kFirst || op_ == Op::kOne) return ProduceRow(ctx, batch);
    Accumulator acc(op_);
    RowBatch in;
    in.take_columns = take_columns_;
    do {
      RETURN_IF_ERROR(ctx.Check());
      RETURN_IF_ERROR(input().Next(ctx, kBatchRows, &in));
      if (op_ == Op::kCount) {
        acc.AddCount(in.size());
        continue;
      }
      for (const Document& d : in.rows) acc.Add(path_.Get(d.root()));
      if (in.columns != nullptr) {
        AddColumn(*in.columns, in.columns->columns[0].get(), path_,
                  [&](size_t, const auto& act) { act(acc); });
      }
    } while (in.end == EndReason::kMore);
    batch->rows.push_back(Document::FromTrusted(acc.Result()));
    return OkStatus();
  }

 private:
  Status ProduceRow(const Context& ctx, RowBatch* batch) {
    const size_t want = op_ == Op::kOne ? 2 : 1;
    RowBatch in;
    std::vector<Document> found;
    do {
      RETURN_IF_ERROR(input().Next(ctx, want - found.size(), &in));
      found.insert(found.end(), in.rows.begin(), in.rows.end());
    } while (in.end == EndReason::kMore && found.size() < want);
    if (op_ == Op::kOne && found.empty()) return NotFound("one() found no row");
    if (op_ == Op::kOne && found.size() > 1) return FailedPrecondition("one() found several rows");
    batch->rows.push_back(found.empty() ? Document::FromTrusted("null") : found[0]);
    return OkStatus();
  }

  const Op op_;
  Path path_;
  bool take_columns_ = false;
};

}  // namespace

std::unique_ptr<Operator> MakeScalar(const Node& n) { return std::make_unique<ScalarOperator>(n); }

}  // namespace strata
