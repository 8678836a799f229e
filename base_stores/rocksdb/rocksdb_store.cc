#include "base_stores/rocksdb/rocksdb_store.h"

#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <deque>
#include <filesystem>

#include "base_stores/rocksdb/changes.h"
#include "base_stores/rocksdb/codec.h"
#include "base_stores/rocksdb/database.h"
#include "core/json_text.h"
#include "store/apply.h"
#include "store/buffered_transaction.h"
#include "store/snapshot.h"

namespace strata {
namespace {

using rocksdb_store::ChangeSignal;
using rocksdb_store::Database;
using rocksdb_store::ToSlice;
using rocksdb_store::ToView;
using rocksdb_store::Translate;

constexpr size_t kGroupOps = 4096;  // operations that one group commit takes at most

class RocksdbSnapshot final : public Snapshot {
 public:
  explicit RocksdbSnapshot(std::shared_ptr<Database> database)
      : database_(std::move(database)), read_(rocksdb_store::IteratorOptions()) {
    read_.snapshot = database_->db()->GetSnapshot();
  }
  ~RocksdbSnapshot() override { database_->db()->ReleaseSnapshot(read_.snapshot); }

  Status Read(const Context&, std::span<const std::string_view> ids,
              std::span<std::optional<Record>> out) const override {
    for (size_t i = 0; i < ids.size(); ++i) RETURN_IF_ERROR(database_->Get(read_, ids[i], &out[i]));
    return OkStatus();
  }
  std::unique_ptr<RecordScan> Scan(const IdBounds& bounds, const Filter& filter,
                                   std::string_view after) const override;

  const Database& database() const { return *database_; }
  const rocksdb::ReadOptions& read() const { return read_; }

 private:
  std::shared_ptr<Database> database_;
  rocksdb::ReadOptions read_;
};

class RocksdbScan final : public RecordScan {
 public:
  RocksdbScan(const RocksdbSnapshot& snapshot, const IdBounds& bounds, const Filter& filter,
              std::string_view after)
      : snapshot_(snapshot), bounds_(bounds), filter_(filter), last_(after) {
    if (bounds_.ids) {
      std::erase_if(*bounds_.ids,
                    [&](const std::string& id) { return !after.empty() && id <= after; });
      return;
    }
    rocksdb::ReadOptions read = snapshot.read();
    if (bounds_.end) {
      end_ = ToSlice(*bounds_.end);
      read.iterate_upper_bound = &end_;
    }
    read.readahead_size = 256 << 10;
    read.fill_cache = bounds_.bounded();  // a full scan must not drive out what point reads need
    it_.reset(snapshot.database().db()->NewIterator(read, snapshot.database().data()));
    if (!after.empty() && after >= bounds_.from) {
      it_->Seek(ToSlice(after));
      if (it_->Valid() && ToView(it_->key()) == after) it_->Next();
    } else {
      it_->Seek(bounds_.from);
    }
  }

  Status Next(const Context& ctx, size_t max_rows, std::vector<Document>* rows,
              bool* done) override {
    *done = false;
    if (bounds_.ids) return NextOfIds(ctx, max_rows, rows, done);
    while (rows->size() < max_rows) {
      if (!it_->Valid()) {
        *done = true;
        return Translate(it_->status(), "reading");
      }
      if (examined_ % 256 == 0) RETURN_IF_ERROR(ctx.Check());
      ++examined_;
      ASSIGN_OR_RETURN(Record record,
                       rocksdb_store::DecodeRecord(ToView(it_->key()), ToView(it_->value())));
      last_ = ToView(it_->key());
      if (filter_.Matches(record.document.root())) rows->push_back(std::move(record.document));
      it_->Next();
    }
    return OkStatus();
  }

  std::string Position() const override { return last_; }
  uint64_t examined() const override { return examined_; }

 private:
  Status NextOfIds(const Context& ctx, size_t max_rows, std::vector<Document>* rows, bool* done) {
    for (; rows->size() < max_rows; ++next_id_) {
      if (next_id_ == bounds_.ids->size()) {
        *done = true;
        return OkStatus();
      }
      RETURN_IF_ERROR(ctx.Check());
      std::optional<Record> record;
      RETURN_IF_ERROR(
          snapshot_.database().Get(snapshot_.read(), (*bounds_.ids)[next_id_], &record));
      last_ = (*bounds_.ids)[next_id_];
      if (!record) continue;
      ++examined_;
      if (filter_.Matches(record->document.root())) rows->push_back(std::move(record->document));
    }
    return OkStatus();
  }

  const RocksdbSnapshot& snapshot_;
  IdBounds bounds_;
  const Filter filter_;
  rocksdb::Slice end_;
  std::unique_ptr<rocksdb::Iterator> it_;
  size_t next_id_ = 0;
  std::string last_;
  uint64_t examined_ = 0;
};

std::unique_ptr<RecordScan> RocksdbSnapshot::Scan(const IdBounds& bounds, const Filter& filter,
                                                  std::string_view after) const {
  return std::make_unique<RocksdbScan>(*this, bounds, filter, after);
}

class RocksdbStore final : public Store,
                           public TransactionHost,
                           public std::enable_shared_from_this<RocksdbStore> {
 public:
  RocksdbStore(const RocksdbOptions& options, StoreInfo info, std::shared_ptr<Database> database)
      : options_(options),
        info_(std::move(info)),
        database_(std::move(database)),
        signal_(std::make_shared<ChangeSignal>()) {}

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
              std::span<std::optional<Record>> out) override {
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
    auto self = shared_from_this();
    return PrepareScan(
        info_.stage, [self] { return self->TakeSnapshot(); }, database_->EstimatedDocuments(),
        query);
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
    MutexLock lock(held_mutex_);
    absl::erase_if(held_, [&](const auto& h) { return h.second == owner; });
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
    bool hold_only = false;
    bool sync = false;

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
    StringMap<std::optional<Record>> records;  // ids written in this group
    uint64_t next = 0;                         // sequence
  };

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
        if (!group.empty() && ops + next->ops() > kGroupOps) break;
        ops += next->ops();
        group.push_back(next);
      }
    }
    CommitGroup(group);
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
    bool sync = false;
    for (Writer* w : writers) {
      group.batch.SetSavePoint();
      const uint64_t next = group.next;
      std::vector<std::pair<std::string, std::optional<std::optional<Record>>>> undo;
      w->status =
          w->batch != nullptr ? AddBatch(w, &group, &undo) : AddTransaction(w, &group, &undo);
      if (w->status.ok()) {
        (void)group.batch.PopSavePoint();
        sync = sync || w->sync;
        continue;
      }
      (void)group.batch.RollbackToSavePoint();
      group.next = next;
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
    if (last > keep && last - keep + 1 > floor + keep / 16) {
      floor = last - keep + 1;
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
    database_->set_last(last);
    database_->set_floor(floor);
    { MutexLock lock(signal_->mutex); }  // whoever is about to wait has seen the old end
    signal_->changed.NotifyAll();
  }

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
    MutexLock lock(held_mutex_);
    if (held_.empty()) return OkStatus();
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
      StatusOr<std::string> id = ResolveId(ops[i], ids_);
      if (!id.ok()) return InBatch(id.status(), *w->batch, i);
      ids[i] = *std::move(id);
    }
    // What is there already, asked for together.
    std::vector<std::optional<Record>> before(ops.size());
    RETURN_IF_ERROR(database_->GetMany({}, ids, before));
    for (size_t i = 0; i < ops.size(); ++i) {
      if (const auto it = group->records.find(ids[i]); it != group->records.end()) {
        before[i] = it->second;  // by an earlier operation of this group
      }
      StatusOr<WriteOutcome> outcome =
          Apply(ops[i], std::move(ids[i]), before[i], w->batch->origin, group, undo);
      if (!outcome.ok()) return InBatch(outcome.status(), *w->batch, i);
      w->result.outcomes.push_back(*std::move(outcome));
    }
    return OkStatus();
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
      ASSIGN_OR_RETURN(outcome.revision,
                       Add(id, before ? before->document : Document(), after, origin, group, undo));
    }
    outcome.id = std::move(id);
    return outcome;
  }

  Status AddTransaction(Writer* w, Group* group, Undo* undo) {
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
      if (w->hold_only) continue;
      WriteOutcome outcome{f.id, 0, false, false};
      if (f.after || now) {
        ASSIGN_OR_RETURN(outcome.revision, Add(f.id, now ? now->document : Document(), f.after,
                                               w->origin, group, undo));
      }
      w->result.outcomes.push_back(std::move(outcome));
    }
    if (w->hold_only) {
      MutexLock lock(held_mutex_);
      for (const FinalWrite& f : w->writes) held_[f.id] = w->owner;
    }
    return OkStatus();
  }

  StatusOr<uint64_t> Add(const std::string& id, const Document& before, const Document& after,
                         std::string_view origin, Group* group, Undo* undo) {
    const uint64_t sequence = group->next++;
    rocksdb::Status s;
    const rocksdb::Slice key(id);
    if (after) {
      const std::string header = rocksdb_store::RecordHeader(id, sequence, after.text());
      const rocksdb::Slice parts[] = {header, ToSlice(after.text())};
      s = group->batch.Put(database_->data(), rocksdb::SliceParts(&key, 1),
                           rocksdb::SliceParts(parts, 2));
    } else {
      s = group->batch.Delete(database_->data(), key);
    }
    RETURN_IF_ERROR(Translate(s, "writing"));
    const ChangeKind kind = !after   ? ChangeKind::kDelete
                            : before ? ChangeKind::kUpdate
                                     : ChangeKind::kCreate;
    const std::string change_key = rocksdb_store::SequenceKey(sequence);
    const std::string change = rocksdb_store::ChangeHeader(kind, id, origin);
    const rocksdb::Slice change_key_slice(change_key);
    const rocksdb::Slice change_parts[] = {change, ToSlice(before.text())};
    s = group->batch.Put(database_->changes(), rocksdb::SliceParts(&change_key_slice, 1),
                         rocksdb::SliceParts(change_parts, before ? 2 : 1));
    RETURN_IF_ERROR(Translate(s, "writing"));
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

  const RocksdbOptions options_;
  const StoreInfo info_;
  IdGenerator ids_;
  std::shared_ptr<Database> database_;
  std::shared_ptr<ChangeSignal> signal_;

  Mutex queue_mutex_;
  CondVar queue_changed_;
  std::deque<Writer*> queue_ STRATA_GUARDED_BY(queue_mutex_);

  // Documents of transactions that have voted. The queue's leader writes it, Release takes out.
  Mutex held_mutex_;
  StringMap<const void*> held_ STRATA_GUARDED_BY(held_mutex_);
};

StatusOr<std::shared_ptr<Store>> Build(const RocksdbOptions& options, StoreInfo info,
                                       const BuildContext&) {
  return OpenRocksdbStore(options, std::move(info));
}

}  // namespace

StatusOr<std::shared_ptr<Store>> OpenRocksdbStore(const RocksdbOptions& options, StoreInfo info) {
  ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Database::Open(options));
  return std::make_shared<RocksdbStore>(options, std::move(info), std::move(database));
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
  type.exclusive_option = "path";
  return registry.Register(std::move(type));
}

}  // namespace strata
