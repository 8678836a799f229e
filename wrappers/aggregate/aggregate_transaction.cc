#include "wrappers/aggregate/aggregate_transaction.h"

#include <utility>
#include <vector>

#include "wrappers/aggregate/aggregate_plan.h"

namespace strata::aggregate {
namespace {

class AggregateTransaction final : public Transaction {
 public:
  AggregateTransaction(const Parts& parts, Committer& committer, IdGenerator& ids,
                       std::string stage, PartTransactions transactions, TransactionOptions options)
      : parts_(parts),
        committer_(committer),
        ids_(ids),
        stage_(std::move(stage)),
        transactions_(std::move(transactions)),
        options_(std::move(options)) {}

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    RETURN_IF_ERROR(CheckOpen());
    return parts_.ReadWhole(ctx, Views(), ids, out);
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    RETURN_IF_ERROR(CheckOpen());
    if (voted_)
      return FailedPrecondition("the transaction has voted; it can only be committed or aborted");
    ASSIGN_OR_RETURN(Work work, parts_.WorkOut(ctx, Views(), batch, touched_, ids_));
    for (size_t p = 0; p < transactions_.size(); ++p) {
      if (work.batches[p].ops.empty() || transactions_[p] == nullptr) continue;
      const StatusOr<WriteResult> written = transactions_[p]->Write(ctx, work.batches[p]);
      if (written.ok()) continue;
      // The batch fails as a whole, so what parts took of it is taken back.
      if (!TakeBack(work, DidNothing(written.status().code()) ? p : p + 1)) transactions_.clear();
      return written.status();
    }
    for (auto& [id, t] : work.touched) touched_.insert_or_assign(id, std::move(t));
    return std::move(work.result);
  }

  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    RETURN_IF_ERROR(CheckOpen());
    return PrepareAggregate(
        parts_, ctx, query, Views(),
        [this](const Context&) -> StatusOr<QueryViews> {
          RETURN_IF_ERROR(CheckOpen());
          return QueryViews{Views(), nullptr};
        },
        stage_);
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
    ASSIGN_OR_RETURN(const Gate::Pass pass, committer_.Enter(ctx, /*alone=*/true));
    const auto revisions = committer_.Commit(ctx, transactions_, touched_, options_);
    if (!revisions.ok()) {
      if (!voted_) transactions_.clear();
      return revisions.status();
    }
    WriteResult result;
    for (const auto& [id, t] : touched_) {
      const auto revision = revisions->find(id);
      if (revision == revisions->end()) continue;
      const bool was = parts_.Whole(t.was, parts_.all()).has_value();
      result.outcomes.push_back({id, revision->second, t.there && !was, !t.there && was});
    }
    transactions_.clear();
    return result;
  }
  Status Abort() override {
    RETURN_IF_ERROR(CheckOpen());
    const Status s = Each([](Transaction& t) { return t.Abort(); });
    transactions_.clear();
    return s;
  }

 private:
  Status CheckOpen() const {
    return transactions_.empty() ? FailedPrecondition("the transaction has ended") : OkStatus();
  }
  PartViews Views() const { return parts_.Views(transactions_); }
  template <typename Call>
  Status Each(const Call& call) {
    for (const auto& t : transactions_) {
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
        b.written.resize(transactions_.size());
        b.there = parts_.Whole(t.was, parts_.all()).has_value();
      }
      for (size_t p = 0; p < end; ++p) {
        if (!t.written[p] || transactions_[p] == nullptr) continue;
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
      if (!transactions_[p]->Write(Context::Background(), batches[p]).ok()) return false;
    }
    for (auto& [id, b] : before) touched_.insert_or_assign(id, std::move(b));
    return true;
  }

  const Parts& parts_;
  Committer& committer_;
  IdGenerator& ids_;
  const std::string stage_;
  PartTransactions transactions_;  // empty: ended
  const TransactionOptions options_;
  TouchedRecords touched_;
  std::vector<std::pair<std::string, TouchedRecords>> savepoints_;
  bool voted_ = false;
};

}  // namespace

std::unique_ptr<Transaction> MakeTransaction(const Parts& parts, Committer& committer,
                                             IdGenerator& ids, std::string stage,
                                             PartTransactions transactions,
                                             TransactionOptions options) {
  return std::make_unique<AggregateTransaction>(parts, committer, ids, std::move(stage),
                                                std::move(transactions), std::move(options));
}

}  // namespace strata::aggregate
