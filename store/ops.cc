#include "store/ops.h"

namespace strata {

StatusOr<std::vector<Document>> CollectRows(const Plan& plan, const Context& ctx,
                                            const OpenOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> cursor, plan.Open(ctx, options));
  std::vector<Document> rows;
  RowBatch batch;
  do {
    RETURN_IF_ERROR(cursor->Next(ctx, kBatchRows, &batch));
    std::move(batch.rows.begin(), batch.rows.end(), std::back_inserter(rows));
  } while (batch.end == EndReason::kMore);
  return rows;
}

}  // namespace strata
