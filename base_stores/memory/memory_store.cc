#include "base_stores/memory/memory_store.h"

#include <algorithm>

#include "base_stores/memory/memory_scan.h"
#include "base_stores/memory/ordered_index.h"
#include "base_stores/memory/version_table.h"
#include "core/json_text.h"
#include "store/apply.h"
#include "store/auto_index.h"
#include "store/buffered_transaction.h"
#include "store/change_log.h"
#include "store/index_admin.h"
#include "store/introspection.h"
#include "store/scan_plan.h"
#include "store/snapshot.h"
#include "store/unique_check.h"

namespace strata {
namespace {

using memory::OrderedIndex;
using memory::Version;
using memory::VersionTable;

constexpr size_t kBackfill = 512;  // documents put into a new index under one hold of the lock

class MemoryStore final : public Store,
                          public TransactionHost,
                          public IndexAdmin,
                          public Introspection,
                          public std::enable_shared_from_this<MemoryStore> {
 public:
  MemoryStore(const MemoryOptions& options, StoreInfo info, std::shared_ptr<Executor> helpers)
      : options_(options),
        info_(std::move(info)),
        helpers_(std::move(helpers)),
        log_(std::make_shared<ChangeLog>(static_cast<size_t>(options.change_log_entries),
                                         static_cast<size_t>(options.change_log_bytes))) {
    MutexLock lock(commit_mutex_);
    for (const IndexSpec& spec : options.indexes) Install(spec, IndexOrigin::kDeclared);
    Publish();
  }

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
              const std::span<std::optional<Record>>& out) override {
    if (ids.size() != 1) [[unlikely]]
      return ReadMany(ctx, ids, out);
    table_.Read(ids[0], &out[0]);
    return OkStatus();
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    RETURN_IF_ERROR(ctx.Check());
    RETURN_IF_ERROR(CheckSize(batch));
    WriteResult result;
    result.outcomes.reserve(batch.ops.size());
    MutexLock lock(commit_mutex_);
    Pending pending;
    for (size_t i = 0; i < batch.ops.size(); ++i) {
      StatusOr<WriteOutcome> outcome = Apply(batch.ops[i], batch.origin, &pending);
      if (!outcome.ok()) return InBatch(outcome.status(), batch, i);
      pending.ops.resize(pending.changes.size(), i);
      result.outcomes.push_back(*std::move(outcome));
    }
    size_t failed = 0;
    if (const Status s = CheckIndexes(pending, nullptr, &failed); !s.ok())
      return InBatch(s, batch, pending.ops[failed]);
    RETURN_IF_ERROR(Commit(std::move(pending)));
    return result;
  }

  StatusOr<std::unique_ptr<Plan>> Prepare(const Context&, const Query& query) override {
    return PrepareScan(info_.stage, shared_from_this(), query, &plans_);
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

  // ---- ScanHost ----
  std::shared_ptr<const IndexCatalog> catalog() const override {
    MutexLock lock(catalog_mutex_);
    return catalog_;
  }
  AccessCosts costs() const override { return {}; }
  double estimated_documents() const override { return static_cast<double>(table_.documents()); }
  QueryLog* query_log() override { return &queries_; }
  std::shared_ptr<Executor> executor() const override { return helpers_; }

  // ---- IndexAdmin ----
  std::vector<IndexReport> Indexes() const override {
    MutexLock lock(commit_mutex_);
    std::vector<IndexReport> out;
    for (const Held& h : indexes_) {
      IndexReport r;
      r.spec = h.index->spec();
      r.state = h.state;
      r.origin = h.origin;
      r.done = r.total = table_.documents();
      r.message = h.message;
      r.stats = h.index->stats();
      out.push_back(std::move(r));
    }
    return out;
  }

  Status CreateIndex(const IndexSpec& spec, IndexOrigin origin) override {
    RETURN_IF_ERROR(CheckIndexSpec(spec));
    std::shared_ptr<OrderedIndex> index;
    {
      MutexLock lock(commit_mutex_);
      if (indexes_.size() == kMaxIndexes)
        return ResourceExhausted(
            Concat("the store has its ", std::to_string(kMaxIndexes), " indexes already"));
      for (const Held& h : indexes_) {
        if (h.index->spec().name == spec.name)
          return AlreadyExists(Concat("there is an index ", JsonString(spec.name), " already"));
      }
      index = Install(spec, origin);
      indexes_.back().state = IndexState::kBuilding;
    }
    // In steps, so that nobody waits for long; writes keep up what is there meanwhile.
    std::string from;
    for (bool more = true; more;) {
      MutexLock lock(commit_mutex_);
      if (std::none_of(indexes_.begin(), indexes_.end(),
                       [&](const Held& h) { return h.index == index; }))
        return Aborted(Concat("the index ", JsonString(spec.name), " was dropped meanwhile"));
      const Status checked = CheckBackfill(*index, from);
      if (!checked.ok()) {
        table_.RemoveIndex(index.get());
        std::erase_if(indexes_, [&](const Held& h) { return h.index == index; });
        return checked;
      }
      more = table_.Backfill(index.get(), kBackfill, &from);
      if (more) continue;
      for (Held& h : indexes_) {
        if (h.index == index) h.state = IndexState::kReady;
      }
      Publish();
    }
    return OkStatus();
  }

  Status DropIndex(std::string_view name) override {
    MutexLock lock(commit_mutex_);
    for (auto it = indexes_.begin(); it != indexes_.end(); ++it) {
      if (it->index->spec().name != name) continue;
      if (it->origin == IndexOrigin::kDeclared) {
        return FailedPrecondition(Concat("the index ", JsonString(name),
                                         " is declared in the configuration; take it out there"));
      }
      table_.RemoveIndex(it->index.get());
      indexes_.erase(it);
      Publish();
      return OkStatus();
    }
    std::vector<std::string> names;
    for (const Held& h : indexes_) names.push_back(h.index->spec().name);
    return NoSuchIndex(name, names);
  }

  Status WaitForIndexes(const Context&) override { return OkStatus(); }

  Status Analyze(const Context& ctx) override {
    std::vector<Held> all;
    {
      MutexLock lock(commit_mutex_);
      all = indexes_;
    }
    for (const Held& h : all) {
      RETURN_IF_ERROR(ctx.Check());
      MutexLock lock(commit_mutex_);
      h.index->Analyze();
    }
    MutexLock lock(commit_mutex_);
    Publish();
    return OkStatus();
  }

  QueryLog& queries() override { return queries_; }

  // ---- Introspection ----
  std::vector<Metric> Metrics() const override { return {auto_index_.failures()}; }

  // ---- TransactionHost ----
  StatusOr<std::shared_ptr<const Snapshot>> TakeSnapshot() override {
    return std::shared_ptr<const Snapshot>(std::make_shared<MemorySnapshot>(shared_from_this()));
  }

  Status Hold(const void* owner, std::span<const FinalWrite> writes,
              const Snapshot& snapshot) override {
    MutexLock lock(commit_mutex_);
    RETURN_IF_ERROR(
        CheckUnchanged(owner, writes, static_cast<const MemorySnapshot&>(snapshot).revision()));
    std::vector<IndexedChange> changes;
    for (const FinalWrite& w : writes) {
      const Version* before = table_.Newest(w.id);
      changes.push_back(
          {w.id, before != nullptr ? before->document.root() : Value(), w.after.root()});
    }
    size_t failed = 0;
    RETURN_IF_ERROR(CheckChanges(changes, owner, &failed));
    for (const FinalWrite& w : writes) held_[w.id] = owner;
    // The unique keys that it will take, too.
    std::vector<std::string> keys;
    for (const Held& h : indexes_) {
      for (const IndexedChange& c : changes) {
        if (!c.after.exists() || !h.index->spec().Binds(c.after)) continue;
        keys.clear();
        (void)h.index->spec().AppendKeys(c.after, &keys);  // checked just now
        for (const std::string& k : keys) held_keys_[HeldKey(*h.index, k)] = owner;
      }
    }
    return OkStatus();
  }

  void Release(const void* owner) override {
    MutexLock lock(commit_mutex_);
    absl::erase_if(held_, [&](const auto& h) { return h.second == owner; });
    absl::erase_if(held_keys_, [&](const auto& h) { return h.second == owner; });
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
      revisions.push_back(w.after || before
                              ? Add(w.id, before ? before->document : Document(), w.after,
                                    options.origin, options.min_revision, &pending)
                              : 0);
    }
    size_t failed = 0;
    RETURN_IF_ERROR(CheckIndexes(pending, owner, &failed));
    RETURN_IF_ERROR(Commit(std::move(pending)));
    return revisions;
  }

 private:
  // As of one moment.
  [[gnu::noinline]] Status ReadMany(const Context& ctx, std::span<const std::string_view> ids,
                                    const std::span<std::optional<Record>>& out) {
    if (ids.empty()) return OkStatus();
    RETURN_IF_ERROR(ctx.Check());
    return MemorySnapshot(shared_from_this()).Read(ctx, ids, out);
  }
  // A batch before it is visible.
  struct Pending {
    std::vector<Change> changes;
    std::vector<size_t> ops;  // of each change: the operation that made it
    absl::flat_hash_map<std::string, size_t, StringHash, std::equal_to<>>
        last;  // id to its newest change
  };

  class MemorySnapshot final : public Snapshot {
   public:
    explicit MemorySnapshot(std::shared_ptr<MemoryStore> store)
        : store_(std::move(store)), revision_(store_->table_.Register(&documents_)) {}
    ~MemorySnapshot() override { store_->table_.Unregister(revision_); }
    uint64_t revision() const { return revision_; }
    Status Read(const Context&, std::span<const std::string_view> ids,
                const std::span<std::optional<Record>>& out) const override {
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
                                     std::string_view after,
                                     const ScanOptions& options) const override {
      return memory::ScanTable(store_->table_, &store_->columns_, revision_, bounds, filter, after,
                               options);
    }
    StatusOr<std::unique_ptr<RecordScan>> ScanIndex(IndexAccess access,
                                                    const Filter& filter) const override {
      ASSIGN_OR_RETURN(std::shared_ptr<const OrderedIndex> index, Find(*access.index));
      return memory::ScanOrderedIndex(std::move(index), revision_, std::move(access), filter);
    }
    StatusOr<bool> CollectIds(const Context& ctx, const CatalogIndex& index,
                              std::span<const KeyRange> ranges, size_t budget,
                              std::vector<std::string>* ids) const override {
      ASSIGN_OR_RETURN(const auto found, Find(index));
      return memory::CollectIndexIds(ctx, *found, revision_, ranges, budget, ids);
    }
    StatusOr<uint64_t> CountIndex(const Context& ctx, const CatalogIndex& index,
                                  std::span<const KeyRange> ranges) const override {
      ASSIGN_OR_RETURN(const auto found, Find(index));
      return memory::CountIndexEntries(ctx, *found, revision_, ranges);
    }
    std::optional<uint64_t> documents() const override { return documents_; }

   private:
    StatusOr<std::shared_ptr<const OrderedIndex>> Find(const CatalogIndex& wanted) const {
      MutexLock lock(store_->catalog_mutex_);
      for (const auto& index : store_->readable_) {
        if (index->number() == wanted.number) return index;
      }
      return Aborted(
          Concat("the index ", JsonString(wanted.spec.name), " was dropped; run the query again"));
    }

    std::shared_ptr<MemoryStore> store_;
    uint64_t documents_ = 0;
    const uint64_t revision_;
  };

  // An index with where it came from.
  struct Held {
    std::shared_ptr<OrderedIndex> index;
    IndexOrigin origin;
    IndexState state = IndexState::kReady;
    std::string message;
  };

  // Writes keep it up from now on.
  std::shared_ptr<OrderedIndex> Install(const IndexSpec& spec, IndexOrigin origin)
      REQUIRES_LOCK(commit_mutex_) {
    auto index = std::make_shared<OrderedIndex>(spec, ++last_index_);
    indexes_.push_back({index, origin, IndexState::kReady, ""});
    table_.AddIndex(index);
    return index;
  }

  // Makes the indexes that are complete known to queries.
  void Publish() REQUIRES_LOCK(commit_mutex_) {
    auto catalog = std::make_shared<IndexCatalog>();
    std::vector<std::shared_ptr<const OrderedIndex>> readable;
    for (const Held& h : indexes_) {
      if (h.state != IndexState::kReady) continue;
      catalog->indexes.push_back(std::make_shared<const CatalogIndex>(
          CatalogIndex{h.index->spec(), h.index->number(), h.index->stats()}));
      readable.push_back(h.index);
    }
    MutexLock lock(catalog_mutex_);
    catalog->epoch = catalog_ == nullptr ? 1 : catalog_->epoch + 1;
    catalog_ = std::move(catalog);
    readable_ = std::move(readable);
  }

  // Whether the next documents can be put into an index that is being built.
  Status CheckBackfill(const OrderedIndex& index, const std::string& from)
      REQUIRES_LOCK(commit_mutex_) {
    std::vector<IndexedChange> changes;
    std::vector<std::string> ids;
    table_.ForEach(from, kBackfill, [&](const std::string& id, Value document) {
      changes.push_back({id, Value(), document});
    });
    size_t failed = 0;
    return CheckIndex(index.spec(), changes, OwnerIn(index, nullptr), &failed);
  }

  static std::string HeldKey(const OrderedIndex& index, std::string_view key) {
    return std::to_string(index.number()) + "/" + std::string(key);
  }

  // `owner`: the transaction that asks, whose own holds do not hinder it.
  KeyOwner OwnerIn(const OrderedIndex& index, const void* owner) const
      REQUIRES_LOCK(commit_mutex_) {
    return [this, &index, owner](std::string_view key)
               STRATA_NO_THREAD_SAFETY_ANALYSIS -> StatusOr<std::optional<std::string>> {
                 if (!held_keys_.empty()) {
                   const auto it = held_keys_.find(HeldKey(index, key));
                   if (it != held_keys_.end() && it->second != owner)
                     return KeyIsHeld(index.spec());
                 }
                 const memory::Entry* e = index.Owner(key);
                 if (e == nullptr) return std::optional<std::string>();
                 return std::optional<std::string>(e->id);
               };
  }

  // Whether every index can take what the batch makes in the end.
  Status CheckIndexes(const Pending& pending, const void* owner, size_t* failed) const
      REQUIRES_LOCK(commit_mutex_) {
    if (indexes_.empty()) return OkStatus();
    std::vector<IndexedChange> changes;
    std::vector<size_t> places;
    for (const auto& [id, last] : pending.last) {
      const Version* before = table_.Newest(id);
      changes.push_back({id, before != nullptr ? before->document.root() : Value(),
                         pending.changes[last].after.root()});
      places.push_back(last);
    }
    size_t at = 0;
    const Status s = CheckChanges(changes, owner, &at);
    if (!s.ok()) *failed = places[at];
    return s;
  }

  Status CheckChanges(const std::vector<IndexedChange>& changes, const void* owner,
                      size_t* failed) const REQUIRES_LOCK(commit_mutex_) {
    for (const Held& h : indexes_)
      RETURN_IF_ERROR(CheckIndex(h.index->spec(), changes, OwnerIn(*h.index, owner), failed));
    return OkStatus();
  }

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
      outcome.revision = Add(id, before ? before->document : Document(), std::move(after), origin,
                             op.min_revision, pending);
    }
    outcome.id = std::move(id);
    return outcome;
  }

  uint64_t Add(const std::string& id, Document before, Document after, const std::string& origin,
               uint64_t min_revision, Pending* pending) REQUIRES_LOCK(commit_mutex_) {
    const uint64_t last =
        pending->changes.empty() ? table_.committed() : pending->changes.back().sequence;
    Change c;
    c.kind = !after ? ChangeKind::kDelete : before ? ChangeKind::kUpdate : ChangeKind::kCreate;
    c.sequence = std::max(last + 1, min_revision);
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
    columns_.Changed(installs, pending.changes.back().sequence);
    table_.Commit(std::move(installs));
    log_->Append(std::move(pending.changes));
    return OkStatus();
  }

  const MemoryOptions options_;
  const StoreInfo info_;
  const std::shared_ptr<Executor> helpers_;
  IdGenerator ids_;
  VersionTable table_;
  memory::ColumnCache columns_{options_.columns, static_cast<size_t>(options_.column_bytes)};
  std::shared_ptr<ChangeLog> log_;
  PlanCache plans_;
  QueryLog queries_;
  mutable Mutex commit_mutex_;
  std::vector<Held> indexes_ STRATA_GUARDED_BY(commit_mutex_);
  uint32_t last_index_ STRATA_GUARDED_BY(commit_mutex_) = 0;
  // What queries see of them.
  mutable Mutex catalog_mutex_;
  std::shared_ptr<const IndexCatalog> catalog_ STRATA_GUARDED_BY(catalog_mutex_);
  std::vector<std::shared_ptr<const OrderedIndex>> readable_ STRATA_GUARDED_BY(catalog_mutex_);
  StringMap<const void*> held_ STRATA_GUARDED_BY(commit_mutex_);
  StringMap<const void*> held_keys_ STRATA_GUARDED_BY(commit_mutex_);  // of unique indexes
  int64_t bytes_ STRATA_GUARDED_BY(commit_mutex_) = 0;
  // Last, so that it ends first.
  AutoIndexThread auto_index_{this, options_.auto_index,
                              static_cast<size_t>(options_.auto_index_budget),
                              [this] { return estimated_documents(); }};
};

StatusOr<std::shared_ptr<Store>> Build(const MemoryOptions& options, StoreInfo info,
                                       const BuildContext& context) {
  return NewMemoryStore(options, std::move(info), context.executor);
}

}  // namespace

std::shared_ptr<Store> NewMemoryStore(const MemoryOptions& options, StoreInfo info,
                                      std::shared_ptr<Executor> helpers) {
  return std::make_shared<MemoryStore>(options, std::move(info), std::move(helpers));
}

Status RegisterMemory(StageRegistry& registry) {
  StageType type = MakeStageType<MemoryOptions>(
      "memory", "documents in memory; gone when the process ends", "//base_stores/memory",
      Children::kNone, MemoryOptionTable(), Build);
  type.order.volatile_data = true;
  type.order.feed = ChangeFeed::kOrdered;
  return registry.Register(std::move(type));
}

}  // namespace strata
