// Store: the contract that base stores, wrappers and whole pipelines share. Seven methods, none
// with a default body.
//
// All seven may be called from any thread at once. Plans, cursors, transactions and subscriptions
// belong to one thread at a time and keep their store alive. No method calls back into its caller.
// Calls block; the Context carries the deadline. Free functions for single documents are in
// store/ops.h.
//
// Missing is not an error: Read leaves nullopt, deleting a missing id succeeds. Ids are UTF-8
// of 1..1024 bytes, ordered bytewise.
#ifndef STRATA_STORE_STORE_H_
#define STRATA_STORE_STORE_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/context.h"
#include "core/status.h"
#include "query/plan.h"
#include "query/query.h"
#include "store/capabilities.h"
#include "store/record.h"
#include "store/write_batch.h"

namespace strata {

class Store;

struct StoreInfo {
  std::string type;   // "memory", "forward", …
  std::string stage;  // where it stands in the pipeline: "packages/0 (forward)"
  std::vector<std::shared_ptr<Store>> children = {};
  // Which of several stores this is that one stage gives; "": the stage's own.
  std::string member = {};
  // What lies below can also be reached, and written, through another store of the pipeline.
  bool shared_below = false;
};

enum class ChangeKind : uint8_t { kCreate, kUpdate, kDelete };

struct Change {
  ChangeKind kind = ChangeKind::kCreate;
  uint64_t sequence =
      0;  // the record's revision, or the deletion's own number; strictly increasing
  std::string id;
  Document before;  // nothing for kCreate
  Document after;   // nothing for kDelete
  std::string origin;
};

struct ChangeBatch {
  std::vector<Change> changes;
  // Changes up to `resume_from` (exclusive) were dropped before they could be delivered. Read again
  // what matters.
  bool gap = false;
  uint64_t resume_from = 0;  // pass this to SubscribeRequest::from to go on behind the batch
};

struct SubscribeRequest {
  std::optional<uint64_t> from;  // the first sequence wanted; none: what is committed from now on
  Query query;  // conditions only. A change that makes a document match counts as its creation, one
                // that makes it match no longer as its deletion.
  size_t max_changes = 256;  // in one batch
};

class Subscription {
 public:
  virtual ~Subscription() = default;
  // Waits for changes, at least one or a gap. Errors: DeadlineExceeded and Cancelled from the
  // context.
  virtual StatusOr<ChangeBatch> Next(const Context& ctx) = 0;
  // The sequence at which Next goes on: whatever was committed below it is delivered already, or
  // was not asked for.
  virtual uint64_t resume_from() const = 0;
};

struct TransactionOptions {
  WriteDurability durability = WriteDurability::kStoreDefault;
  std::string origin;
  uint64_t min_revision = 0;  // of what is committed, as in WriteOp
};

// Reads and writes over one snapshot plus its own writes. Destruction aborts. After Commit or Abort
// every method but the destructor gives FailedPrecondition.
class Transaction {
 public:
  virtual ~Transaction() = default;
  virtual Status Read(const Context& ctx, std::span<const std::string_view> ids,
                      const std::span<std::optional<Record>>& out) = 0;
  virtual StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) = 0;
  virtual StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) = 0;
  // A savepoint of the same name hides an older one.
  virtual Status Savepoint(std::string_view name) = 0;
  // Undoes what was written since; the savepoint stays. NotFound for an unknown name.
  virtual Status RollbackTo(std::string_view name) = 0;
  // Promises that Commit will succeed (but for failures of the machine): conflicts are found here,
  // and the documents written are held against other writers until Commit or Abort.
  virtual Status Vote(const Context& ctx) = 0;
  // Aborted: another writer was first; run the transaction again.
  virtual StatusOr<WriteResult> Commit(const Context& ctx) = 0;
  virtual Status Abort() = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  virtual const StoreInfo& info() const = 0;
  virtual Capabilities capabilities() const = 0;
  // Requires: out.size() == ids.size().
  virtual Status Read(const Context& ctx, std::span<const std::string_view> ids,
                      const std::span<std::optional<Record>>& out) = 0;
  virtual StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) = 0;
  // What the plan leaves is in its residual. Complete() (or Prepare in store/ops.h) closes it.
  virtual StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) = 0;
  virtual StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                                       const TransactionOptions& options) = 0;
  virtual StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                            const SubscribeRequest& request) = 0;
};

}  // namespace strata

#endif  // STRATA_STORE_STORE_H_
