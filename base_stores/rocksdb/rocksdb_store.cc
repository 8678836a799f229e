#include "base_stores/rocksdb/rocksdb_store.h"

#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base_stores/rocksdb/changes.h"
#include "base_stores/rocksdb/database.h"
#include "base_stores/rocksdb/indexes.h"
#include "base_stores/rocksdb/rocksdb_snapshot.h"
#include "base_stores/rocksdb/write_queue.h"
#include "store/apply.h"
#include "store/auto_index.h"
#include "store/buffered_transaction.h"
#include "store/index_admin.h"
#include "store/introspection.h"
#include "store/scan_plan.h"

namespace strata {
namespace {

using rocksdb_store::ChangeSignal;
using rocksdb_store::Database;
using rocksdb_store::RocksdbSnapshot;
using rocksdb_store::Translate;

class RocksdbStore final : public Store,
                           public TransactionHost,
                           public IndexAdmin,
                           public Introspection,
                           public std::enable_shared_from_this<RocksdbStore> {
 public:
  RocksdbStore(const RocksdbOptions& options, StoreInfo info, std::shared_ptr<Database> database,
               std::shared_ptr<Executor> helpers)
      : options_(options),
        info_(std::move(info)),
        helpers_(std::move(helpers)),
        database_(std::move(database)),
        signal_(std::make_shared<ChangeSignal>()),
        indexes_(database_),
        queue_(database_, signal_, indexes_, static_cast<uint64_t>(options_.change_log_entries)) {}

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
    RETURN_IF_ERROR(CheckSize(batch));
    if (batch.origin.size() > kMaxIdBytes)
      return InvalidArgument("the origin is longer than an id may be");
    return queue_.Write(batch, WantsSync(batch.durability));
  }

  StatusOr<std::unique_ptr<Plan>> Prepare(const Context&, const Query& query) override {
    return PrepareScan(info_.stage, shared_from_this(), query, &plans_);
  }

  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    RETURN_IF_ERROR(ctx.Check());
    if (options.origin.size() > kMaxIdBytes)
      return InvalidArgument("the origin is longer than an id may be");
    return BeginBuffered(shared_from_this(), info_.stage, queue_.ids(), options);
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
    RETURN_IF_ERROR(database_->ToStatus(rocksdb::Checkpoint::Create(database_->db(), &raw),
                                        "preparing a backup"));
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
    const rocksdb::Status made = checkpoint->CreateCheckpoint(directory);
    const bool about_target = made.ToString().find(directory) != std::string::npos;
    return Translate(made, Concat("writing a backup to ", directory),
                     about_target ? directory : database_->directory());
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
    RETURN_IF_ERROR(queue_.InTurn([&] { return indexes_.Create(spec, origin); }));
    Tend();
    return OkStatus();
  }
  Status DropIndex(std::string_view name) override {
    RETURN_IF_ERROR(queue_.InTurn([&] { return indexes_.Drop(name); }));
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

  // ---- Introspection ----
  std::vector<Metric> Metrics() const override { return {auto_index_->failures()}; }

  // ---- TransactionHost ----
  StatusOr<std::shared_ptr<const Snapshot>> TakeSnapshot() override {
    return std::shared_ptr<const Snapshot>(std::make_shared<RocksdbSnapshot>(database_));
  }

  Status Hold(const void* owner, std::span<const FinalWrite> writes,
              const Snapshot& snapshot) override {
    return queue_.Hold(owner, writes, static_cast<const RocksdbSnapshot&>(snapshot));
  }
  void Release(const void* owner) override { queue_.Release(owner); }
  StatusOr<std::vector<uint64_t>> CommitWrites(const Context& ctx, const void* owner,
                                               std::span<const FinalWrite> writes,
                                               const Snapshot& snapshot,
                                               const TransactionOptions& options) override {
    RETURN_IF_ERROR(ctx.Check());
    ASSIGN_OR_RETURN(
        const WriteResult result,
        queue_.Commit(owner, writes, static_cast<const RocksdbSnapshot&>(snapshot), options.origin,
                      options.min_revision, WantsSync(options.durability)));
    std::vector<uint64_t> revisions;
    for (const WriteOutcome& o : result.outcomes) revisions.push_back(o.revision);
    return revisions;
  }

 private:
  bool WantsSync(WriteDurability d) const {
    if (d == WriteDurability::kStoreDefault) return options_.durability == RocksdbDurability::kSync;
    return d == WriteDurability::kSync;
  }

  // ---- builds, drops and counts, in the background ----

  Status CountAgain(const Context& ctx, const IndexReport& r) {
    ASSIGN_OR_RETURN(std::shared_ptr<IndexStats> stats, indexes_.CountAgain(ctx, r));
    return queue_.InTurn([&] {
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
      Status s = queue_.InTurn([&]() -> Status {
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
  std::shared_ptr<Database> database_;
  std::shared_ptr<ChangeSignal> signal_;
  rocksdb_store::Indexes indexes_;
  rocksdb_store::WriteQueue queue_;
  PlanCache plans_;
  std::unique_ptr<AutoIndexThread> auto_index_;

  CancelSource stop_;
  Mutex keeper_mutex_;
  CondVar keeper_changed_;
  std::thread keeper_ STRATA_GUARDED_BY(keeper_mutex_);
  Status keeper_status_ STRATA_GUARDED_BY(keeper_mutex_);
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
