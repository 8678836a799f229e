// Committer: makes the commits of several parts, in such a way that each is seen whole.
//
//   ASSIGN_OR_RETURN(const Gate::Pass pass, committer.Enter(ctx, /*alone=*/true));
//   ASSIGN_OR_RETURN(PartTransactions transactions, parts.Begin(ctx, options));
//   ... read them, work out what to write, and write it into them ...
//   ASSIGN_OR_RETURN(const Revisions revisions,
//                    committer.Commit(ctx, transactions, touched, options));
//
// The gate keeps commits and readers apart: whoever looks at several parts of one moment is behind
// it, and whoever commits is there alone. A commit of several parts is voted on by all of them,
// noted in the journal, made in one part after the other, and cleared from the journal.
//
// When a part fails on the way, or may have been written although it failed, the commit is cut.
// What is cut is finished before anybody else is let through the gate, by whoever comes next, or
// soon by a thread when nobody does; after a crash, when the stage is opened, from the journal.
// Subscribers are then told of a gap.
#ifndef STRATA_WRAPPERS_AGGREGATE_COMMITTER_H_
#define STRATA_WRAPPERS_AGGREGATE_COMMITTER_H_

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/sync.h"
#include "store/change_log.h"
#include "wrappers/aggregate/parts.h"
#include "wrappers/aggregate/redo_journal.h"
#include "wrappers/core/gate.h"
#include "wrappers/core/retrying_thread.h"

namespace strata::aggregate {

// Of the records that a commit wrote.
using Revisions = StringMap<uint64_t>;

// Safe for concurrent use.
class Committer {
 public:
  // `parts` must outlive it. The changes that it keeps for subscribers are within both bounds.
  Committer(const Parts& parts, size_t max_changes, size_t max_change_bytes);
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Before use: finishes what a crash cut. `journal`: the path of a file; "": none.
  // FailedPrecondition when there is none, but several parts outlive the process.
  Status Start(const std::string& journal);

  // Lets the caller through the gate, alone or with others, once nothing is cut any more. The
  // errors are those of a part that could not finish it, and the context's.
  StatusOr<Gate::Pass> Enter(const Context& ctx, bool alone);

  // Commits what the transactions hold and what `touched` says of parts that have none. A commit
  // that is cut ends all of the transactions: what they hold in their parts would be in the way of
  // finishing it. Aborted: nothing was done. Requires: the caller is behind the gate alone.
  StatusOr<Revisions> Commit(const Context& ctx, PartTransactions& transactions,
                             const TouchedRecords& touched, const TransactionOptions& options);

  // To what is committed here.
  StatusOr<std::unique_ptr<Subscription>> Subscribe(const SubscribeRequest& request) {
    return log_->Subscribe(request);
  }

  uint64_t commits() const { return commits_.load(std::memory_order_relaxed); }
  uint64_t joint_commits() const { return joint_.load(std::memory_order_relaxed); }
  // Those that were cut.
  uint64_t finished() const { return finished_.load(std::memory_order_relaxed); }

 private:
  struct Attempt;

  // The following require: behind the gate alone.
  Status Promise(const Context& ctx, const Attempt& attempt, PartTransactions& transactions);
  Status Failed(const Attempt& attempt, size_t part, const Status& why,
                PartTransactions& transactions);
  Status Cut(const Redo& redo, const Status& why, PartTransactions& transactions);
  void Defer(const Redo& redo, PartTransactions& transactions);
  Status FinishPending(const Context& ctx);
  Status FinishPart(const Context& ctx, size_t part);
  Status LoseChanges(const Context& ctx);
  Status ClearJournal() { return journal_ == nullptr ? OkStatus() : journal_->Clear(); }

  // The thread's: returns when what was cut cannot be finished.
  Status FinishWhatIsCut(const Context& ctx);

  const Parts& parts_;
  const std::shared_ptr<ChangeLog> log_;
  Gate gate_;
  // The following belong to whoever is behind the gate alone.
  std::unique_ptr<RedoJournal> journal_;  // null: there is none
  std::optional<Redo> pending_;           // what is cut; empty: only subscribers have to be told

  std::atomic<bool> cut_{false};  // pending_ holds something
  Mutex mutex_;
  CondVar cut_news_;  // cut_ was set
  std::atomic<uint64_t> commits_{0}, joint_{0}, finished_{0};
  // Null until something is cut for the first time. Last, so that it ends first; made behind the
  // gate alone.
  std::unique_ptr<RetryingThread> finisher_;
};

}  // namespace strata::aggregate

#endif  // STRATA_WRAPPERS_AGGREGATE_COMMITTER_H_
