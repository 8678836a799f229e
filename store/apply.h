// What one write operation makes of what is there: shared by every base store and transaction, so
// that ids, merges and preconditions mean the same everywhere.
#ifndef STRATA_STORE_APPLY_H_
#define STRATA_STORE_APPLY_H_

#include <optional>
#include <string>

#include "core/clock.h"
#include "store/record.h"
#include "store/write_batch.h"

namespace strata {

inline constexpr size_t kMaxBatchOps = 100000;

// ResourceExhausted for more operations than that.
Status CheckSize(const WriteBatch& batch);

// The id that an operation is about: its own, else its document's, else a generated one.
StatusOr<std::string> ResolveId(const WriteOp& op, IdGenerator& ids);

// Checks the preconditions and gives the document that is to be stored under `id` (nothing: for a
// deletion). The result holds its id. Errors: NotFound, AlreadyExists, FailedPrecondition,
// InvalidArgument.
StatusOr<Document> ApplyOp(const WriteOp& op, std::string_view id,
                           const std::optional<Record>& before);

// "operation 3: …", unless the batch has only one.
Status InBatch(const Status& s, const WriteBatch& batch, size_t index);

}  // namespace strata

#endif  // STRATA_STORE_APPLY_H_
