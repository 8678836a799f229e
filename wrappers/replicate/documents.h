// The documents of a store or transaction, one after the other.
#ifndef STRATA_WRAPPERS_REPLICATE_DOCUMENTS_H_
#define STRATA_WRAPPERS_REPLICATE_DOCUMENTS_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/ops.h"
#include "store/store.h"

namespace strata::replicate {

// In the order of their ids. For one thread; what it was made of must outlive it.
class Documents {
 public:
  template <typename Target>
  static StatusOr<Documents> Of(Target& target, const Context& ctx) {
    Documents d;
    ASSIGN_OR_RETURN(d.plan_, PrepareComplete(target, ctx, Query()));
    ASSIGN_OR_RETURN(d.cursor_, d.plan_->Open(ctx, {}));
    return d;
  }
  // The id at which it stands; nothing at the end.
  StatusOr<std::optional<std::string>> Peek(const Context& ctx) {
    while (at_ == rows_.size() && !ended_) {
      RowBatch batch;
      RETURN_IF_ERROR(cursor_->Next(ctx, kPage, &batch));
      rows_ = std::move(batch.rows);
      at_ = 0;
      ended_ = batch.end != EndReason::kMore;
    }
    if (at_ == rows_.size()) return std::optional<std::string>();
    return std::optional<std::string>(StoredId(rows_[at_]));
  }
  void Skip() { ++at_; }

 private:
  static constexpr size_t kPage = 512;

  std::unique_ptr<Plan> plan_;
  std::unique_ptr<Cursor> cursor_;
  std::vector<Document> rows_;
  size_t at_ = 0;
  bool ended_ = false;
};

}  // namespace strata::replicate

#endif  // STRATA_WRAPPERS_REPLICATE_DOCUMENTS_H_
