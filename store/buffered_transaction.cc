#include "store/buffered_transaction.h"

#include <algorithm>

#include "store/apply.h"

namespace strata {
namespace {

// What the transaction wrote, newest last; the state of an id is its last entry.
struct Written {
  Document after;  // nothing: deleted
  bool was_there;  // in the snapshot
};
using WriteMap = std::map<std::string, Written, std::less<>>;

class OverlayScan final : public RecordScan {
 public:
  OverlayScan(std::shared_ptr<const Snapshot> base, std::shared_ptr<const WriteMap> writes,
              const IdBounds& bounds, const Filter& filter, std::string_view after)
      : base_(std::move(base)),
        writes_(std::move(writes)),
        bounds_(bounds),
        filter_(filter),
        scan_(base_->Scan(bounds, filter, after)),
        own_(writes_->upper_bound(after)),
        last_(after) {}

  Status Next(const Context& ctx, size_t max_rows, std::vector<Document>* rows,
              bool* done) override {
    *done = false;
    while (rows->size() < max_rows) {
      if (next_ == batch_.size() && !base_done_) {
        batch_.clear();
        next_ = 0;
        RETURN_IF_ERROR(scan_->Next(ctx, max_rows, &batch_, &base_done_));
        std::erase_if(batch_, [&](const Document& d) { return writes_->contains(StoredId(d)); });
        continue;
      }
      const bool more_base = next_ < batch_.size();
      const bool more_own = own_ != writes_->end();
      if (!more_base && !more_own) {
        *done = true;
        return OkStatus();
      }
      const std::string base_id = more_base ? StoredId(batch_[next_]) : "";
      if (more_base && (!more_own || base_id < own_->first)) {
        last_ = base_id;
        rows->push_back(std::move(batch_[next_++]));
        continue;
      }
      const auto& [id, written] = *own_++;
      ++own_examined_;
      last_ = id;
      const bool wanted =
          bounds_.Contains(id) &&
          (!bounds_.ids || std::binary_search(bounds_.ids->begin(), bounds_.ids->end(), id));
      if (written.after && wanted && filter_.Matches(written.after.root()))
        rows->push_back(written.after);
    }
    return OkStatus();
  }
  std::string Position() const override { return last_; }
  uint64_t examined() const override { return scan_->examined() + own_examined_; }

 private:
  std::shared_ptr<const Snapshot> base_;
  std::shared_ptr<const WriteMap> writes_;
  const IdBounds bounds_;
  const Filter filter_;
  std::unique_ptr<RecordScan> scan_;
  WriteMap::const_iterator own_;
  std::vector<Document> batch_;
  size_t next_ = 0;
  bool base_done_ = false;
  std::string last_;
  uint64_t own_examined_ = 0;
};

class OverlaySnapshot final : public Snapshot {
 public:
  OverlaySnapshot(std::shared_ptr<const Snapshot> base, std::shared_ptr<const WriteMap> writes)
      : base_(std::move(base)), writes_(std::move(writes)) {}
  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              std::span<std::optional<Record>> out) const override {
    RETURN_IF_ERROR(base_->Read(ctx, ids, out));
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto it = writes_->find(ids[i]);
      if (it == writes_->end()) continue;
      out[i].reset();
      if (it->second.after) out[i] = Record{it->second.after, 0};
    }
    return OkStatus();
  }
  std::unique_ptr<RecordScan> Scan(const IdBounds& bounds, const Filter& filter,
                                   std::string_view after) const override {
    return std::make_unique<OverlayScan>(base_, writes_, bounds, filter, after);
  }

 private:
  std::shared_ptr<const Snapshot> base_;
  std::shared_ptr<const WriteMap> writes_;
};

class BufferedTransaction final : public Transaction {
 public:
  BufferedTransaction(std::shared_ptr<TransactionHost> host, std::string stage, IdGenerator& ids,
                      TransactionOptions options, std::shared_ptr<const Snapshot> snapshot)
      : host_(std::move(host)),
        stage_(std::move(stage)),
        ids_(ids),
        options_(std::move(options)),
        snapshot_(std::move(snapshot)),
        writes_(std::make_shared<WriteMap>()) {}
  ~BufferedTransaction() override {
    if (voted_) host_->Release(this);
  }

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              std::span<std::optional<Record>> out) override {
    RETURN_IF_ERROR(CheckOpen());
    return OverlaySnapshot(snapshot_, writes_).Read(ctx, ids, out);
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    RETURN_IF_ERROR(CheckOpen());
    if (voted_)
      return FailedPrecondition("the transaction has voted; it can only be committed or aborted");
    if (batch.ops.size() > kMaxBatchOps) return ResourceExhausted("the batch is too large");
    // Plans that are open and savepoints keep what they saw.
    if (writes_.use_count() > 1) writes_ = std::make_shared<WriteMap>(*writes_);
    std::vector<std::pair<std::string, std::optional<Written>>> undo;
    WriteResult result;
    for (size_t i = 0; i < batch.ops.size(); ++i) {
      StatusOr<WriteOutcome> outcome = WriteOne(ctx, batch.ops[i], &undo);
      if (!outcome.ok()) {
        for (size_t u = undo.size(); u-- > 0;) {
          if (undo[u].second) {
            (*writes_)[undo[u].first] = *undo[u].second;
          } else {
            writes_->erase(undo[u].first);
          }
        }
        return InBatch(outcome.status(), batch, i);
      }
      result.outcomes.push_back(*std::move(outcome));
    }
    return result;
  }

  StatusOr<std::unique_ptr<Plan>> Prepare(const Context&, const Query& query) override {
    RETURN_IF_ERROR(CheckOpen());
    auto view = std::make_shared<const OverlaySnapshot>(snapshot_, writes_);
    return PrepareScan(
        stage_, [view]() -> StatusOr<std::shared_ptr<const Snapshot>> { return view; },
        static_cast<double>(writes_->size()), query);
  }

  Status Savepoint(std::string_view name) override {
    RETURN_IF_ERROR(CheckOpen());
    savepoints_.emplace_back(std::string(name), writes_);
    return OkStatus();
  }

  Status RollbackTo(std::string_view name) override {
    RETURN_IF_ERROR(CheckOpen());
    if (voted_)
      return FailedPrecondition("the transaction has voted; it can only be committed or aborted");
    for (size_t i = savepoints_.size(); i-- > 0;) {
      if (savepoints_[i].first != name) continue;
      writes_ = savepoints_[i].second;
      savepoints_.resize(i + 1);
      return OkStatus();
    }
    return NotFound(Concat("there is no savepoint \"", name, "\""));
  }

  Status Vote(const Context& ctx) override {
    RETURN_IF_ERROR(CheckOpen());
    RETURN_IF_ERROR(ctx.Check());
    if (voted_) return OkStatus();
    RETURN_IF_ERROR(host_->Hold(this, FinalWrites(), *snapshot_));
    voted_ = true;
    return OkStatus();
  }

  StatusOr<WriteResult> Commit(const Context& ctx) override {
    RETURN_IF_ERROR(CheckOpen());
    const std::vector<FinalWrite> writes = FinalWrites();
    WriteResult result;
    if (!writes.empty()) {
      const auto revisions = host_->CommitWrites(ctx, this, writes, *snapshot_, options_);
      if (!revisions.ok()) {
        // After a vote the caller may try again; a conflict ends the transaction.
        if (!voted_) Close();
        return revisions.status();
      }
      for (size_t i = 0; i < writes.size(); ++i) {
        const bool was_there = writes_->find(writes[i].id)->second.was_there;
        const bool there = static_cast<bool>(writes[i].after);
        result.outcomes.push_back(
            {writes[i].id, (*revisions)[i], there && !was_there, !there && was_there});
      }
    }
    Close();
    return result;
  }

  Status Abort() override {
    RETURN_IF_ERROR(CheckOpen());
    Close();
    return OkStatus();
  }

 private:
  Status CheckOpen() const {
    return snapshot_ != nullptr ? OkStatus() : FailedPrecondition("the transaction has ended");
  }

  void Close() {
    if (voted_) host_->Release(this);
    voted_ = false;
    snapshot_.reset();
  }

  StatusOr<WriteOutcome> WriteOne(
      const Context& ctx, const WriteOp& op,
      std::vector<std::pair<std::string, std::optional<Written>>>* undo) {
    ASSIGN_OR_RETURN(const std::string id, ResolveId(op, ids_));
    const auto it = writes_->find(id);
    std::optional<Record> before;
    if (it != writes_->end()) {
      if (it->second.after) before = Record{it->second.after, 0};
    } else {
      const std::string_view key = id;
      RETURN_IF_ERROR(snapshot_->Read(ctx, std::span(&key, 1), std::span(&before, 1)));
    }
    ASSIGN_OR_RETURN(Document after, ApplyOp(op, id, before));
    if (it != writes_->end()) {
      undo->emplace_back(id, it->second);
      it->second.after = after;
    } else {
      undo->emplace_back(id, std::nullopt);
      writes_->emplace(id, Written{after, before.has_value()});
    }
    return WriteOutcome{id, 0, after && !before, !after && before.has_value()};
  }

  // Deletions of what never was are dropped.
  std::vector<FinalWrite> FinalWrites() const {
    std::vector<FinalWrite> out;
    for (const auto& [id, w] : *writes_) {
      if (w.after || w.was_there) out.push_back({id, w.after});
    }
    return out;
  }

  std::shared_ptr<TransactionHost> host_;
  const std::string stage_;
  IdGenerator& ids_;
  const TransactionOptions options_;
  std::shared_ptr<const Snapshot> snapshot_;  // none: ended
  std::shared_ptr<WriteMap> writes_;
  std::vector<std::pair<std::string, std::shared_ptr<WriteMap>>> savepoints_;
  bool voted_ = false;
};

}  // namespace

StatusOr<std::unique_ptr<Transaction>> BeginBuffered(std::shared_ptr<TransactionHost> host,
                                                     std::string stage, IdGenerator& ids,
                                                     const TransactionOptions& options) {
  ASSIGN_OR_RETURN(auto snapshot, host->TakeSnapshot());
  return std::make_unique<BufferedTransaction>(std::move(host), std::move(stage), ids, options,
                                               std::move(snapshot));
}

}  // namespace strata
