// distinct and recurse: one row in, none, one or several out.
#include <deque>

#include "core/key_encoding.h"
#include "query/operators/operators.h"

namespace strata {
namespace {

class DistinctOperator final : public RootOperator {
 public:
  DistinctOperator(const Node& n, size_t budget) : RootOperator(n), budget_(budget) {
    for (const Node& a : n.args()) paths_.push_back(PathOf(a));
  }

 protected:
  Status Produce(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    do {
      RETURN_IF_ERROR(ctx.Check());
      RETURN_IF_ERROR(input().Next(ctx, max_rows, batch));
      size_t kept = 0;
      for (Document& d : batch->rows) {
        std::string key;
        if (paths_.empty()) {
          AppendKey(&key, d.root());
        } else {
          for (const Path& p : paths_) AppendKey(&key, p.Get(d.root()));
        }
        const size_t bytes = key.size() + 48;
        if (!seen_.insert(std::move(key)).second) continue;
        held_ += bytes;
        if (held_ > budget_) return OverBudget("distinct", budget_);
        batch->rows[kept++] = std::move(d);
      }
      batch->rows.resize(kept);
    } while (batch->rows.empty() && batch->end == EndReason::kMore);
    return OkStatus();
  }

 private:
  const size_t budget_;
  std::vector<Path> paths_;
  StringSet seen_;
  size_t held_ = 0;
};

// Each row, then, depth first, the objects nested in it: at one property (an object or an array of
// them), or at any. Documents are trees of bounded depth, so there is no cycle to guard against.
class RecurseOperator final : public RootOperator {
 public:
  RecurseOperator(const Node& n, size_t budget) : RootOperator(n), budget_(budget) {
    if (n.size() == 1) path_ = PathOf(n.arg(0));
  }

 protected:
  Status Produce(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    while (pending_.empty() && !exhausted_) {
      RETURN_IF_ERROR(ctx.Check());
      RowBatch in;
      RETURN_IF_ERROR(input().Next(ctx, 1, &in));
      exhausted_ = in.end != EndReason::kMore;
      for (Document& d : in.rows) {
        const Value root = d.root();
        pending_.push_back(d);
        Descend(root);
        if (held_ > budget_) return OverBudget("recurse", budget_);
      }
    }
    while (!pending_.empty() && batch->rows.size() < max_rows) {
      held_ -= std::min(held_, pending_.front().text().size());
      batch->rows.push_back(std::move(pending_.front()));
      pending_.pop_front();
    }
    if (pending_.empty() && exhausted_) batch->end = EndReason::kExhausted;
    return OkStatus();
  }

 private:
  void Emit(Value v) {
    if (v.is_array()) {
      for (uint32_t i = 0; i < v.size(); ++i) Emit(v.At(i));
    } else if (v.is_object()) {
      held_ += v.text().size();
      if (held_ > budget_) return;  // the caller says so
      pending_.push_back(Document::FromTrusted(v.text()));
      Descend(v);
    }
  }

  void Descend(Value row) {
    if (!path_.empty()) {
      Emit(path_.Get(row));
    } else {
      for (uint32_t i = 0; i < row.size(); ++i) Emit(row.At(i));
    }
  }

  const size_t budget_;
  size_t held_ = 0;
  Path path_;
  std::deque<Document> pending_;
  bool exhausted_ = false;
};

}  // namespace

std::unique_ptr<Operator> MakeDistinct(const Node& n, size_t memory_budget) {
  return std::make_unique<DistinctOperator>(n, memory_budget);
}
std::unique_ptr<Operator> MakeRecurse(const Node& n, size_t memory_budget) {
  return std::make_unique<RecurseOperator>(n, memory_budget);
}

}  // namespace strata
