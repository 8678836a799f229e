#include "wrappers/aggregate/aggregate_store.h"

#include <atomic>
#include <bit>

#include "core/json_text.h"
#include "core/path.h"
#include "core/sync.h"
#include "store/apply.h"
#include "store/change_log.h"
#include "store/introspection.h"
#include "wrappers/aggregate/aggregate_plan.h"
#include "wrappers/aggregate/parts.h"
#include "wrappers/aggregate/redo_journal.h"
#include "wrappers/core/gate.h"
#include "wrappers/core/wait.h"

namespace strata {
namespace {

using aggregate::MissingPart;
using aggregate::Ownership;
using aggregate::PartRecords;
using aggregate::Parts;
using aggregate::PartTransactions;
using aggregate::QueryViews;
using aggregate::Redo;
using aggregate::RedoJournal;
using aggregate::Touched;
using aggregate::TouchedRecords;
using aggregate::Work;

struct AggregateOptions {
  Ownership properties;
  MissingPart missing = MissingPart::kLeft;
  std::string journal;
  int64_t change_log_entries = 0;
  int64_t change_log_bytes = 0;
};

// How often a write is worked out anew because somebody wrote into a part meanwhile.
constexpr int kAttempts = 64;

// Whether a commit that failed with this code has certainly done nothing. Any other one may have
// failed on the way back, as when a connection breaks before the answer.
bool DidNothing(StatusCode code) {
  switch (code) {
    case StatusCode::kAborted:
    case StatusCode::kAlreadyExists:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kInvalidArgument:
    case StatusCode::kNotFound:
    case StatusCode::kOutOfRange:
    case StatusCode::kPermissionDenied:
    case StatusCode::kUnauthenticated:
    case StatusCode::kUnimplemented:
      return true;
    case StatusCode::kOk:
    case StatusCode::kCancelled:
    case StatusCode::kDataLoss:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kInternal:
    case StatusCode::kResourceExhausted:
    case StatusCode::kUnavailable:
    case StatusCode::kUnknown:
    case StatusCode::kDoNotUseReservedForFutureExpansionUseDefaultInSwitchInstead_:
      break;
  }
  return false;
}

class AggregateStore final : public Store, public Introspection {
 public:
  AggregateStore(const AggregateOptions& options, StoreInfo info, const BuildContext& context)
      : info_(std::move(info)),
        parts_(options.properties, options.missing, Inners(), context.executor),
        log_(std::make_shared<ChangeLog>(static_cast<size_t>(options.change_log_entries),
                                         static_cast<size_t>(options.change_log_bytes))) {}

  // Before use: finishes what a crash cut.
  Status Start(const AggregateOptions& options) {
    if (!options.journal.empty()) {
      ASSIGN_OR_RETURN(journal_, RedoJournal::Open(options.journal));
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

  const StoreInfo& info() const override { return info_; }
  Capabilities capabilities() const override {
    Capabilities c = parts_.store(0).capabilities();
    for (size_t i = 0; i < parts_.size(); ++i) {
      c = Min(c, parts_.store(i).capabilities());
      if (!parts_.votes(i))
        c.write_atomicity = std::min(c.write_atomicity, WriteAtomicity::kDocument);
    }
    const bool feed = parts_.anchor().capabilities().change_feed != ChangeFeed::kNone;
    c.change_feed = feed ? ChangeFeed::kOrdered : ChangeFeed::kNone;
    c.verbatim = false;  // members come part after part
    return c;
  }

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    ASSIGN_OR_RETURN(const Gate::Pass pass, Enter(ctx, /*alone=*/false));
    return ReadWhole(ctx, parts_.Views(), ids, out);
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    for (int attempt = 1;; ++attempt) {
      StatusOr<WriteResult> result = WriteOnce(ctx, batch);
      if (result.status().code() != StatusCode::kAborted || attempt == kAttempts) return result;
      // Whoever is behind lets the others finish.
      RETURN_IF_ERROR(WaitFor(ctx, std::chrono::microseconds(20 << std::min(attempt, 8))));
    }
  }

  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override;

  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override;

  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                    const SubscribeRequest& request) override {
    ASSIGN_OR_RETURN(const Gate::Pass pass, Enter(ctx, /*alone=*/false));
    // Its refusal says why.
    if (capabilities().change_feed == ChangeFeed::kNone)
      return parts_.anchor().Subscribe(ctx, request);
    return log_->Subscribe(request);
  }

  std::vector<Metric> Metrics() const override {
    return {{"commits", MetricKind::kCounter, static_cast<double>(commits_.load()),
             "commits, of one part or several"},
            {"joint_commits", MetricKind::kCounter, static_cast<double>(joint_.load()),
             "commits of several parts"},
            {"finished", MetricKind::kCounter, static_cast<double>(finished_.load()),
             "commits that were cut and finished later"},
            {"parallel_reads", MetricKind::kCounter, static_cast<double>(parts_.parallel_reads()),
             "reads that asked several parts at once"}};
  }

  // ---- for transactions ----
  const Parts& parts() const { return parts_; }
  IdGenerator& ids() { return ids_; }
  StatusOr<Gate::Pass> Enter(const Context& ctx, bool alone) {
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

  Status ReadWhole(const Context& ctx, const aggregate::PartViews& views,
                   std::span<const std::string_view> ids,
                   const std::span<std::optional<Record>>& out) {
    std::vector<PartRecords> found;
    RETURN_IF_ERROR(parts_.Read(ctx, views, ids, parts_.all(), &found));
    PartRecords row(parts_.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      for (size_t p = 0; p < parts_.size(); ++p) row[p] = std::move(found[p][i]);
      out[i] = parts_.Whole(row, parts_.all());
    }
    return OkStatus();
  }

  // All of one moment. Requires: behind the gate.
  StatusOr<PartTransactions> BeginParts(const Context& ctx, const TransactionOptions& options) {
    PartTransactions out(parts_.size());
    for (size_t p = 0; p < parts_.size(); ++p) {
      if (!parts_.votes(p)) continue;
      ASSIGN_OR_RETURN(out[p], parts_.store(p).Begin(ctx, options));
    }
    return out;
  }

  // Commits what the transactions hold and what `touched` says of parts that have none. Gives the
  // records' new revisions. A commit that was cut, or that may have been made although it failed,
  // ends all of the transactions: what they hold in their parts would be in the way of finishing
  // it. Aborted: nothing was done. Requires: nobody else is behind the gate.
  StatusOr<StringMap<uint64_t>> Commit(const Context& ctx, PartTransactions& transactions,
                                       const TouchedRecords& touched, const std::string& origin,
                                       WriteDurability durability) {
    // What comes too late is refused here, where it is certain that nothing was done.
    RETURN_IF_ERROR(ctx.Check());
    const Redo redo = RedoOf(touched);
    uint32_t changed = 0;
    for (const auto& op : redo) changed |= 1u << op.part;
    if (changed == 0) return StringMap<uint64_t>();
    const bool joint = std::popcount(changed) > 1;
    if (joint) {
      for (size_t p = 0; p < parts_.size(); ++p) {
        if ((changed >> p & 1) != 0 && transactions[p] != nullptr)
          RETURN_IF_ERROR(transactions[p]->Vote(ctx));
      }
      if (journal_ != nullptr) RETURN_IF_ERROR(journal_->Note(redo));
    }
    // From here on the caller's deadline does not count: half a commit helps nobody.
    const Context& through = joint ? Context::Background() : ctx;
    StringMap<uint64_t> revisions;
    bool began = false;
    // Parts that cannot vote come first: as long as none was written, all can be given up.
    for (const bool votes : {false, true}) {
      for (size_t p = 0; p < parts_.size(); ++p) {
        if ((changed >> p & 1) == 0 || parts_.votes(p) != votes) continue;
        const StatusOr<WriteResult> result =
            votes ? transactions[p]->Commit(through)
                  : parts_.store(p).Write(through, BatchOf(redo, p, origin, durability));
        if (!result.ok() && !began && DidNothing(result.status().code())) {
          // A journal that cannot be cleared would be finished after a restart, so it is finished.
          if (joint && journal_ != nullptr && !journal_->Clear().ok())
            return Cut(redo, result.status(), transactions);
          // The guards of a part that cannot vote are this stage's own.
          if (!votes && result.status().code() == StatusCode::kFailedPrecondition)
            return Aborted(Message(result.status()));
          return result.status();
        }
        if (!result.ok()) {
          if (joint) return Cut(redo, result.status(), transactions);
          // One part did it or not; there is nothing to finish, but subscribers were not told.
          return Forget(result.status(), transactions);
        }
        began = true;
        if (p != parts_.ownership().anchor()) continue;
        for (const WriteOutcome& o : result->outcomes) revisions[o.id] = o.revision;
      }
    }
    if (joint && journal_ != nullptr) {
      // Doing it once more after a crash would change nothing.
      if (const Status s = journal_->Clear(); !s.ok()) return Cut(redo, s, transactions);
    }
    commits_.fetch_add(1, std::memory_order_relaxed);
    if (joint) joint_.fetch_add(1, std::memory_order_relaxed);
    Publish(touched, revisions, origin);
    return revisions;
  }

 private:
  // Aborted when somebody wrote into a part meanwhile.
  StatusOr<WriteResult> WriteOnce(const Context& ctx, const WriteBatch& batch) {
    ASSIGN_OR_RETURN(const Gate::Pass pass, Enter(ctx, /*alone=*/true));
    // What is read decides what is written, so both happen in the same transactions: a part may
    // answer other readers from a copy that is behind.
    ASSIGN_OR_RETURN(PartTransactions transactions,
                     BeginParts(ctx, {batch.durability, batch.origin}));
    ASSIGN_OR_RETURN(Work work, parts_.WorkOut(ctx, parts_.Views(transactions), batch, {}, ids_));
    for (size_t p = 0; p < parts_.size(); ++p) {
      if (work.batches[p].ops.empty() || transactions[p] == nullptr) continue;
      RETURN_IF_ERROR(transactions[p]->Write(ctx, work.batches[p]).status());
    }
    ASSIGN_OR_RETURN(const StringMap<uint64_t> revisions,
                     Commit(ctx, transactions, work.touched, batch.origin, batch.durability));
    for (WriteOutcome& o : work.result.outcomes) {
      const auto it = revisions.find(o.id);
      if (it != revisions.end()) o.revision = it->second;
    }
    return std::move(work.result);
  }

  std::vector<Store*> Inners() const {
    std::vector<Store*> out;
    for (const auto& child : info_.children) out.push_back(child.get());
    return out;
  }

  static Redo RedoOf(const TouchedRecords& touched) {
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
  static WriteBatch BatchOf(const Redo& redo, size_t part, const std::string& origin,
                            WriteDurability durability) {
    WriteBatch batch;
    batch.origin = origin;
    batch.durability = durability;
    for (const auto& op : redo) {
      if (op.part != part) continue;
      batch.ops.push_back({op.after ? WriteKind::kPut : WriteKind::kDelete, op.id, op.after,
                           Presence::kAny, op.was});
    }
    return batch;
  }

  // Some parts are committed or may be, others failed: nothing is served until all of it is done.
  Status Cut(const Redo& redo, const Status& why, PartTransactions& transactions) {
    const Status forgotten = Forget(why, transactions);
    pending_ = redo;
    const std::string message = Concat(
        "the write is half done and will be finished before anything else is: ", Message(why));
    // The codes of a refusal would say that nothing was done.
    return DidNothing(why.code()) ? Unavailable(message) : WithMessage(forgotten, message);
  }

  // What was committed is not known: before anything else is served, subscribers lose what they
  // were not told.
  Status Forget(const Status& why, PartTransactions& transactions) {
    transactions.clear();
    pending_.emplace();
    cut_.store(true, std::memory_order_release);
    return why;
  }

  // Whatever the anchor did so far and subscribers were not told is lost to them. Sequences are the
  // anchor's.
  Status LoseChanges(const Context& ctx) {
    if (parts_.anchor().capabilities().change_feed == ChangeFeed::kNone) return OkStatus();
    ASSIGN_OR_RETURN(const auto feed, parts_.anchor().Subscribe(ctx, {}));
    log_->Lose(feed->resume_from());
    return OkStatus();
  }

  // What a part holds now. A transaction does not read from a copy that is behind; a part that
  // takes none at the moment can be asked directly when its reads are never behind.
  StatusOr<PartRecords> Latest(const Context& ctx, size_t part,
                               std::span<const std::string_view> ids) {
    std::unique_ptr<Transaction> transaction;
    if (parts_.votes(part)) {
      auto begun = parts_.store(part).Begin(ctx, {});
      if (begun.ok()) {
        transaction = *std::move(begun);
      } else if (parts_.store(part).capabilities().freshness < Freshness::kLatest) {
        return begun.status();
      }
    }
    PartRecords found(ids.size());
    const aggregate::PartView view{&parts_.store(part), transaction.get()};
    RETURN_IF_ERROR(view.Read(ctx, ids, found));
    return found;
  }

  // Requires: nobody else is behind the gate.
  Status FinishPending(const Context& ctx) {
    if (!pending_) return OkStatus();
    for (const auto& op : *pending_) {
      if (op.part >= parts_.size())
        return DataLoss("the journal names a part that is not configured");
    }
    for (size_t p = 0; p < parts_.size(); ++p) {
      Redo own;
      std::vector<std::string_view> ids;
      for (const auto& op : *pending_) {
        if (op.part != p) continue;
        own.push_back(op);
        ids.push_back(op.id);
      }
      if (own.empty()) continue;
      ASSIGN_OR_RETURN(const PartRecords now, Latest(ctx, p, ids));
      Redo left;
      for (size_t i = 0; i < own.size(); ++i) {
        if ((now[i] ? now[i]->revision : 0) == own[i].was) left.push_back(own[i]);
      }
      if (left.empty()) continue;
      RETURN_IF_ERROR(
          parts_.store(p).Write(ctx, BatchOf(left, p, "", WriteDurability::kSync)).status());
    }
    if (journal_ != nullptr) RETURN_IF_ERROR(journal_->Clear());
    RETURN_IF_ERROR(LoseChanges(ctx));
    if (!pending_->empty()) finished_.fetch_add(1, std::memory_order_relaxed);
    pending_.reset();
    cut_.store(false, std::memory_order_release);
    return OkStatus();
  }

  void Publish(const TouchedRecords& touched, const StringMap<uint64_t>& revisions,
               const std::string& origin) {
    std::vector<Change> changes;
    for (const auto& [id, t] : touched) {
      const auto revision = revisions.find(id);
      if (revision == revisions.end() || revision->second == 0) continue;
      Change c;
      if (auto before = parts_.Whole(t.was, parts_.all())) c.before = before->document;
      if (t.there) c.after = parts_.ownership().Merge(t.parts);
      if (!c.before && !c.after) continue;
      c.kind = !c.after   ? ChangeKind::kDelete
               : c.before ? ChangeKind::kUpdate
                          : ChangeKind::kCreate;
      c.sequence = revision->second;
      c.id = id;
      c.origin = origin;
      changes.push_back(std::move(c));
    }
    std::sort(changes.begin(), changes.end(),
              [](const Change& a, const Change& b) { return a.sequence < b.sequence; });
    log_->Append(std::move(changes));
  }

  const StoreInfo info_;
  const Parts parts_;
  const std::shared_ptr<ChangeLog> log_;
  IdGenerator ids_;
  Gate gate_;
  // The following belong to whoever is behind the gate alone.
  std::unique_ptr<RedoJournal> journal_;
  std::optional<Redo> pending_;
  std::atomic<bool> cut_{false};  // pending_ holds something
  std::atomic<uint64_t> commits_{0}, joint_{0}, finished_{0};
};

class AggregateTransaction final : public Transaction {
 public:
  AggregateTransaction(AggregateStore& store, PartTransactions parts, TransactionOptions options)
      : store_(store), parts_(std::move(parts)), options_(std::move(options)) {}

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    RETURN_IF_ERROR(CheckOpen());
    return store_.ReadWhole(ctx, Views(), ids, out);
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    RETURN_IF_ERROR(CheckOpen());
    if (voted_)
      return FailedPrecondition("the transaction has voted; it can only be committed or aborted");
    ASSIGN_OR_RETURN(Work work,
                     store_.parts().WorkOut(ctx, Views(), batch, touched_, store_.ids()));
    for (size_t p = 0; p < parts_.size(); ++p) {
      if (work.batches[p].ops.empty() || parts_[p] == nullptr) continue;
      const StatusOr<WriteResult> written = parts_[p]->Write(ctx, work.batches[p]);
      if (written.ok()) continue;
      // The batch fails as a whole, so what parts took of it is taken back.
      if (!TakeBack(work, DidNothing(written.status().code()) ? p : p + 1)) parts_.clear();
      return written.status();
    }
    for (auto& [id, t] : work.touched) touched_.insert_or_assign(id, std::move(t));
    return std::move(work.result);
  }

  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    RETURN_IF_ERROR(CheckOpen());
    return aggregate::PrepareAggregate(
        store_.parts(), ctx, query, Views(),
        [this](const Context&) -> StatusOr<QueryViews> {
          RETURN_IF_ERROR(CheckOpen());
          return QueryViews{Views(), nullptr};
        },
        store_.info().stage);
  }

  Status Savepoint(std::string_view name) override {
    RETURN_IF_ERROR(CheckOpen());
    RETURN_IF_ERROR(Each([&](Transaction& t) { return t.Savepoint(name); }));
    savepoints_.emplace_back(std::string(name), touched_);
    return OkStatus();
  }
  Status RollbackTo(std::string_view name) override {
    RETURN_IF_ERROR(CheckOpen());
    for (size_t i = savepoints_.size(); i-- > 0;) {
      if (savepoints_[i].first != name) continue;
      RETURN_IF_ERROR(Each([&](Transaction& t) { return t.RollbackTo(name); }));
      touched_ = savepoints_[i].second;
      savepoints_.resize(i + 1);
      return OkStatus();
    }
    return NotFound(Concat("there is no savepoint \"", name, "\""));
  }

  Status Vote(const Context& ctx) override {
    RETURN_IF_ERROR(CheckOpen());
    RETURN_IF_ERROR(Each([&](Transaction& t) { return t.Vote(ctx); }));
    voted_ = true;
    return OkStatus();
  }
  StatusOr<WriteResult> Commit(const Context& ctx) override {
    RETURN_IF_ERROR(CheckOpen());
    ASSIGN_OR_RETURN(const Gate::Pass pass, store_.Enter(ctx, /*alone=*/true));
    const auto revisions =
        store_.Commit(ctx, parts_, touched_, options_.origin, options_.durability);
    if (!revisions.ok()) {
      if (!voted_) parts_.clear();
      return revisions.status();
    }
    WriteResult result;
    for (const auto& [id, t] : touched_) {
      const auto revision = revisions->find(id);
      if (revision == revisions->end()) continue;
      const bool was = store_.parts().Whole(t.was, store_.parts().all()).has_value();
      result.outcomes.push_back({id, revision->second, t.there && !was, !t.there && was});
    }
    parts_.clear();
    return result;
  }
  Status Abort() override {
    RETURN_IF_ERROR(CheckOpen());
    const Status s = Each([](Transaction& t) { return t.Abort(); });
    parts_.clear();
    return s;
  }

 private:
  Status CheckOpen() const {
    return parts_.empty() ? FailedPrecondition("the transaction has ended") : OkStatus();
  }
  aggregate::PartViews Views() const { return store_.parts().Views(parts_); }
  template <typename Call>
  Status Each(const Call& call) {
    for (const auto& t : parts_) {
      if (t != nullptr) RETURN_IF_ERROR(call(*t));
    }
    return OkStatus();
  }

  // Writes the parts before `end` as they were before the work. That counts as written, for what
  // the transaction reads there from now on has no revision.
  bool TakeBack(const Work& work, size_t end) {
    TouchedRecords before;
    std::vector<WriteBatch> batches(end);
    for (const auto& [id, t] : work.touched) {
      Touched& b = before[id];
      if (const auto known = touched_.find(id); known != touched_.end()) {
        b = known->second;
      } else {
        b.was = t.was;
        for (const auto& r : t.was) b.parts.push_back(r ? r->document : Document());
        b.written.resize(parts_.size());
        b.there = store_.parts().Whole(t.was, store_.parts().all()).has_value();
      }
      for (size_t p = 0; p < end; ++p) {
        if (!t.written[p] || parts_[p] == nullptr) continue;
        b.written[p] = true;
        if (b.parts[p]) {
          batches[p].Put(b.parts[p], id);
        } else {
          batches[p].Delete(id);
        }
      }
    }
    for (size_t p = 0; p < end; ++p) {
      if (batches[p].ops.empty()) continue;
      if (!parts_[p]->Write(Context::Background(), batches[p]).ok()) return false;
    }
    for (auto& [id, b] : before) touched_.insert_or_assign(id, std::move(b));
    return true;
  }

  AggregateStore& store_;   // kept alive by what observes the transaction
  PartTransactions parts_;  // empty: ended
  const TransactionOptions options_;
  TouchedRecords touched_;
  std::vector<std::pair<std::string, TouchedRecords>> savepoints_;
  bool voted_ = false;
};

// Opens nothing before what was cut is finished.
class GatedPlan final : public Plan {
 public:
  GatedPlan(AggregateStore& store, std::unique_ptr<Plan> inner)
      : store_(store), inner_(std::move(inner)) {}

  const Query& residual() const override { return inner_->residual(); }
  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    // Opening may take long, and writers need not wait for it.
    RETURN_IF_ERROR(store_.Enter(ctx, /*alone=*/false).status());
    return inner_->Open(ctx, options);
  }
  ExplainNode Explain() const override { return inner_->Explain(); }

 private:
  AggregateStore& store_;  // kept alive by what observes the plan
  const std::unique_ptr<Plan> inner_;
};

StatusOr<std::unique_ptr<Plan>> AggregateStore::Prepare(const Context& ctx, const Query& query) {
  const auto snapshots = [this](const Context& at) -> StatusOr<QueryViews> {
    ASSIGN_OR_RETURN(const Gate::Pass pass, Enter(at, /*alone=*/false));
    auto transactions = std::make_shared<PartTransactions>();
    ASSIGN_OR_RETURN(*transactions, BeginParts(at, {}));
    return QueryViews{parts_.Views(*transactions), transactions};
  };
  ASSIGN_OR_RETURN(auto plan, aggregate::PrepareAggregate(parts_, ctx, query, parts_.Views(),
                                                          snapshots, info_.stage));
  return std::make_unique<GatedPlan>(*this, std::move(plan));
}

StatusOr<std::unique_ptr<Transaction>> AggregateStore::Begin(const Context& ctx,
                                                             const TransactionOptions& options) {
  ASSIGN_OR_RETURN(const Gate::Pass pass, Enter(ctx, /*alone=*/false));
  ASSIGN_OR_RETURN(PartTransactions parts, BeginParts(ctx, options));
  return std::make_unique<AggregateTransaction>(*this, std::move(parts), options);
}

OptionTable<AggregateOptions> Table() {
  OptionTable<AggregateOptions> t;
  t.Json("properties", &AggregateOptions::properties, "",
         R"({"type":"array","items":{"anyOf":[{"type":"array","items":{"type":"string"}},)"
         R"({"const":"*"},{"type":"null"}]}})",
         "the members that each of \"inners\" owns; \"*\" for the one that owns all others",
         Ownership::Read)
      .Required();
  t.Enum("missing", &AggregateOptions::missing, {"left", "inner"}, MissingPart::kLeft,
         "a record that lacks a part: left shows it without, inner does not show it");
  t.Path("journal", &AggregateOptions::journal, "\"\"",
         "the file by which a commit that a crash cut is finished");
  t.Integer("change_log_entries", &AggregateOptions::change_log_entries, 100000,
            "changes to keep for subscribers")
      .Range(1, 1000000000);
  t.Size("change_log_bytes", &AggregateOptions::change_log_bytes, "64MiB",
         "bytes of changes to keep for subscribers");
  return t;
}

void Check(const AggregateOptions& options, size_t inners, const std::string& pointer,
           ConfigProblems* problems) {
  if (options.properties.parts() == 0 || options.properties.parts() == inners) return;
  problems->push_back({JsonPointerBelow(pointer, "properties"),
                       Concat("has ", std::to_string(options.properties.parts()), " entries for ",
                              std::to_string(inners), " inner stores")});
}

StatusOr<std::shared_ptr<Store>> Build(const AggregateOptions& options, StoreInfo info,
                                       const BuildContext& context) {
  auto store = std::make_shared<AggregateStore>(options, std::move(info), context);
  RETURN_IF_ERROR(store->Start(options));
  return store;
}

}  // namespace

Status RegisterAggregate(StageRegistry& registry) {
  StageType type = MakeStageType<AggregateOptions>(
      "aggregate", "one record from several stores, each owning some of its members",
      "//wrappers/aggregate", Children::kMany, Table(), Build);
  type.check = [](const void* options, size_t inners, const std::string& pointer,
                  ConfigProblems* problems) {
    Check(*static_cast<const AggregateOptions*>(options), inners, pointer, problems);
  };
  type.order.feed = ChangeFeed::kOrdered;
  type.order.own_feed = true;
  type.order.better_below = {{"fulltext", "a text index should see whole documents"}};
  type.order.exclusive_option = "journal";
  return registry.Register(std::move(type));
}

}  // namespace strata
