#include "base_stores/rocksdb/rocksdb_store.h"

#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <filesystem>
#include <functional>
#include <thread>

#include "base_stores/rocksdb/changes.h"
#include "base_stores/rocksdb/codec.h"
#include "base_stores/rocksdb/database.h"
#include "base_stores/rocksdb/indexes.h"
#include "base_stores/rocksdb/rocksdb_snapshot.h"
#include "core/json_text.h"
#include "store/apply.h"
#include "store/auto_index.h"
#include "store/buffered_transaction.h"
#include "store/index_admin.h"
#include "store/scan_plan.h"

namespace strata {
namespace {

using rocksdb_store::ChangeSignal;
using rocksdb_store::Database;
using rocksdb_store::RocksdbSnapshot;
using rocksdb_store::ToSlice;
using rocksdb_store::ToView;
using rocksdb_store::Translate;

constexpr size_t kFetchAhead = 4;   // documents of a batch
constexpr size_t kGroupOps = 4096;  // operations that one group commit takes at most

class RocksdbStore final : public Store,
                           public TransactionHost,
                           public IndexAdmin,
                           public std::enable_shared_from_this<RocksdbStore> {
 public:
  RocksdbStore(const RocksdbOptions& options, StoreInfo info, std::shared_ptr<Database> database,
               std::shared_ptr<Executor> helpers)
      : options_(options),
        info_(std::move(info)),
        helpers_(std::move(helpers)),
        database_(std::move(database)),
        signal_(std::make_shared<ChangeSignal>()),
        indexes_(database_) {}

  Status Init() {
    RETURN_IF_ERROR(indexes_.Init(options_.indexes));
    Tend();
    auto_index_ = std::make_unique<AutoIndexThread>(this, options_.auto_index,
                                                    static_cast<size_t>(options_.auto_index_budget),
                                                    [this] { return estimated_documents(); });
    return OkStatus();
  }

  ~RocksdbStore() override {
    auto_index_.reset();
    stop_.Cancel();
    WakeKeeper();
    if (keeper_.joinable()) keeper_.join();
    (void)indexes_.Save();  // without it, the next open counts again
  }

  const StoreInfo& info() const override { return info_; }

  Capabilities capabilities() const override {
    return {WriteAtomicity::kBatch,
            Isolation::kSnapshot,
            Freshness::kLatest,
            options_.durability == RocksdbDurability::kSync ? Durability::kMachine
                                                            : Durability::kProcess,
            ChangeFeed::kResumable,
            OrderedScan::kById,
            true};
  }

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    const rocksdb::ReadOptions read;
    if (ids.size() > 1) RETURN_IF_ERROR(ctx.Check());
    return database_->GetMany(read, ids, out);
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    RETURN_IF_ERROR(ctx.Check());
    if (batch.ops.size() > kMaxBatchOps) {
      return ResourceExhausted(Concat("the batch has ", std::to_string(batch.ops.size()),
                                      " operations; at most ", std::to_string(kMaxBatchOps),
                                      " are taken"));
    }
    if (batch.origin.size() > kMaxIdBytes)
      return InvalidArgument("the origin is longer than an id may be");
    Writer w;
    w.batch = &batch;
    w.sync = WantsSync(batch.durability);
    Enqueue(&w);
    RETURN_IF_ERROR(w.status);
    return std::move(w.result);
  }

  StatusOr<std::unique_ptr<Plan>> Prepare(const Context&, const Query& query) override {
    return PrepareScan(info_.stage, shared_from_this(), query, &plans_);
  }

  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    RETURN_IF_ERROR(ctx.Check());
    if (options.origin.size() > kMaxIdBytes)
      return InvalidArgument("the origin is longer than an id may be");
    return BeginBuffered(shared_from_this(), info_.stage, ids_, options);
  }

  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context&,
                                                    const SubscribeRequest& request) override {
    return rocksdb_store::SubscribeToLog(database_, signal_, request);
  }

  Status Backup(const std::string& directory) {
    std::error_code ec;
    if (directory.empty()) return InvalidArgument("a backup needs a directory");
    if (std::filesystem::exists(directory, ec)) {
      return AlreadyExists(
          Concat(directory, " is there already; a backup makes its own directory"));
    }
    rocksdb::Checkpoint* raw = nullptr;
    RETURN_IF_ERROR(
        Translate(rocksdb::Checkpoint::Create(database_->db(), &raw), "preparing a backup"));
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
    return Translate(checkpoint->CreateCheckpoint(directory),
                     Concat("writing a backup to ", directory));
  }

  // ---- ScanHost ----
  std::shared_ptr<const IndexCatalog> catalog() const override { return indexes_.catalog(); }
  AccessCosts costs() const override {
    return {.scan_row = 0.7,
            .index_entry = 0.5,
            .fetch = 2.0,
            .seek = 4.0,
            .covering = true,
            .counted = false};
  }
  double estimated_documents() const override { return database_->EstimatedDocuments(); }
  QueryLog* query_log() override { return &indexes_.queries(); }
  std::shared_ptr<Executor> executor() const override { return helpers_; }

  // ---- IndexAdmin ----
  std::vector<IndexReport> Indexes() const override { return indexes_.Reports(); }
  Status CreateIndex(const IndexSpec& spec, IndexOrigin origin) override {
    RETURN_IF_ERROR(InTurn([&] { return indexes_.Create(spec, origin); }));
    Tend();
    return OkStatus();
  }
  Status DropIndex(std::string_view name) override {
    RETURN_IF_ERROR(InTurn([&] { return indexes_.Drop(name); }));
    Tend();
    return OkStatus();
  }
  Status WaitForIndexes(const Context& ctx) override {
    while (indexes_.HasWork()) {
      RETURN_IF_ERROR(ctx.Check());
      MutexLock lock(keeper_mutex_);
      if (!keeper_status_.ok()) return keeper_status_;
      keeper_changed_.WaitUntil(keeper_mutex_,
                                std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
    }
    return OkStatus();
  }
  Status Analyze(const Context& ctx) override {
    for (const IndexReport& r : indexes_.Reports()) {
      if (r.state == IndexState::kReady) RETURN_IF_ERROR(CountAgain(ctx, r));
    }
    return OkStatus();
  }
  QueryLog& queries() override { return indexes_.queries(); }

  // ---- TransactionHost ----
  StatusOr<std::shared_ptr<const Snapshot>> TakeSnapshot() override {
    return std::shared_ptr<const Snapshot>(std::make_shared<RocksdbSnapshot>(database_));
  }

  Status Hold(const void* owner, std::span<const FinalWrite> writes,
              const Snapshot& snapshot) override {
    Writer w;
    w.writes = writes;
    w.owner = owner;
    w.snapshot = static_cast<const RocksdbSnapshot*>(&snapshot);
    w.hold_only = true;
    Enqueue(&w);
    return w.status;
  }

  void Release(const void* owner) override {
    indexes_.Release(owner);
    MutexLock lock(held_mutex_);
    absl::erase_if(held_, [&](const auto& h) { return h.second == owner; });
    any_held_.store(!held_.empty(), std::memory_order_release);
  }

  StatusOr<std::vector<uint64_t>> CommitWrites(const Context& ctx, const void* owner,
                                               std::span<const FinalWrite> writes,
                                               const Snapshot& snapshot,
                                               const TransactionOptions& options) override {
    RETURN_IF_ERROR(ctx.Check());
    Writer w;
    w.writes = writes;
    w.owner = owner;
    w.snapshot = static_cast<const RocksdbSnapshot*>(&snapshot);
    w.origin = options.origin;
    w.min_revision = options.min_revision;
    w.sync = WantsSync(options.durability);
    Enqueue(&w);
    RETURN_IF_ERROR(w.status);
    std::vector<uint64_t> revisions;
    for (const WriteOutcome& o : w.result.outcomes) revisions.push_back(o.revision);
    return revisions;
  }

 private:
  // One call that waits for its turn. Either `batch`, or the writes of a transaction.
  struct Writer {
    const WriteBatch* batch = nullptr;
    std::span<const FinalWrite> writes;
    const void* owner = nullptr;
    const RocksdbSnapshot* snapshot = nullptr;
    std::string_view origin;
    uint64_t min_revision = 0;
    bool hold_only = false;
    bool sync = false;
    // Instead: something to be done alone, in the leader's turn.
    std::function<Status()> task;

    bool done = false;
    Status status;
    WriteResult result;
    size_t ops() const { return batch != nullptr ? batch->ops.size() : writes.size(); }
    // About what it will take in RocksDB's batch.
    size_t bytes() const {
      size_t n = 128 * ops();
      if (batch != nullptr) {
        for (const WriteOp& op : batch->ops) n += op.document.text().size();
      }
      for (const FinalWrite& f : writes) n += f.after.text().size();
      return n;
    }
  };

  // A group on its way to disk: what its members have made of the documents so far.
  struct Group {
    explicit Group(size_t bytes) : batch(bytes) {}
    rocksdb::WriteBatch batch;
    bool alone = false;                        // it has one member
    StringMap<std::optional<Record>> records;  // ids written in this group
    uint64_t next = 0;                         // sequence
    uint64_t left_out = 0;                     // sequences that copies skipped
    rocksdb_store::CreationRun creations;      // of this writer, not in the batch yet
    rocksdb_store::Indexes::Pending indexes;
  };
  using Finals = std::vector<rocksdb_store::Indexes::Final>;

  bool WantsSync(WriteDurability d) const {
    if (d == WriteDurability::kStoreDefault) return options_.durability == RocksdbDurability::kSync;
    return d == WriteDurability::kSync;
  }

  // Waits until the writer is done, by the hands of another thread or as the leader of a group.
  void Enqueue(Writer* w) {
    std::vector<Writer*> group;
    {
      MutexLock lock(queue_mutex_);
      queue_.push_back(w);
      while (!w->done && queue_.front() != w) queue_changed_.Wait(queue_mutex_);
      if (w->done) return;
      size_t ops = 0;
      for (Writer* next : queue_) {
        if (!group.empty() && (ops + next->ops() > kGroupOps || next->task || group[0]->task))
          break;
        ops += next->ops();
        group.push_back(next);
      }
    }
    if (w->task) {
      w->status = w->task();
    } else {
      CommitGroup(group);
    }
    {
      MutexLock lock(queue_mutex_);
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(group.size()));
      for (Writer* g : group) g->done = true;
    }
    queue_changed_.NotifyAll();
  }

  // Only the leader of the queue is in here, so nobody else writes meanwhile.
  void CommitGroup(const std::vector<Writer*>& writers) {
    size_t bytes = 0;
    for (const Writer* w : writers) bytes += w->bytes();
    Group group(bytes);
    group.next = database_->last() + 1;
    group.alone = writers.size() == 1;
    group.indexes = indexes_.Begin();
    bool sync = false;
    for (Writer* w : writers) {
      group.batch.SetSavePoint();
      const uint64_t next = group.next;
      const size_t deltas = group.indexes.deltas.size();
      Undo undo;
      w->status =
          w->batch != nullptr ? AddBatch(w, &group, &undo) : AddTransaction(w, &group, &undo);
      if (w->status.ok()) w->status = LogCreations(&group);
      group.creations.Clear();
      if (w->status.ok()) {
        (void)group.batch.PopSavePoint();
        sync = sync || w->sync;
        continue;
      }
      (void)group.batch.RollbackToSavePoint();
      group.next = next;
      group.indexes.deltas.resize(deltas);
      w->result.outcomes.clear();
      for (size_t i = undo.size(); i-- > 0;) {
        if (undo[i].second) {
          group.records[undo[i].first] = *undo[i].second;
        } else {
          group.records.erase(undo[i].first);
        }
      }
    }
    const uint64_t last = group.next - 1;
    if (last == database_->last()) {
      // An empty batch may still ask that everything before it be on disk.
      const Status synced = sync ? database_->Sync() : OkStatus();
      for (Writer* w : writers) {
        if (w->sync && w->status.ok()) w->status = synced;
      }
      return;
    }
    uint64_t floor = database_->floor();
    const uint64_t keep = static_cast<uint64_t>(options_.change_log_entries);
    // The floor moves in steps, and is on disk before anything below it may be dropped.
    // Numbers that were left out hold no changes, so they do not count.
    if (group.left_out > keep / 16) {
      left_out_ += group.left_out;
      resumed_at_ = last;
    }
    uint64_t wanted = last - std::min(last, keep + left_out_) + 1;
    if (left_out_ > 0 && wanted + left_out_ >= resumed_at_) {
      left_out_ = 0;
      wanted = last - std::min(last, keep) + 1;
    }
    if (wanted > floor + keep / 16) {
      floor = wanted;
      sync = true;
      (void)group.batch.Put(database_->meta(), ToSlice(Database::kFloorKey), std::to_string(floor));
    }
    const Status written = database_->Write(&group.batch, sync);
    if (!written.ok()) {
      for (Writer* w : writers) {
        // A hold needs nothing on disk and stands.
        if (w->status.ok() && !w->hold_only) w->status = written;
      }
      return;
    }
    indexes_.Committed(group.indexes);
    database_->set_last(last);
    database_->set_floor(floor);
    { MutexLock lock(signal_->mutex); }  // whoever is about to wait has seen the old end
    signal_->changed.NotifyAll();
  }

  // What a member of a group did to the group's records: the id and what stood there before. Null
  // where nothing has to be remembered.
  using Undo = std::vector<std::pair<std::string, std::optional<std::optional<Record>>>>;

  Status Current(std::string_view id, const Group& group, std::optional<Record>* out) const {
    if (!group.records.empty()) {
      if (const auto it = group.records.find(id); it != group.records.end()) {
        *out = it->second;
        return OkStatus();
      }
    }
    return database_->Get(rocksdb::ReadOptions(), id, out);
  }

  Status CheckFree(std::string_view id, const void* owner) {
    if (!any_held_.load(std::memory_order_acquire)) return OkStatus();
    MutexLock lock(held_mutex_);
    const auto it = held_.find(id);
    if (it == held_.end() || it->second == owner) return OkStatus();
    return Aborted(
        Concat("a transaction that is about to commit holds ", JsonString(id), "; run again"));
  }

  Status AddBatch(Writer* w, Group* group, Undo* undo) {
    const std::vector<WriteOp>& ops = w->batch->ops;
    w->result.outcomes.reserve(ops.size());
    std::vector<std::string> ids(ops.size());
    for (size_t i = 0; i < ops.size(); ++i) {
      // Another thread has made them, so nothing of them is near.
      if (i + kFetchAhead < ops.size() && ops[i + kFetchAhead].document)
        ops[i + kFetchAhead].document.PrefetchText();
      StatusOr<std::string> id = ResolveId(ops[i], ids_);
      if (!id.ok()) return InBatch(id.status(), *w->batch, i);
      ids[i] = *std::move(id);
    }
    // What is there already, asked for together.
    std::vector<std::optional<Record>> before(ops.size());
    const bool all_new = std::all_of(ids.begin(), ids.end(), [&](const std::string& id) {
      return database_->IsBeyondLastId(id);
    });
    if (!all_new) RETURN_IF_ERROR(database_->GetMany({}, ids, before));
    // Nobody asks again for new ids in order.
    const bool in_order =
        std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end();
    const bool remember = !group->alone || !all_new || !in_order;
    if (remember) group->records.reserve(group->records.size() + ops.size());
    Finals finals;
    if (!group->indexes.written.empty())
      RETURN_IF_ERROR(CheckBatch(*w->batch, ids, before, group, &finals));
    for (size_t i = 0; i < ops.size(); ++i) {
      if (const auto it = group->records.find(ids[i]); it != group->records.end()) {
        before[i] = it->second;  // by an earlier operation of this group
      }
      StatusOr<WriteOutcome> outcome = Apply(ops[i], std::move(ids[i]), before[i], w->batch->origin,
                                             group, remember ? undo : nullptr);
      if (!outcome.ok()) return InBatch(outcome.status(), *w->batch, i);
      w->result.outcomes.push_back(*std::move(outcome));
    }
    indexes_.Accept(finals, &group->indexes);
    return OkStatus();
  }

  // Finds out what the batch makes of each document in the end, and checks that.
  Status CheckBatch(const WriteBatch& batch, const std::vector<std::string>& ids,
                    const std::vector<std::optional<Record>>& before, Group* group, Finals* out) {
    Finals& finals = *out;
    std::vector<size_t> ops;  // of each: the last operation on it
    StringMap<size_t> places;
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto [it, fresh] = places.try_emplace(ids[i], finals.size());
      std::optional<Record> now;
      if (fresh) {
        now = before[i];
        if (const auto in_group = group->records.find(ids[i]); in_group != group->records.end())
          now = in_group->second;
        finals.push_back({ids[i], now ? now->document : Document(), Document()});
        ops.push_back(i);
      } else {
        const Document& d = finals[it->second].after;
        if (d) now = Record{d, 0};
      }
      // A failure here comes up again, with its message, when the operation is made.
      WriteOp op = batch.ops[i];
      op.if_revision.reset();
      const StatusOr<Document> after = ApplyOp(op, ids[i], now);
      if (!after.ok()) return OkStatus();
      finals[it->second].after = *after;
      ops[it->second] = i;
    }
    size_t failed = 0;
    const Status s = indexes_.Check(finals, nullptr, &group->indexes, &failed);
    return s.ok() ? s : InBatch(s, batch, ops[failed]);
  }

  StatusOr<WriteOutcome> Apply(const WriteOp& op, std::string id,
                               const std::optional<Record>& before, const std::string& origin,
                               Group* group, Undo* undo) {
    RETURN_IF_ERROR(CheckFree(id, nullptr));
    ASSIGN_OR_RETURN(Document after, ApplyOp(op, id, before));
    WriteOutcome outcome;
    outcome.created = after && !before;
    outcome.deleted = !after && before;
    if (after || before) {
      ASSIGN_OR_RETURN(outcome.revision, Add(id, before ? before->document : Document(), after,
                                             origin, op.min_revision, group, undo));
    }
    outcome.id = std::move(id);
    return outcome;
  }

  Status AddTransaction(Writer* w, Group* group, Undo* undo) {
    Finals finals;
    for (const FinalWrite& f : w->writes) {
      RETURN_IF_ERROR(CheckFree(f.id, w->owner));
      std::optional<Record> now;
      std::optional<Record> then;
      RETURN_IF_ERROR(Current(f.id, *group, &now));
      RETURN_IF_ERROR(database_->Get(w->snapshot->read(), f.id, &then));
      if ((now ? now->revision : 0) != (then ? then->revision : 0)) {
        return Aborted(
            Concat(JsonString(f.id), " was changed by another writer; run the transaction again"));
      }
      if (!group->indexes.written.empty())
        finals.push_back({f.id, now ? now->document : Document(), f.after});
      if (w->hold_only) continue;
      WriteOutcome outcome{f.id, 0, false, false};
      if (f.after || now) {
        ASSIGN_OR_RETURN(outcome.revision, Add(f.id, now ? now->document : Document(), f.after,
                                               w->origin, w->min_revision, group, undo));
      }
      w->result.outcomes.push_back(std::move(outcome));
    }
    size_t failed = 0;
    RETURN_IF_ERROR(indexes_.Check(finals, w->owner, &group->indexes, &failed));
    if (!w->hold_only) {
      indexes_.Accept(finals, &group->indexes);
    } else {
      indexes_.Hold(finals, w->owner);
      MutexLock lock(held_mutex_);
      for (const FinalWrite& f : w->writes) held_[f.id] = w->owner;
      any_held_.store(!held_.empty(), std::memory_order_release);
    }
    return OkStatus();
  }

  StatusOr<uint64_t> Add(const std::string& id, const Document& before, const Document& after,
                         std::string_view origin, uint64_t min_revision, Group* group, Undo* undo) {
    const uint64_t sequence = std::max(group->next, min_revision);
    group->left_out += sequence - group->next;
    group->next = sequence + 1;
    rocksdb::Status s;
    const rocksdb::Slice key(id);
    database_->NoteId(id);
    if (after) {
      const std::string header = rocksdb_store::RecordHeader(id, sequence, after.text());
      const rocksdb::Slice parts[] = {header, ToSlice(after.text())};
      s = group->batch.Put(database_->data(), rocksdb::SliceParts(&key, 1),
                           rocksdb::SliceParts(parts, 2));
    } else {
      s = group->batch.Delete(database_->data(), key);
    }
    RETURN_IF_ERROR(Translate(s, "writing"));
    RETURN_IF_ERROR(indexes_.Apply(id, before, after, &group->batch, &group->indexes));
    const ChangeKind kind = !after   ? ChangeKind::kDelete
                            : before ? ChangeKind::kUpdate
                                     : ChangeKind::kCreate;
    if (kind == ChangeKind::kCreate) {
      if (!group->creations.Takes(sequence, id, origin)) RETURN_IF_ERROR(LogCreations(group));
      group->creations.Add(sequence, id, origin);
    } else {
      const std::string change_key = rocksdb_store::SequenceKey(sequence);
      const std::string change = rocksdb_store::ChangeHeader(kind, id, origin);
      const rocksdb::Slice change_key_slice(change_key);
      const rocksdb::Slice change_parts[] = {change, ToSlice(before.text())};
      s = group->batch.Put(database_->changes(), rocksdb::SliceParts(&change_key_slice, 1),
                           rocksdb::SliceParts(change_parts, before ? 2 : 1));
      RETURN_IF_ERROR(Translate(s, "writing"));
    }
    if (undo == nullptr) return sequence;
    std::optional<Record> record;
    if (after) record = Record{after, sequence};
    const auto [it, fresh] = group->records.try_emplace(id, record);
    if (fresh) {
      undo->emplace_back(id, std::nullopt);
    } else {
      undo->emplace_back(id, std::optional<std::optional<Record>>(it->second));
      it->second = std::move(record);
    }
    return sequence;
  }

  // Puts what was created one behind the other into the change log, as one record.
  Status LogCreations(Group* group) {
    if (group->creations.empty()) return OkStatus();
    const rocksdb::Status s =
        group->batch.Put(database_->changes(), rocksdb_store::SequenceKey(group->creations.last()),
                         group->creations.Encode());
    group->creations.Clear();
    return Translate(s, "writing");
  }

  // ---- builds, drops and counts, in the background ----

  // Runs f alone, when it is this caller's turn.
  Status InTurn(std::function<Status()> f) {
    Writer w;
    w.task = std::move(f);
    Enqueue(&w);
    return w.status;
  }

  Status CountAgain(const Context& ctx, const IndexReport& r) {
    ASSIGN_OR_RETURN(std::shared_ptr<IndexStats> stats, indexes_.CountAgain(ctx, r));
    return InTurn([&] {
      indexes_.SetStats(r.number, std::move(stats));
      return OkStatus();
    });
  }

  // Sees to it that somebody does what is to be done.
  void Tend() {
    const auto reports = indexes_.Reports();
    const bool unknown = std::any_of(reports.begin(), reports.end(), [](const IndexReport& r) {
      return r.state == IndexState::kReady && !r.stats_known;
    });
    if (!indexes_.HasWork() && !unknown) return;
    MutexLock lock(keeper_mutex_);
    if (!keeper_.joinable()) keeper_ = std::thread([this] { Keep(); });
    keeper_changed_.NotifyAll();
  }

  void WakeKeeper() {
    MutexLock lock(keeper_mutex_);
    keeper_changed_.NotifyAll();
  }

  void Keep() {
    const Context ctx = Context::Background().WithCancel(stop_);
    while (ctx.Check().ok()) {
      bool worked = false;
      Status s = InTurn([&]() -> Status {
        rocksdb::WriteBatch batch;
        ASSIGN_OR_RETURN(worked, indexes_.Work(&batch));
        if (!worked) return OkStatus();
        RETURN_IF_ERROR(database_->Write(&batch, false));
        return indexes_.Worked();
      });
      if (s.ok() && !worked) {
        for (const IndexReport& r : indexes_.Reports()) {
          if (r.state == IndexState::kReady && !r.stats_known && s.ok()) s = CountAgain(ctx, r);
        }
      }
      MutexLock lock(keeper_mutex_);
      keeper_status_ = s;
      if (worked && s.ok()) {
        if (!indexes_.HasWork()) keeper_changed_.NotifyAll();
        continue;
      }
      // Until there is something again; after a failure (a full disk), some time later.
      if (!ctx.Check().ok()) return;
      if (s.ok() && indexes_.HasWork()) continue;
      keeper_changed_.NotifyAll();
      keeper_changed_.WaitUntil(keeper_mutex_, std::chrono::steady_clock::now() +
                                                   std::chrono::seconds(s.ok() ? 3600 : 1));
    }
  }

  const RocksdbOptions options_;
  const StoreInfo info_;
  const std::shared_ptr<Executor> helpers_;
  IdGenerator ids_;
  std::shared_ptr<Database> database_;
  std::shared_ptr<ChangeSignal> signal_;
  rocksdb_store::Indexes indexes_;
  PlanCache plans_;
  std::unique_ptr<AutoIndexThread> auto_index_;

  CancelSource stop_;
  Mutex keeper_mutex_;
  CondVar keeper_changed_;
  std::thread keeper_ STRATA_GUARDED_BY(keeper_mutex_);
  Status keeper_status_ STRATA_GUARDED_BY(keeper_mutex_);

  Mutex queue_mutex_;
  CondVar queue_changed_;
  std::deque<Writer*> queue_ STRATA_GUARDED_BY(queue_mutex_);
  // Belong to the leader: sequences within the change log that hold nothing, and where it went on.
  uint64_t left_out_ = 0;
  uint64_t resumed_at_ = 0;

  // Documents of transactions that have voted. The queue's leader writes it, Release takes out.
  Mutex held_mutex_;
  StringMap<const void*> held_ STRATA_GUARDED_BY(held_mutex_);
  std::atomic<bool> any_held_{false};
};

StatusOr<std::shared_ptr<Store>> Build(const RocksdbOptions& options, StoreInfo info,
                                       const BuildContext& context) {
  return OpenRocksdbStore(options, std::move(info), context.executor);
}

}  // namespace

StatusOr<std::shared_ptr<Store>> OpenRocksdbStore(const RocksdbOptions& options, StoreInfo info,
                                                  std::shared_ptr<Executor> helpers) {
  ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Database::Open(options));
  auto store = std::make_shared<RocksdbStore>(options, std::move(info), std::move(database),
                                              std::move(helpers));
  RETURN_IF_ERROR(store->Init());
  return store;
}

Status BackupRocksdb(Store& store, const std::string& directory) {
  auto* rocks = dynamic_cast<RocksdbStore*>(&store);
  if (rocks == nullptr)
    return InvalidArgument(Concat("a store of type ", store.info().type, " has no backup"));
  return rocks->Backup(directory);
}

Status RegisterRocksdb(StageRegistry& registry) {
  StageType type = MakeStageType<RocksdbOptions>(
      "rocksdb", "documents on this machine's disk, in a RocksDB directory",
      "//base_stores/rocksdb", Children::kNone, RocksdbOptionTable(), Build);
  type.order.exclusive_option = "path";
  return registry.Register(std::move(type));
}

}  // namespace strata
