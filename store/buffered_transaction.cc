#include "store/buffered_transaction.h"

#include <algorithm>

#include "store/apply.h"
#include "store/scan_plan.h"

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
              const IdBounds& bounds, const Filter& filter, std::string_view after,
              const ScanOptions& options)
      : base_(std::move(base)),
        writes_(std::move(writes)),
        bounds_(bounds),
        filter_(filter),
        scan_(base_->Scan(bounds, filter, after, options)),
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

// The transaction's own documents in an index' order, between those of the snapshot.
class OverlayIndexScan final : public RecordScan {
 public:
  OverlayIndexScan(std::shared_ptr<const WriteMap> writes, std::unique_ptr<RecordScan> scan,
                   IndexAccess access, const Filter& filter)
      : writes_(std::move(writes)), scan_(std::move(scan)), access_(std::move(access)) {
    for (const auto& [id, w] : *writes_) {
      if (!w.after) continue;
      std::vector<std::string> keys;
      // A key that is too long fails the commit; no query finds its document by it.
      if (!access_.index->spec.AppendKeys(w.after.root(), &keys).ok()) continue;
      for (std::string& key : keys) {
        const bool within = std::any_of(access_.ranges.begin(), access_.ranges.end(),
                                        [&](const KeyRange& r) { return r.Contains(key); });
        Own own{std::move(key), id, w.after};
        if (!within || (access_.after && !Before(access_.after->first, access_.after->second, own)))
          continue;
        if (filter.Matches(w.after.root())) own_.push_back(std::move(own));
      }
    }
    std::sort(own_.begin(), own_.end(),
              [this](const Own& a, const Own& b) { return Before(a.key, a.id, b); });
  }

  Status Next(const Context& ctx, size_t max_rows, std::vector<Document>* rows,
              bool* done) override {
    *done = false;
    while (rows->size() < max_rows) {
      if (next_ == batch_.size() && !scan_done_) {
        batch_.clear();
        next_ = 0;
        RETURN_IF_ERROR(scan_->Next(ctx, max_rows, &batch_, &scan_done_));
        std::erase_if(batch_, [&](const Document& d) { return writes_->contains(StoredId(d)); });
        continue;
      }
      const bool more_base = next_ < batch_.size();
      if (!more_base && next_own_ == own_.size()) {
        *done = true;
        return OkStatus();
      }
      if (more_base && (next_own_ == own_.size() || BaseIsFirst())) {
        rows->push_back(std::move(batch_[next_++]));
      } else {
        rows->push_back(own_[next_own_++].document);
      }
      last_ = StoredId(rows->back());
    }
    return OkStatus();
  }
  std::string Position() const override { return last_; }
  uint64_t examined() const override { return scan_->examined() + next_own_; }

 private:
  struct Own {
    std::string key;
    std::string id;
    Document document;
  };

  bool Before(std::string_view key, std::string_view id, const Own& own) const {
    const int c = key.compare(own.key);
    if (c != 0) return access_.reverse ? c > 0 : c < 0;
    return id < own.id;
  }

  bool BaseIsFirst() const {
    std::vector<std::string> keys;
    const Document& d = batch_[next_];
    // Several keys: within one range of a multi index, which has one key of each document.
    if (!access_.index->spec.AppendKeys(d.root(), &keys).ok()) return true;
    for (const std::string& key : keys) {
      const bool within = std::any_of(access_.ranges.begin(), access_.ranges.end(),
                                      [&](const KeyRange& r) { return r.Contains(key); });
      if (within) return Before(key, StoredId(d), own_[next_own_]);
    }
    return true;
  }

  const std::shared_ptr<const WriteMap> writes_;
  const std::unique_ptr<RecordScan> scan_;
  const IndexAccess access_;
  std::vector<Own> own_;
  size_t next_own_ = 0;
  std::vector<Document> batch_;
  size_t next_ = 0;
  bool scan_done_ = false;
  std::string last_;
};

class OverlaySnapshot final : public Snapshot {
 public:
  OverlaySnapshot(std::shared_ptr<const Snapshot> base, std::shared_ptr<const WriteMap> writes)
      : base_(std::move(base)), writes_(std::move(writes)) {}
  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) const override {
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
                                   std::string_view after,
                                   const ScanOptions& options) const override {
    if (writes_->empty()) return base_->Scan(bounds, filter, after, options);
    return std::make_unique<OverlayScan>(base_, writes_, bounds, filter, after, options);
  }
  StatusOr<std::unique_ptr<RecordScan>> ScanIndex(IndexAccess access,
                                                  const Filter& filter) const override {
    access.covered = false;
    ASSIGN_OR_RETURN(std::unique_ptr<RecordScan> scan, base_->ScanIndex(access, filter));
    if (writes_->empty()) return scan;
    return std::unique_ptr<RecordScan>(
        std::make_unique<OverlayIndexScan>(writes_, std::move(scan), std::move(access), filter));
  }
  StatusOr<bool> CollectIds(const Context& ctx, const CatalogIndex& index,
                            std::span<const KeyRange> ranges, size_t budget,
                            std::vector<std::string>* ids) const override {
    ASSIGN_OR_RETURN(const bool fits, base_->CollectIds(ctx, index, ranges, budget, ids));
    if (!fits) return false;
    std::erase_if(*ids, [&](const std::string& id) { return writes_->contains(id); });
    for (const auto& [id, w] : *writes_) {
      std::vector<std::string> keys;
      if (!w.after || !index.spec.AppendKeys(w.after.root(), &keys).ok()) continue;
      const bool within = std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
        return std::any_of(ranges.begin(), ranges.end(),
                           [&](const KeyRange& r) { return r.Contains(key); });
      });
      if (within) ids->push_back(id);
    }
    return true;
  }
  StatusOr<uint64_t> CountIndex(const Context& ctx, const CatalogIndex& index,
                                std::span<const KeyRange> ranges) const override {
    if (writes_->empty()) return base_->CountIndex(ctx, index, ranges);
    ASSIGN_OR_RETURN(uint64_t count, base_->CountIndex(ctx, index, ranges));
    // What the transaction changed counts as it is now instead of as it was.
    for (const auto& [id, w] : *writes_) {
      std::optional<Record> before;
      const std::string_view key = id;
      RETURN_IF_ERROR(base_->Read(ctx, std::span(&key, 1), std::span(&before, 1)));
      if (before) count -= Entries(index.spec, before->document, ranges);
      if (w.after) count += Entries(index.spec, w.after, ranges);
    }
    return count;
  }
  std::optional<uint64_t> documents() const override {
    return writes_->empty() ? base_->documents() : std::nullopt;
  }

 private:
  static uint64_t Entries(const IndexSpec& spec, const Document& d,
                          std::span<const KeyRange> ranges) {
    std::vector<std::string> keys;
    if (!spec.AppendKeys(d.root(), &keys).ok()) return 0;
    uint64_t n = 0;
    for (const std::string& key : keys) {
      for (const KeyRange& r : ranges) n += r.Contains(key);
    }
    return n;
  }

  std::shared_ptr<const Snapshot> base_;
  std::shared_ptr<const WriteMap> writes_;
};

// The store as a transaction sees it, for its plans.
class OverlayHost final : public ScanHost {
 public:
  // `since`: the catalog from before the snapshot.
  OverlayHost(std::shared_ptr<TransactionHost> host, std::shared_ptr<const Snapshot> view,
              std::shared_ptr<const IndexCatalog> since)
      : host_(std::move(host)), view_(std::move(view)), since_(std::move(since)) {}
  StatusOr<std::shared_ptr<const Snapshot>> TakeSnapshot() override { return view_; }
  // An index that was complete later does not hold what the snapshot sees.
  std::shared_ptr<const IndexCatalog> catalog() const override {
    std::shared_ptr<const IndexCatalog> now = host_->catalog();
    if (now->epoch == since_->epoch) return now;
    auto both = std::make_shared<IndexCatalog>();
    both->epoch = now->epoch;
    for (const CatalogIndexPtr& i : now->indexes) {
      if (since_->Has(i->number)) both->indexes.push_back(i);
    }
    return both;
  }
  AccessCosts costs() const override {
    AccessCosts costs = host_->costs();
    costs.covering = false;
    return costs;
  }
  double estimated_documents() const override { return host_->estimated_documents(); }
  QueryLog* query_log() override { return host_->query_log(); }
  std::shared_ptr<Executor> executor() const override { return host_->executor(); }

 private:
  const std::shared_ptr<TransactionHost> host_;
  const std::shared_ptr<const Snapshot> view_;
  const std::shared_ptr<const IndexCatalog> since_;
};

class BufferedTransaction final : public Transaction {
 public:
  BufferedTransaction(std::shared_ptr<TransactionHost> host, std::string stage, IdGenerator& ids,
                      TransactionOptions options, std::shared_ptr<const IndexCatalog> catalog,
                      std::shared_ptr<const Snapshot> snapshot)
      : host_(std::move(host)),
        stage_(std::move(stage)),
        ids_(ids),
        options_(std::move(options)),
        catalog_(std::move(catalog)),
        snapshot_(std::move(snapshot)),
        writes_(std::make_shared<WriteMap>()) {}
  ~BufferedTransaction() override {
    if (voted_) host_->Release(this);
  }

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    RETURN_IF_ERROR(CheckOpen());
    return OverlaySnapshot(snapshot_, writes_).Read(ctx, ids, out);
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    RETURN_IF_ERROR(CheckOpen());
    if (voted_)
      return FailedPrecondition("the transaction has voted; it can only be committed or aborted");
    RETURN_IF_ERROR(CheckSize(batch));
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
    return PrepareScan(stage_, std::make_shared<OverlayHost>(host_, std::move(view), catalog_),
                       query, nullptr);
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
  const std::shared_ptr<const IndexCatalog> catalog_;  // from before the snapshot
  std::shared_ptr<const Snapshot> snapshot_;           // none: ended
  std::shared_ptr<WriteMap> writes_;
  std::vector<std::pair<std::string, std::shared_ptr<WriteMap>>> savepoints_;
  bool voted_ = false;
};

}  // namespace

StatusOr<std::unique_ptr<Transaction>> BeginBuffered(std::shared_ptr<TransactionHost> host,
                                                     std::string stage, IdGenerator& ids,
                                                     const TransactionOptions& options) {
  std::shared_ptr<const IndexCatalog> catalog = host->catalog();
  ASSIGN_OR_RETURN(auto snapshot, host->TakeSnapshot());
  return std::make_unique<BufferedTransaction>(std::move(host), std::move(stage), ids, options,
                                               std::move(catalog), std::move(snapshot));
}

}  // namespace strata
