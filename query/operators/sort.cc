#include <algorithm>
#include <limits>

#include "core/key_encoding.h"
#include "query/operators/operators.h"

namespace strata {
namespace {

// Sorts by binary keys; rows with equal keys by id, then in the order in which they came. With a
// limit behind it, keeps only the rows that can still be wanted, in a heap.
class SortOperator final : public RootOperator {
 public:
  SortOperator(const Node& n, const Node* limit, size_t budget) : RootOperator(n), budget_(budget) {
    for (const Node& a : n.args()) keys_.push_back(SortKeyOf(a));
    if (limit != nullptr) {
      const LimitSpec spec = LimitOf(*limit);
      const uint64_t most = std::numeric_limits<uint64_t>::max() - spec.start;
      keep_ = spec.count > most ? std::numeric_limits<uint64_t>::max() : spec.count + spec.start;
      // limit's third argument counts beyond the limit
      if (limit->size() == 3) keep_ = std::numeric_limits<uint64_t>::max();
    }
  }

 protected:
  Status Produce(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    if (!sorted_) RETURN_IF_ERROR(Fill(ctx));
    for (; next_ < rows_.size() && batch->rows.size() < max_rows; ++next_) {
      batch->rows.push_back(std::move(rows_[next_].document));
    }
    if (next_ == rows_.size()) batch->end = EndReason::kExhausted;
    return OkStatus();
  }

 private:
  struct Row {
    std::string key;
    uint64_t order;
    Document document;
    bool operator<(const Row& other) const {
      const int c = key.compare(other.key);
      return c != 0 ? c < 0 : order < other.order;
    }
  };

  Status Fill(const Context& ctx) {
    uint64_t keep = keep_;
    // A resumed run gives the rows behind those that were given.
    if (keep < std::numeric_limits<uint64_t>::max() - skipped()) keep += skipped();
    RowBatch in;
    size_t held = 0;
    uint64_t order = 0;
    do {
      RETURN_IF_ERROR(ctx.Check());
      RETURN_IF_ERROR(input().Next(ctx, kBatchRows, &in));
      for (Document& d : in.rows) {
        if (keep == 0) break;
        Row row{KeyOf(d), order++, std::move(d)};
        if (rows_.size() == keep) {
          if (!(row < rows_.front())) continue;
          std::pop_heap(rows_.begin(), rows_.end());
          held -= Bytes(rows_.back());
          rows_.pop_back();
        }
        held += Bytes(row);
        if (held > budget_) return OverBudget("sort", budget_);
        rows_.push_back(std::move(row));
        if (keep_ != std::numeric_limits<uint64_t>::max())
          std::push_heap(rows_.begin(), rows_.end());
      }
    } while (in.end == EndReason::kMore);
    std::sort(rows_.begin(), rows_.end());
    sorted_ = true;
    return OkStatus();
  }

  static size_t Bytes(const Row& r) {
    return sizeof(Row) + r.key.capacity() + r.document.MemoryBytes();
  }

  std::string KeyOf(const Document& d) const {
    std::string key;
    for (const SortKey& k : keys_) {
      AppendKey(&key, k.path.Get(d.root()),
                k.descending ? SortDirection::kDescending : SortDirection::kAscending);
    }
    static const Path* const kId = new Path(Path::Of("id"));
    AppendKey(&key, kId->Get(d.root()));
    return key;
  }

  const size_t budget_;
  std::vector<SortKey> keys_;
  uint64_t keep_ = std::numeric_limits<uint64_t>::max();
  std::vector<Row> rows_;
  size_t next_ = 0;
  bool sorted_ = false;
};

}  // namespace

std::unique_ptr<Operator> MakeSort(const Node& n, const Node* limit, size_t memory_budget) {
  return std::make_unique<SortOperator>(n, limit, memory_budget);
}

}  // namespace strata
