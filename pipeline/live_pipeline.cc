#include "pipeline/live_pipeline.h"

#include <filesystem>

#include "core/json_text.h"
#include "core/sync.h"
#include "store/ops.h"
#include "wrappers/core/forwarding_store.h"
#include "wrappers/core/gate.h"

namespace strata {

// The current pipeline, and the gate through which everybody comes to it.
class LivePipeline::Shared {
 public:
  explicit Shared(std::shared_ptr<Pipeline> first) : current_(std::move(first)) {}

  std::shared_ptr<Pipeline> Current() const {
    MutexLock lock(mutex_);
    return current_;
  }
  // Shared: operations; alone: a reload.
  Gate& gate() { return gate_; }
  void Replace(std::shared_ptr<Pipeline> next) {
    std::shared_ptr<Pipeline> old;  // ends without the lock
    MutexLock lock(mutex_);
    old = std::move(current_);
    current_ = std::move(next);
  }

 private:
  Gate gate_;
  mutable Mutex mutex_;
  std::shared_ptr<Pipeline> current_ STRATA_GUARDED_BY(mutex_);
};

namespace {

Status Gone(const std::string& name) {
  return Unavailable(Concat("the store ", JsonString(name), " is not described any more"));
}

// Keeps up what a cursor reads.
class LiveCursor final : public Cursor {
 public:
  LiveCursor(std::shared_ptr<Pipeline> pipeline, std::shared_ptr<const Plan> plan,
             std::unique_ptr<Cursor> inner)
      : pipeline_(std::move(pipeline)), plan_(std::move(plan)), inner_(std::move(inner)) {}
  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    return inner_->Next(ctx, max_rows, batch);
  }
  std::string Position() const override { return inner_->Position(); }
  ExplainNode Explain() const override { return inner_->Explain(); }

 private:
  const std::shared_ptr<Pipeline> pipeline_;
  const std::shared_ptr<const Plan> plan_;
  const std::unique_ptr<Cursor> inner_;
};

}  // namespace

// Prepared anew when the pipeline is another one.
class LivePipeline::LivePlan final : public Plan {
 public:
  LivePlan(std::shared_ptr<Shared> shared, std::string name, const Query& query)
      : shared_(std::move(shared)), name_(std::move(name)), query_(query) {}
  ~LivePlan() override { plan_.reset(); }  // before its pipeline

  struct Prepared {
    std::shared_ptr<Pipeline> pipeline;
    std::shared_ptr<const Plan> plan;
  };
  StatusOr<Prepared> Now(const Context& ctx) const {
    const auto pipeline = shared_->Current();
    MutexLock lock(mutex_);
    if (pipeline_ != pipeline) {
      const auto store = pipeline->Find(name_);
      if (store == nullptr) return Gone(name_);
      ASSIGN_OR_RETURN(auto plan, PrepareComplete(*store, ctx, query_));
      plan_ = std::move(plan);
      pipeline_ = pipeline;
    }
    return Prepared{pipeline_, plan_};
  }

  const Query& residual() const override { return nothing_; }
  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    ASSIGN_OR_RETURN(const Gate::Pass pass, shared_->gate().Enter(ctx, /*alone=*/false));
    ASSIGN_OR_RETURN(Prepared now, Now(ctx));
    ASSIGN_OR_RETURN(auto cursor, now.plan->Open(ctx, options));
    return std::make_unique<LiveCursor>(std::move(now.pipeline), std::move(now.plan),
                                        std::move(cursor));
  }
  ExplainNode Explain() const override {
    MutexLock lock(mutex_);
    return plan_->Explain();
  }

 private:
  const std::shared_ptr<Shared> shared_;
  const std::string name_;
  const Query query_;
  const Query nothing_;
  mutable Mutex mutex_;
  mutable std::shared_ptr<Pipeline> pipeline_ STRATA_GUARDED_BY(mutex_);
  mutable std::shared_ptr<const Plan> plan_ STRATA_GUARDED_BY(mutex_);
};

class LivePipeline::LiveTransaction final : public ForwardingTransaction {
 public:
  LiveTransaction(std::shared_ptr<Shared> shared, std::shared_ptr<Pipeline> pipeline,
                  std::unique_ptr<Transaction> inner)
      : ForwardingTransaction(std::move(inner), pipeline),
        shared_(std::move(shared)),
        pipeline_(std::move(pipeline)) {}

  Status Vote(const Context& ctx) override {
    ASSIGN_OR_RETURN(const Gate::Pass pass, shared_->gate().Enter(ctx, /*alone=*/false));
    RETURN_IF_ERROR(CheckCurrent());
    return inner().Vote(ctx);
  }
  StatusOr<WriteResult> Commit(const Context& ctx) override {
    ASSIGN_OR_RETURN(const Gate::Pass pass, shared_->gate().Enter(ctx, /*alone=*/false));
    RETURN_IF_ERROR(CheckCurrent());
    return inner().Commit(ctx);
  }

 private:
  // What the new pipeline keeps would not hear of a commit through the old one.
  Status CheckCurrent() {
    if (shared_->Current() == pipeline_) return OkStatus();
    (void)inner().Abort();
    return Aborted("the pipeline was reloaded; run the transaction again");
  }

  const std::shared_ptr<Shared> shared_;
  const std::shared_ptr<Pipeline> pipeline_;
};

class LivePipeline::LiveSubscription final : public Subscription {
 public:
  LiveSubscription(std::shared_ptr<Shared> shared, std::string name,
                   std::shared_ptr<Pipeline> pipeline, std::unique_ptr<Subscription> inner,
                   SubscribeRequest request)
      : shared_(std::move(shared)),
        name_(std::move(name)),
        request_(std::move(request)),
        pipeline_(std::move(pipeline)),
        inner_(std::move(inner)) {}
  ~LiveSubscription() override { inner_.reset(); }  // before its pipeline

  StatusOr<ChangeBatch> Next(const Context& ctx) override {
    for (;;) {
      if (auto now = shared_->Current(); now != pipeline_) {
        const auto store = now->Find(name_);
        if (store == nullptr) return Gone(name_);
        request_.from = inner_->resume_from();
        ASSIGN_OR_RETURN(inner_, store->Subscribe(ctx, request_));
        pipeline_ = std::move(now);
      }
      StatusOr<ChangeBatch> batch = inner_->Next(ctx.WithTimeout(std::chrono::milliseconds(200)));
      if (batch.status().code() != StatusCode::kDeadlineExceeded) return batch;
      RETURN_IF_ERROR(ctx.Check());
    }
  }
  uint64_t resume_from() const override { return inner_->resume_from(); }

 private:
  const std::shared_ptr<Shared> shared_;
  const std::string name_;
  SubscribeRequest request_;
  std::shared_ptr<Pipeline> pipeline_;
  std::unique_ptr<Subscription> inner_;
};

class LivePipeline::LiveStore final : public Store {
 public:
  LiveStore(std::shared_ptr<Shared> shared, std::string name, StoreInfo info)
      : shared_(std::move(shared)), name_(std::move(name)), info_(std::move(info)) {}

  const StoreInfo& info() const override { return info_; }
  Capabilities capabilities() const override {
    const auto store = shared_->Current()->Find(name_);
    return store == nullptr ? Capabilities() : store->capabilities();
  }
  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    ASSIGN_OR_RETURN(const auto in, Enter(ctx));
    return in.store->Read(ctx, ids, out);
  }
  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    ASSIGN_OR_RETURN(const auto in, Enter(ctx));
    return in.store->Write(ctx, batch);
  }
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    ASSIGN_OR_RETURN(const auto in, Enter(ctx));
    auto plan = std::make_unique<LivePlan>(shared_, name_, query);
    RETURN_IF_ERROR(plan->Now(ctx).status());  // what is wrong with the query is said now
    return plan;
  }
  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    ASSIGN_OR_RETURN(const auto in, Enter(ctx));
    ASSIGN_OR_RETURN(auto inner, in.store->Begin(ctx, options));
    return std::make_unique<LiveTransaction>(shared_, in.pipeline, std::move(inner));
  }
  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                    const SubscribeRequest& request) override {
    ASSIGN_OR_RETURN(const auto in, Enter(ctx));
    ASSIGN_OR_RETURN(auto inner, in.store->Subscribe(ctx, request));
    return std::make_unique<LiveSubscription>(shared_, name_, in.pipeline, std::move(inner),
                                              request);
  }

 private:
  struct Inside {
    Gate::Pass pass;
    std::shared_ptr<Pipeline> pipeline;
    std::shared_ptr<Store> store;
  };
  StatusOr<Inside> Enter(const Context& ctx) {
    ASSIGN_OR_RETURN(Gate::Pass pass, shared_->gate().Enter(ctx, /*alone=*/false));
    auto pipeline = shared_->Current();
    auto store = pipeline->Find(name_);
    if (store == nullptr) return Gone(name_);
    return Inside{std::move(pass), std::move(pipeline), std::move(store)};
  }

  const std::shared_ptr<Shared> shared_;
  const std::string name_;
  const StoreInfo info_;
};

LivePipeline::LivePipeline(std::string file, std::string base_dir, const StageRegistry& registry,
                           std::shared_ptr<Pipeline> first)
    : file_(std::move(file)),
      base_dir_(std::move(base_dir)),
      registry_(registry),
      shared_(std::make_shared<Shared>(std::move(first))) {}

LivePipeline::~LivePipeline() = default;

StatusOr<std::unique_ptr<LivePipeline>> LivePipeline::Open(const std::string& file,
                                                           const StageRegistry& registry) {
  ASSIGN_OR_RETURN(std::shared_ptr<Pipeline> first, Pipeline::Open(file, registry));
  return std::unique_ptr<LivePipeline>(new LivePipeline(
      file, std::filesystem::path(file).parent_path().string(), registry, std::move(first)));
}

StatusOr<std::unique_ptr<LivePipeline>> LivePipeline::FromText(std::string_view text,
                                                               const std::string& base_dir,
                                                               const StageRegistry& registry) {
  ASSIGN_OR_RETURN(std::shared_ptr<Pipeline> first, Pipeline::FromText(text, base_dir, registry));
  return std::unique_ptr<LivePipeline>(new LivePipeline("", base_dir, registry, std::move(first)));
}

StatusOr<std::shared_ptr<Store>> LivePipeline::Get(std::string_view name) const {
  ASSIGN_OR_RETURN(const auto store, shared_->Current()->Get(name));
  StoreInfo info{store->info().type, std::string(name)};
  return std::make_shared<LiveStore>(shared_, std::string(name), std::move(info));
}

std::shared_ptr<const Pipeline> LivePipeline::current() const { return shared_->Current(); }

Status LivePipeline::Reload(const Context& ctx) {
  if (file_.empty())
    return FailedPrecondition("the pipeline was made from a text, so there is no file to read");
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(file_));
  return Reload(ctx, text);
}

Status LivePipeline::Reload(const Context& ctx, std::string_view text) {
  const std::string name = file_.empty() ? "pipeline" : file_;
  ASSIGN_OR_RETURN(PipelineConfig config, CheckPipeline(text, name, base_dir_, registry_));
  // Nobody is on the old pipeline while the new one is opened: no write goes round its stages.
  ASSIGN_OR_RETURN(const Gate::Pass alone, shared_->gate().Enter(ctx, /*alone=*/true));
  StatusOr<std::unique_ptr<Pipeline>> next =
      Pipeline::After(*shared_->Current(), std::move(config));
  if (!next.ok()) {
    return WithMessage(next.status(),
                       Concat("the pipeline goes on as it was: ", Message(next.status())));
  }
  shared_->Replace(*std::move(next));
  return OkStatus();
}

}  // namespace strata
