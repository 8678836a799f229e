// Transactions for base stores: a snapshot, the writes so far on top of it, and a check at the end
// that nobody else changed what was written (first committer wins).
#ifndef STRATA_STORE_BUFFERED_TRANSACTION_H_
#define STRATA_STORE_BUFFERED_TRANSACTION_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "store/snapshot.h"
#include "store/store.h"

namespace strata {

// One document's fate when the transaction commits.
struct FinalWrite {
  std::string id;
  Document after;  // nothing: it is deleted
};

// What a base store does for its transactions. All methods may be called from any thread.
class TransactionHost : public ScanHost {
 public:
  // Checks that none of the documents has changed since the snapshot and none is held by another
  // transaction, then holds them for `owner`. Aborted otherwise.
  virtual Status Hold(const void* owner, std::span<const FinalWrite> writes,
                      const Snapshot& snapshot) = 0;
  virtual void Release(const void* owner) = 0;
  // Checks as Hold does and writes everything at once. Gives the revision of each write.
  virtual StatusOr<std::vector<uint64_t>> CommitWrites(const Context& ctx, const void* owner,
                                                       std::span<const FinalWrite> writes,
                                                       const Snapshot& snapshot,
                                                       const TransactionOptions& options) = 0;
};

StatusOr<std::unique_ptr<Transaction>> BeginBuffered(std::shared_ptr<TransactionHost> host,
                                                     std::string stage, IdGenerator& ids,
                                                     const TransactionOptions& options);

}  // namespace strata

#endif  // STRATA_STORE_BUFFERED_TRANSACTION_H_
