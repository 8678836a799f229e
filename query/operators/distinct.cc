// distinct and recurse: one row in, none, one or several out.
#include <deque>

#include "core/abseil.h"
#include "core/key_encoding.h"
#include "query/columns/by_codes.h"
#include "query/operators/external_sort.h"
#include "query/operators/operators.h"

namespace strata {
namespace {

// Gives each row whose value is new as it comes. When half of the budget is used up, rows with
// values that are not among those seen are sorted by value (on disk, if need be), and the first of
// each follows at the end in the order of coming.
class DistinctOperator final : public RootOperator {
 public:
  DistinctOperator(const Node& n, const OperatorOptions& options)
      : RootOperator(n),
        budget_(options.memory_budget),
        late_(budget_ / 2, options.spill_folder),
        late_firsts_(budget_ / 2, options.spill_folder) {
    for (const Node& a : n.args()) paths_.push_back(PathOf(a));
  }

  std::optional<std::vector<Path>> TakeColumns() override {
    if (paths_.empty()) return std::nullopt;
    in_.take_columns = true;
    return paths_;
  }

  ExplainNode Explain() const override {
    ExplainNode n = Operator::Explain();
    const uint64_t spilled = late_.spilled_bytes() + late_firsts_.spilled_bytes();
    if (spilled > 0) n.spilled_bytes = spilled;
    return n;
  }

 protected:
  Status Produce(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    while (!input_done_) {
      if (at_ == in_.size()) RETURN_IF_ERROR(Pull(ctx, max_rows));
      if (in_.columns != nullptr) {
        RETURN_IF_ERROR(AddColumns(ctx, max_rows, batch));
      } else {
        while (at_ < in_.rows.size()) {
          Document& d = in_.rows[at_++];
          RETURN_IF_ERROR(Add(
              ctx, d.root(), [&] { return std::move(d); }, batch));
        }
      }
      if (at_ == in_.size() && in_.end != EndReason::kMore) {
        input_done_ = true;
        batch->total = in_.total;
        batch->end = late_.empty() ? in_.end : EndReason::kMore;
        if (late_.empty()) return OkStatus();
        RETURN_IF_ERROR(SortLate(ctx));
      }
      if (!batch->rows.empty()) return OkStatus();
    }
    SortRow row;
    while (batch->rows.size() < max_rows) {
      ASSIGN_OR_RETURN(const bool more, late_firsts_.Next(ctx, &row));
      if (!more) {
        batch->end = EndReason::kExhausted;
        break;
      }
      batch->rows.push_back(std::move(row.document));
    }
    return OkStatus();
  }

 private:
  Status Pull(const Context& ctx, size_t max_rows) {
    RETURN_IF_ERROR(ctx.Check());
    RETURN_IF_ERROR(input().Next(ctx, max_rows, &in_));
    at_ = 0;
    passed_.reset();
    if (in_.columns == nullptr) return OkStatus();
    std::vector<const Column*> columns;
    for (const auto& c : in_.columns->columns) columns.push_back(c.get());
    passed_.emplace(std::move(columns), 0);
    return OkStatus();
  }

  // Passes rows until there are enough in the batch. `passed_` knows most of them by their codes.
  Status AddColumns(const Context& ctx, size_t max_rows, RowBatch* batch) {
    const ColumnRows& rows = *in_.columns;
    while (at_ < rows.selected.size() && batch->rows.size() < max_rows) {
      const Column::Place place = rows.selected[at_++];
      if (char* const passed = passed_->Find(place); passed != nullptr) {
        if (std::exchange(*passed, 1)) continue;
      }
      RETURN_IF_ERROR(Add(
          ctx, rows.documents->At(place), [&] { return rows.documents->Share(place); }, batch));
    }
    return OkStatus();
  }

  // Gives the row if its value is new; puts it off if nobody can tell.
  template <typename Give>
  Status Add(const Context& ctx, Value row, const Give& give, RowBatch* batch) {
    key_.clear();
    if (paths_.empty()) {
      AppendKey(&key_, row);
    } else {
      for (const Path& p : paths_) AppendKey(&key_, p.Get(row));
    }
    if (seen_.contains(key_)) return OkStatus();
    if (full_) return late_.Add(ctx, SortRow(key_, late_.rows(), give()));
    held_ += key_.size() + 48;
    full_ = held_ > budget_ / 2;
    seen_.insert(key_);
    batch->rows.push_back(give());
    return OkStatus();
  }

  Status SortLate(const Context& ctx) {
    seen_.clear();
    RETURN_IF_ERROR(late_.Finish(ctx));
    SortRow row;
    std::string key;
    for (uint64_t n = 1;; ++n) {
      if (n % 1024 == 0) RETURN_IF_ERROR(ctx.Check());
      ASSIGN_OR_RETURN(const bool more, late_.Next(ctx, &row));
      if (!more) break;
      if (row.key == key) continue;
      key = row.key;
      RETURN_IF_ERROR(late_firsts_.Add(ctx, SortRow("", row.order, std::move(row.document))));
    }
    return late_firsts_.Finish(ctx);
  }

  const size_t budget_;
  std::vector<Path> paths_;
  RowBatch in_;
  size_t at_ = 0;                        // the next of its rows
  std::optional<ByCodes<char>> passed_;  // of its columns
  std::string key_;
  StringSet seen_;
  size_t held_ = 0;
  bool full_ = false;
  bool input_done_ = false;
  ExternalSort late_;
  ExternalSort late_firsts_;
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

std::unique_ptr<Operator> MakeDistinct(const Node& n, const OperatorOptions& options) {
  return std::make_unique<DistinctOperator>(n, options);
}
std::unique_ptr<Operator> MakeRecurse(const Node& n, const OperatorOptions& options) {
  return std::make_unique<RecurseOperator>(n, options.memory_budget);
}

}  // namespace strata
