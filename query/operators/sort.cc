#include <algorithm>
#include <limits>

#include "query/operators/external_sort.h"
#include "query/operators/operators.h"
#include "query/sort_position.h"

namespace strata {
namespace {

constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();

// How many rows can be wanted of a sort that this limit follows.
uint64_t Wanted(const Node* limit) {
  if (limit == nullptr || limit->size() == 3) return kAll;  // the third argument counts beyond
  const LimitSpec spec = LimitOf(*limit);
  return spec.count > kAll - spec.start ? kAll : spec.count + spec.start;
}

// Sorts by binary keys; rows with equal keys by id, then in the order in which they came. With a
// limit behind it, keeps only the rows that can still be wanted, in a heap.
class SortOperator final : public Operator {
 public:
  SortOperator(const Node& n, const Node* limit, const OperatorOptions& options)
      : Operator(n),
        options_(options),
        keys_(SortKeysOf(n)),
        keep_(Wanted(limit)),
        sort_(options.memory_budget, options.spill_folder) {}

  bool TakePosition(std::string* position) override {
    if (position->empty()) return true;
    if (!position_.Decode(*position)) return false;
    from_ = position_;
    skip_equal_ = from_.given;
    position->clear();  // the input begins anew
    return true;
  }
  std::string Position() const override { return position_.Encode(); }

  ExplainNode Explain() const override {
    ExplainNode n = Operator::Explain();
    if (sort_.spilled_bytes() > 0) n.spilled_bytes = sort_.spilled_bytes();
    return n;
  }

  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    batch->rows.clear();
    batch->end = EndReason::kMore;
    batch->total.reset();
    if (!sorted_) RETURN_IF_ERROR(Fill(ctx));
    RETURN_IF_ERROR(ctx.Check());
    SortRow row;
    while (batch->rows.size() < max_rows) {
      ASSIGN_OR_RETURN(const bool more, Pull(ctx, &row));
      if (!more) {
        batch->end = EndReason::kExhausted;
        break;
      }
      Pass(row);
      batch->rows.push_back(std::move(row.document));
    }
    return OkStatus();
  }

 private:
  // The size of a row's key without the id.
  size_t KeySize(const SortRow& row) const {
    return row.key.size() - TieOf(row.document.root()).size();
  }

  void Pass(const SortRow& row) {
    const std::string_view key = row.key;
    const size_t n = KeySize(row);
    position_.Pass(key.substr(0, n), key.substr(n));
  }

  // Whether the row was given by an earlier page.
  bool Given(std::string_view key, size_t key_size) {
    if (from_.given == 0) return false;
    const auto c = from_.Compare(key.substr(0, key_size), key.substr(key_size));
    if (c != 0) return c < 0;
    if (skip_equal_ == 0) return false;
    --skip_equal_;
    return true;
  }

  Status Fill(const Context& ctx) {
    RowBatch in;
    size_t held = 0;
    uint64_t order = 0;
    bool heap = keep_ != kAll;
    do {
      RETURN_IF_ERROR(ctx.Check());
      RETURN_IF_ERROR(input().Next(ctx, kBatchRows, &in));
      for (Document& d : in.rows) {
        if (keep_ == 0) break;
        std::string key;
        AppendSortKey(&key, keys_, d.root());
        const size_t key_size = key.size();
        key += TieOf(d.root());
        if (Given(key, key_size)) continue;
        SortRow row(std::move(key), order++, std::move(d));
        if (!heap) {
          RETURN_IF_ERROR(sort_.Add(ctx, std::move(row)));
          continue;
        }
        if (heap_.size() == keep_) {
          if (!(row < heap_.front())) continue;
          std::pop_heap(heap_.begin(), heap_.end());
          held -= heap_.back().Bytes();
          heap_.pop_back();
        }
        held += row.Bytes();
        heap_.push_back(std::move(row));
        std::push_heap(heap_.begin(), heap_.end());
        if (held <= options_.memory_budget) continue;
        // A limit so wide that its rows do not fit.
        heap = false;
        for (SortRow& r : heap_) RETURN_IF_ERROR(sort_.Add(ctx, std::move(r)));
        heap_.clear();
      }
    } while (in.end == EndReason::kMore);
    std::sort(heap_.begin(), heap_.end());
    RETURN_IF_ERROR(sort_.Finish(ctx));
    sorted_ = true;
    return OkStatus();
  }

  StatusOr<bool> Pull(const Context& ctx, SortRow* row) {
    if (next_ < heap_.size()) {
      *row = std::move(heap_[next_++]);
      return true;
    }
    return sort_.Next(ctx, row);
  }

  const OperatorOptions options_;
  const std::vector<SortKey> keys_;
  const uint64_t keep_;
  std::vector<SortRow> heap_;  // with a limit
  ExternalSort sort_;          // without, or when the limit's rows do not fit
  size_t next_ = 0;
  bool sorted_ = false;
  SortPosition position_;
  SortPosition from_;  // where an earlier page ended
  uint64_t skip_equal_ = 0;
};

}  // namespace

std::unique_ptr<Operator> MakeSort(const Node& n, const Node* limit,
                                   const OperatorOptions& options) {
  return std::make_unique<SortOperator>(n, limit, options);
}

}  // namespace strata
