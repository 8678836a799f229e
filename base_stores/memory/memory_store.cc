#include "base_stores/memory/memory_store.h"

#include "base_stores/memory/version_table.h"
#include "core/json_text.h"
#include "store/apply.h"
#include "store/buffered_transaction.h"
#include "store/change_log.h"
#include "store/snapshot.h"

namespace strata {
namespace {

using memory::Version;
using memory::VersionTable;

constexpr size_t kChunk = 512;     // versions collected under one hold of the order's lock
constexpr size_t kFetchText = 12;  // documents ahead
constexpr size_t kFetchIndex = 6;

class MemoryScan final : public RecordScan {
 public:
  MemoryScan(const VersionTable& table, uint64_t revision, const IdBounds& bounds,
             const Filter& filter, std::string_view after)
      : table_(table), revision_(revision), bounds_(bounds), filter_(filter) {
    if (bounds_.ids) {
      std::erase_if(*bounds_.ids,
                    [&](const std::string& id) { return !after.empty() && id <= after; });
    } else if (!after.empty() && after >= bounds_.from) {
      from_ = after;
      inclusive_ = false;
    } else {
      from_ = bounds_.from;
    }
    last_ = after;
  }

  Status Next(const Context& ctx, size_t max_rows, std::vector<Document>* rows,
              bool* done) override {
    *done = false;
    while (rows->size() < max_rows) {
      if (at_ == chunk_.size()) {
        RETURN_IF_ERROR(ctx.Check());
        chunk_.clear();
        at_ = 0;
        if (!more_) {
          *done = true;
          return OkStatus();
        }
        Fill();
        continue;
      }
      const Version* v = chunk_[at_];
      if (at_ + kFetchText < chunk_.size()) {
        chunk_[at_ + kFetchText]->document.PrefetchText();
        chunk_[at_ + kFetchIndex]->document.PrefetchIndex();
      }
      ++at_;
      ++examined_;
      passed_ = v;
      if (filter_.Matches(v->document.root())) rows->push_back(v->document);
    }
    if (at_ == chunk_.size() && !more_) *done = true;
    return OkStatus();
  }

  std::string Position() const override {
    return passed_ != nullptr ? StoredId(passed_->document) : last_;
  }
  uint64_t examined() const override { return examined_; }

 private:
  void Fill() {
    if (bounds_.ids) {
      for (; next_id_ < bounds_.ids->size() && chunk_.size() < kChunk; ++next_id_) {
        if (const Version* v = table_.ReadAt((*bounds_.ids)[next_id_], revision_))
          chunk_.push_back(v);
      }
      more_ = next_id_ < bounds_.ids->size();
      return;
    }
    const std::string* end = bounds_.end ? &*bounds_.end : nullptr;
    more_ = table_.Collect(revision_, end, kChunk, &from_, inclusive_, &chunk_);
    inclusive_ = false;
  }

  const VersionTable& table_;
  const uint64_t revision_;
  IdBounds bounds_;
  const Filter filter_;
  std::string from_;
  bool inclusive_ = true;
  size_t next_id_ = 0;
  bool more_ = true;
  std::vector<const Version*> chunk_;
  size_t at_ = 0;
  const Version* passed_ = nullptr;  // the snapshot keeps it
  std::string last_;
  uint64_t examined_ = 0;
};

class MemoryStore final : public Store,
                          public TransactionHost,
                          public std::enable_shared_from_this<MemoryStore> {
 public:
  MemoryStore(const MemoryOptions& options, StoreInfo info)
      : options_(options),
        info_(std::move(info)),
        log_(std::make_shared<ChangeLog>(static_cast<size_t>(options.change_log_entries),
                                         static_cast<size_t>(options.change_log_bytes))) {}

  const StoreInfo& info() const override { return info_; }

  Capabilities capabilities() const override {
    return {WriteAtomicity::kBatch,
            Isolation::kSnapshot,
            Freshness::kLatest,
            Durability::kNone,
            ChangeFeed::kOrdered,
            OrderedScan::kById,
            true};
  }

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              std::span<std::optional<Record>> out) override {
    if (ids.size() > 1) RETURN_IF_ERROR(ctx.Check());
    if (ids.size() > 1)
      return MemorySnapshot(shared_from_this()).Read(ctx, ids, out);  // one moment
    for (size_t i = 0; i < ids.size(); ++i) {
      Record r;
      table_.Read(ids[i], &r.document, &r.revision);
      if (r.revision != 0) {
        out[i] = std::move(r);
      } else {
        out[i].reset();
      }
    }
    return OkStatus();
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    RETURN_IF_ERROR(ctx.Check());
    if (batch.ops.size() > kMaxBatchOps) {
      return ResourceExhausted(Concat("the batch has ", std::to_string(batch.ops.size()),
                                      " operations; at most ", std::to_string(kMaxBatchOps),
                                      " are taken"));
    }
    WriteResult result;
    result.outcomes.reserve(batch.ops.size());
    MutexLock lock(commit_mutex_);
    Pending pending;
    for (size_t i = 0; i < batch.ops.size(); ++i) {
      StatusOr<WriteOutcome> outcome = Apply(batch.ops[i], batch.origin, &pending);
      if (!outcome.ok()) return InBatch(outcome.status(), batch, i);
      result.outcomes.push_back(*std::move(outcome));
    }
    RETURN_IF_ERROR(Commit(std::move(pending)));
    return result;
  }

  StatusOr<std::unique_ptr<Plan>> Prepare(const Context&, const Query& query) override {
    auto self = shared_from_this();
    return PrepareScan(
        info_.stage, [self] { return self->TakeSnapshot(); },
        static_cast<double>(table_.documents()), query);
  }

  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    RETURN_IF_ERROR(ctx.Check());
    return BeginBuffered(shared_from_this(), info_.stage, ids_, options);
  }

  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context&,
                                                    const SubscribeRequest& request) override {
    return log_->Subscribe(request);
  }

  // ---- TransactionHost ----
  StatusOr<std::shared_ptr<const Snapshot>> TakeSnapshot() override {
    return std::shared_ptr<const Snapshot>(std::make_shared<MemorySnapshot>(shared_from_this()));
  }

  Status Hold(const void* owner, std::span<const FinalWrite> writes,
              const Snapshot& snapshot) override {
    MutexLock lock(commit_mutex_);
    RETURN_IF_ERROR(
        CheckUnchanged(owner, writes, static_cast<const MemorySnapshot&>(snapshot).revision()));
    for (const FinalWrite& w : writes) held_[w.id] = owner;
    return OkStatus();
  }

  void Release(const void* owner) override {
    MutexLock lock(commit_mutex_);
    absl::erase_if(held_, [&](const auto& h) { return h.second == owner; });
  }

  StatusOr<std::vector<uint64_t>> CommitWrites(const Context& ctx, const void* owner,
                                               std::span<const FinalWrite> writes,
                                               const Snapshot& snapshot,
                                               const TransactionOptions& options) override {
    RETURN_IF_ERROR(ctx.Check());
    MutexLock lock(commit_mutex_);
    RETURN_IF_ERROR(
        CheckUnchanged(owner, writes, static_cast<const MemorySnapshot&>(snapshot).revision()));
    Pending pending;
    std::vector<uint64_t> revisions;
    for (const FinalWrite& w : writes) {
      std::optional<Record> before = Current(w.id, pending);
      revisions.push_back(w.after || before ? Add(w.id, before ? before->document : Document(),
                                                  w.after, options.origin, &pending)
                                            : 0);
    }
    RETURN_IF_ERROR(Commit(std::move(pending)));
    return revisions;
  }

 private:
  // A batch before it is visible.
  struct Pending {
    std::vector<Change> changes;
    absl::flat_hash_map<std::string, size_t, StringHash, std::equal_to<>>
        last;  // id to its newest change
  };

  class MemorySnapshot final : public Snapshot {
   public:
    explicit MemorySnapshot(std::shared_ptr<MemoryStore> store)
        : store_(std::move(store)), revision_(store_->table_.Register()) {}
    ~MemorySnapshot() override { store_->table_.Unregister(revision_); }
    uint64_t revision() const { return revision_; }
    Status Read(const Context&, std::span<const std::string_view> ids,
                std::span<std::optional<Record>> out) const override {
      for (size_t i = 0; i < ids.size(); ++i) {
        const Version* v = store_->table_.ReadAt(ids[i], revision_);
        if (v != nullptr) {
          out[i] = Record{v->document, v->revision};
        } else {
          out[i].reset();
        }
      }
      return OkStatus();
    }
    std::unique_ptr<RecordScan> Scan(const IdBounds& bounds, const Filter& filter,
                                     std::string_view after) const override {
      return std::make_unique<MemoryScan>(store_->table_, revision_, bounds, filter, after);
    }

   private:
    std::shared_ptr<MemoryStore> store_;
    const uint64_t revision_;
  };

  std::optional<Record> Current(std::string_view id, const Pending& pending) const
      REQUIRES_LOCK(commit_mutex_) {
    if (const auto it = pending.last.find(id); it != pending.last.end()) {
      const Change& c = pending.changes[it->second];
      if (!c.after) return std::nullopt;
      return Record{c.after, c.sequence};
    }
    const Version* v = table_.Newest(id);
    if (v == nullptr || !v->document) return std::nullopt;
    return Record{v->document, v->revision};
  }

  Status CheckFree(std::string_view id, const void* owner) const REQUIRES_LOCK(commit_mutex_) {
    if (held_.empty()) return OkStatus();
    const auto it = held_.find(id);
    if (it == held_.end() || it->second == owner) return OkStatus();
    return Aborted(
        Concat("a transaction that is about to commit holds ", JsonString(id), "; run again"));
  }

  Status CheckUnchanged(const void* owner, std::span<const FinalWrite> writes,
                        uint64_t snapshot_revision) const REQUIRES_LOCK(commit_mutex_) {
    for (const FinalWrite& w : writes) {
      RETURN_IF_ERROR(CheckFree(w.id, owner));
      const uint64_t changed = ChangedAt(w.id);
      if (changed > snapshot_revision) {
        return Aborted(
            Concat(JsonString(w.id), " was changed by another writer; run the transaction again"));
      }
    }
    return OkStatus();
  }

  // The revision at which the document last changed. A deletion that has been forgotten has no
  // snapshot before it.
  uint64_t ChangedAt(std::string_view id) const REQUIRES_LOCK(commit_mutex_) {
    const Version* v = table_.Newest(id);
    return v == nullptr ? 0 : v->revision;
  }

  StatusOr<WriteOutcome> Apply(const WriteOp& op, const std::string& origin, Pending* pending)
      REQUIRES_LOCK(commit_mutex_) {
    ASSIGN_OR_RETURN(std::string id, ResolveId(op, ids_));
    RETURN_IF_ERROR(CheckFree(id, nullptr));
    const std::optional<Record> before = Current(id, *pending);
    ASSIGN_OR_RETURN(Document after, ApplyOp(op, id, before));
    WriteOutcome outcome;
    outcome.created = after && !before;
    outcome.deleted = !after && before;
    if (after || before) {
      outcome.revision =
          Add(id, before ? before->document : Document(), std::move(after), origin, pending);
    }
    outcome.id = std::move(id);
    return outcome;
  }

  uint64_t Add(const std::string& id, Document before, Document after, const std::string& origin,
               Pending* pending) REQUIRES_LOCK(commit_mutex_) {
    Change c;
    c.kind = !after ? ChangeKind::kDelete : before ? ChangeKind::kUpdate : ChangeKind::kCreate;
    c.sequence = table_.committed() + pending->changes.size() + 1;
    c.id = id;
    c.before = std::move(before);
    c.after = std::move(after);
    c.origin = origin;
    pending->last[id] = pending->changes.size();
    pending->changes.push_back(std::move(c));
    return pending->changes.back().sequence;
  }

  Status Commit(Pending pending) REQUIRES_LOCK(commit_mutex_) {
    if (pending.changes.empty()) return OkStatus();
    int64_t bytes = bytes_;
    std::vector<VersionTable::Install> installs;
    installs.reserve(pending.last.size());
    for (size_t i = 0; i < pending.changes.size(); ++i) {
      const Change& c = pending.changes[i];
      bytes += static_cast<int64_t>(c.after.text().size()) -
               static_cast<int64_t>(c.before.text().size());
      if (pending.last.size() == pending.changes.size() || pending.last[c.id] == i) {
        installs.push_back({c.id, c.after, c.sequence});
      }
    }
    if (options_.max_bytes > 0 && bytes > options_.max_bytes && bytes > bytes_) {
      return ResourceExhausted(
          Concat("the store holds its max_bytes of ", std::to_string(options_.max_bytes)));
    }
    bytes_ = bytes;
    table_.Commit(std::move(installs));
    log_->Append(std::move(pending.changes));
    return OkStatus();
  }

  const MemoryOptions options_;
  const StoreInfo info_;
  IdGenerator ids_;
  VersionTable table_;
  std::shared_ptr<ChangeLog> log_;
  Mutex commit_mutex_;
  StringMap<const void*> held_ STRATA_GUARDED_BY(commit_mutex_);
  int64_t bytes_ STRATA_GUARDED_BY(commit_mutex_) = 0;
};

StatusOr<std::shared_ptr<Store>> Build(const MemoryOptions& options, StoreInfo info,
                                       const BuildContext&) {
  return NewMemoryStore(options, std::move(info));
}

}  // namespace

std::shared_ptr<Store> NewMemoryStore(const MemoryOptions& options, StoreInfo info) {
  return std::make_shared<MemoryStore>(options, std::move(info));
}

Status RegisterMemory(StageRegistry& registry) {
  StageType type = MakeStageType<MemoryOptions>(
      "memory", "documents in memory; gone when the process ends", "//base_stores/memory",
      Children::kNone, MemoryOptionTable(), Build);
  type.volatile_data = true;
  return registry.Register(std::move(type));
}

}  // namespace strata
