#include "wrappers/aggregate/committer.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <system_error>
#include <vector>

namespace strata::aggregate {
namespace {

// How long the thread waits for parts that do not answer before it lets others through the gate,
// who may have less patience.
constexpr std::chrono::seconds kFinishing(5);

Redo RedoOf(const TouchedRecords& touched) {
  Redo redo;
  for (const auto& [id, t] : touched) {
    for (size_t p = 0; p < t.parts.size(); ++p) {
      if (t.written[p] && (t.was[p] || t.parts[p]))
        redo.push_back({p, id, t.was[p] ? t.was[p]->revision : 0, t.parts[p]});
    }
  }
  return redo;
}

// Guarded by what was read: whoever was faster meanwhile makes it a FailedPrecondition.
WriteBatch BatchOf(const Redo& redo, size_t part, const TransactionOptions& options) {
  WriteBatch batch;
  batch.origin = options.origin;
  batch.durability = options.durability;
  for (const auto& op : redo) {
    if (op.part != part) continue;
    batch.ops.push_back(
        {op.after ? WriteKind::kPut : WriteKind::kDelete, op.id, op.after, Presence::kAny, op.was});
  }
  return batch;
}

// The parts in `changed`. Those that cannot vote come first: as long as none was written, all can
// be given up.
std::vector<size_t> InOrder(const Parts& parts, uint32_t changed) {
  std::vector<size_t> order;
  for (const bool votes : {false, true}) {
    for (size_t p = 0; p < parts.size(); ++p) {
      if ((changed >> p & 1) != 0 && parts.votes(p) == votes) order.push_back(p);
    }
  }
  return order;
}

// As subscribers see a commit.
std::vector<Change> ChangesOf(const Parts& parts, const TouchedRecords& touched,
                              const Revisions& revisions, const std::string& origin) {
  std::vector<Change> changes;
  for (const auto& [id, t] : touched) {
    const auto revision = revisions.find(id);
    if (revision == revisions.end() || revision->second == 0) continue;
    Change c;
    if (auto before = parts.Whole(t.was, parts.all())) c.before = before->document;
    if (t.there) c.after = parts.ownership().Merge(t.parts);
    if (!c.before && !c.after) continue;
    c.kind = !c.after ? ChangeKind::kDelete : c.before ? ChangeKind::kUpdate : ChangeKind::kCreate;
    c.sequence = revision->second;
    c.id = id;
    c.origin = origin;
    changes.push_back(std::move(c));
  }
  std::sort(changes.begin(), changes.end(),
            [](const Change& a, const Change& b) { return a.sequence < b.sequence; });
  return changes;
}

// What a part holds now. A transaction does not read from a copy that is behind; a part that takes
// none at the moment can be asked directly when its reads are never behind.
StatusOr<PartRecords> Latest(const Context& ctx, const Parts& parts, size_t part,
                             std::span<const std::string_view> ids) {
  std::unique_ptr<Transaction> transaction;
  if (parts.votes(part)) {
    auto begun = parts.store(part).Begin(ctx, {});
    if (begun.ok()) {
      transaction = *std::move(begun);
    } else if (parts.store(part).capabilities().freshness < Freshness::kLatest) {
      return begun.status();
    }
  }
  PartRecords found(ids.size());
  const PartView view{&parts.store(part), transaction.get()};
  RETURN_IF_ERROR(view.Read(ctx, ids, found));
  return found;
}

}  // namespace

// One commit while it is made.
struct Committer::Attempt {
  Redo redo;
  uint32_t changed = 0;  // the parts that it writes, one bit each
  bool joint = false;    // several
  bool began = false;    // one is written
};

Committer::Committer(const Parts& parts, size_t max_changes, size_t max_change_bytes)
    : parts_(parts), log_(std::make_shared<ChangeLog>(max_changes, max_change_bytes)) {}

Status Committer::Start(const std::string& journal) {
  if (!journal.empty()) {
    ASSIGN_OR_RETURN(journal_, RedoJournal::Open(journal));
    ASSIGN_OR_RETURN(pending_, journal_->Pending());
  } else {
    int durable = 0;
    for (size_t i = 0; i < parts_.size(); ++i)
      durable += parts_.store(i).capabilities().durability > Durability::kNone;
    if (durable > 1) {
      return FailedPrecondition(
          "several parts outlive the process, so a commit that a crash cuts has to be finished "
          "later: give the stage a \"journal\", the path of a file");
    }
  }
  const Context& ctx = Context::Background();
  ASSIGN_OR_RETURN(const Gate::Pass pass, gate_.Enter(ctx, /*alone=*/true));
  RETURN_IF_ERROR(FinishPending(ctx));
  return LoseChanges(ctx);
}

StatusOr<Gate::Pass> Committer::Enter(const Context& ctx, bool alone) {
  for (;;) {
    ASSIGN_OR_RETURN(Gate::Pass pass, gate_.Enter(ctx, alone));
    if (!cut_.load(std::memory_order_acquire)) [[likely]]
      return pass;
    if (alone) {
      RETURN_IF_ERROR(FinishPending(ctx));
      return pass;
    }
    pass.Leave();
    ASSIGN_OR_RETURN(const Gate::Pass finishing, gate_.Enter(ctx, /*alone=*/true));
    RETURN_IF_ERROR(FinishPending(ctx));
  }
}

StatusOr<Revisions> Committer::Commit(const Context& ctx, PartTransactions& transactions,
                                      const TouchedRecords& touched,
                                      const TransactionOptions& options) {
  // What comes too late is refused here, where it is certain that nothing was done.
  RETURN_IF_ERROR(ctx.Check());
  Attempt attempt;
  attempt.redo = RedoOf(touched);
  for (const auto& op : attempt.redo) attempt.changed |= 1u << op.part;
  if (attempt.changed == 0) return Revisions();
  attempt.joint = std::popcount(attempt.changed) > 1;
  if (attempt.joint) RETURN_IF_ERROR(Promise(ctx, attempt, transactions));
  // From here on the caller's deadline does not count: half a commit helps nobody.
  const Context& through = attempt.joint ? Context::Background() : ctx;
  Revisions revisions;
  for (const size_t p : InOrder(parts_, attempt.changed)) {
    const StatusOr<WriteResult> result =
        parts_.votes(p) ? transactions[p]->Commit(through)
                        : parts_.store(p).Write(through, BatchOf(attempt.redo, p, options));
    if (!result.ok()) return Failed(attempt, p, result.status(), transactions);
    attempt.began = true;
    if (p != parts_.ownership().anchor()) continue;
    for (const WriteOutcome& o : result->outcomes) revisions[o.id] = o.revision;
  }
  if (attempt.joint) {
    // Doing it once more after a crash would change nothing.
    if (const Status s = ClearJournal(); !s.ok()) return Cut(attempt.redo, s, transactions);
    joint_.fetch_add(1, std::memory_order_relaxed);
  }
  commits_.fetch_add(1, std::memory_order_relaxed);
  log_->Append(ChangesOf(parts_, touched, revisions, options.origin));
  return revisions;
}

// Has all parts vote, and notes what they are to do.
Status Committer::Promise(const Context& ctx, const Attempt& attempt,
                          PartTransactions& transactions) {
  for (size_t p = 0; p < parts_.size(); ++p) {
    if ((attempt.changed >> p & 1) != 0 && transactions[p] != nullptr)
      RETURN_IF_ERROR(transactions[p]->Vote(ctx));
  }
  return journal_ == nullptr ? OkStatus() : journal_->Note(attempt.redo);
}

// What the caller is told when a part has failed to commit.
Status Committer::Failed(const Attempt& attempt, size_t part, const Status& why,
                         PartTransactions& transactions) {
  if (!attempt.began && DidNothing(why.code())) {
    // A journal that cannot be cleared would be finished after a restart, so it is finished.
    if (attempt.joint && !ClearJournal().ok()) return Cut(attempt.redo, why, transactions);
    // The guards of a part that cannot vote are this stage's own.
    if (!parts_.votes(part) && why.code() == StatusCode::kFailedPrecondition)
      return Aborted(Message(why));
    return why;
  }
  if (attempt.joint) return Cut(attempt.redo, why, transactions);
  // One part did it or not; there is nothing to finish, but subscribers were not told.
  Defer({}, transactions);
  return why;
}

// Some parts are committed or may be, others failed: nothing is served until all of it is done.
Status Committer::Cut(const Redo& redo, const Status& why, PartTransactions& transactions) {
  Defer(redo, transactions);
  const std::string message =
      Concat("the write is half done and will be finished before anything else is: ", Message(why));
  // The codes of a refusal would say that nothing was done.
  return DidNothing(why.code()) ? Unavailable(message) : WithMessage(why, message);
}

// Before anything else is served, `redo` has to be done and subscribers lose what they were not
// told.
void Committer::Defer(const Redo& redo, PartTransactions& transactions) {
  transactions.clear();
  pending_ = redo;
  cut_.store(true, std::memory_order_release);
  if (finisher_ == nullptr) {
    // Whoever finds the parts failing is told; the thread only tries again.
    try {
      finisher_ = std::make_unique<RetryingThread>(
          [this](const Context& ctx) { return FinishWhatIsCut(ctx); }, [](const Status&) {});
    } catch (const std::system_error&) {
      // The system has no thread for it; whoever comes next finishes.
    }
  }
  MutexLock lock(mutex_);
  cut_news_.NotifyAll();
}

Status Committer::FinishWhatIsCut(const Context& ctx) {
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (!cut_.load(std::memory_order_acquire))
        RETURN_IF_ERROR(WaitWithContext(ctx, mutex_, cut_news_));
    }
    RETURN_IF_ERROR(Enter(ctx.WithTimeout(kFinishing), /*alone=*/true).status());
  }
}

Status Committer::FinishPending(const Context& ctx) {
  if (!pending_) return OkStatus();
  for (const auto& op : *pending_) {
    if (op.part >= parts_.size())
      return DataLoss("the journal names a part that is not configured");
  }
  for (size_t p = 0; p < parts_.size(); ++p) RETURN_IF_ERROR(FinishPart(ctx, p));
  RETURN_IF_ERROR(ClearJournal());
  RETURN_IF_ERROR(LoseChanges(ctx));
  if (!pending_->empty()) finished_.fetch_add(1, std::memory_order_relaxed);
  pending_.reset();
  cut_.store(false, std::memory_order_release);
  return OkStatus();
}

// Does what is pending in one part and was not done there: the revision is still the one before.
Status Committer::FinishPart(const Context& ctx, size_t part) {
  Redo own;
  std::vector<std::string_view> ids;
  for (const auto& op : *pending_) {
    if (op.part != part) continue;
    own.push_back(op);
    ids.push_back(op.id);
  }
  if (own.empty()) return OkStatus();
  ASSIGN_OR_RETURN(const PartRecords now, Latest(ctx, parts_, part, ids));
  Redo left;
  for (size_t i = 0; i < own.size(); ++i) {
    if ((now[i] ? now[i]->revision : 0) == own[i].was) left.push_back(own[i]);
  }
  if (left.empty()) return OkStatus();
  TransactionOptions options;
  options.durability = WriteDurability::kSync;
  return parts_.store(part).Write(ctx, BatchOf(left, part, options)).status();
}

// Whatever the anchor did so far and subscribers were not told is lost to them. Sequences are the
// anchor's.
Status Committer::LoseChanges(const Context& ctx) {
  if (parts_.anchor().capabilities().change_feed == ChangeFeed::kNone) return OkStatus();
  ASSIGN_OR_RETURN(const auto feed, parts_.anchor().Subscribe(ctx, {}));
  log_->Lose(feed->resume_from());
  return OkStatus();
}

}  // namespace strata::aggregate
