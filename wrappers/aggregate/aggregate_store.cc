#include "wrappers/aggregate/aggregate_store.h"

#include <algorithm>
#include <chrono>

#include "core/path.h"
#include "store/introspection.h"
#include "wrappers/aggregate/aggregate_plan.h"
#include "wrappers/aggregate/aggregate_transaction.h"
#include "wrappers/aggregate/committer.h"
#include "wrappers/aggregate/gated_plan.h"
#include "wrappers/aggregate/parts.h"
#include "wrappers/core/wait.h"

namespace strata {
namespace {

using aggregate::MissingPart;
using aggregate::Ownership;
using aggregate::Parts;
using aggregate::PartTransactions;
using aggregate::QueryViews;
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

class AggregateStore final : public Store, public Introspection {
 public:
  AggregateStore(const AggregateOptions& options, StoreInfo info, const BuildContext& context)
      : info_(std::move(info)),
        parts_(options.properties, options.missing, Inners(), context.executor),
        committer_(parts_, static_cast<size_t>(options.change_log_entries),
                   static_cast<size_t>(options.change_log_bytes)) {}

  // Before use.
  Status Start(const AggregateOptions& options) { return committer_.Start(options.journal); }

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
    ASSIGN_OR_RETURN(const Gate::Pass pass, committer_.Enter(ctx, /*alone=*/false));
    return parts_.ReadWhole(ctx, parts_.Views(), ids, out);
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    for (int attempt = 1;; ++attempt) {
      StatusOr<WriteResult> result = WriteOnce(ctx, batch);
      if (result.status().code() != StatusCode::kAborted || attempt == kAttempts) return result;
      // Whoever is behind lets the others finish.
      RETURN_IF_ERROR(WaitFor(ctx, std::chrono::microseconds(20 << std::min(attempt, 8))));
    }
  }

  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    const auto snapshots = [this](const Context& at) -> StatusOr<QueryViews> {
      ASSIGN_OR_RETURN(const Gate::Pass pass, committer_.Enter(at, /*alone=*/false));
      auto transactions = std::make_shared<PartTransactions>();
      ASSIGN_OR_RETURN(*transactions, parts_.Begin(at, {}));
      return QueryViews{parts_.Views(*transactions), transactions};
    };
    ASSIGN_OR_RETURN(auto plan, aggregate::PrepareAggregate(parts_, ctx, query, parts_.Views(),
                                                            snapshots, info_.stage));
    return std::make_unique<aggregate::GatedPlan>(committer_, std::move(plan));
  }

  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    ASSIGN_OR_RETURN(const Gate::Pass pass, committer_.Enter(ctx, /*alone=*/false));
    ASSIGN_OR_RETURN(PartTransactions transactions, parts_.Begin(ctx, options));
    return aggregate::MakeTransaction(parts_, committer_, ids_, info_.stage,
                                      std::move(transactions), options);
  }

  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                    const SubscribeRequest& request) override {
    ASSIGN_OR_RETURN(const Gate::Pass pass, committer_.Enter(ctx, /*alone=*/false));
    // Its refusal says why.
    if (capabilities().change_feed == ChangeFeed::kNone)
      return parts_.anchor().Subscribe(ctx, request);
    return committer_.Subscribe(request);
  }

  std::vector<Metric> Metrics() const override {
    return {{"commits", MetricKind::kCounter, static_cast<double>(committer_.commits()),
             "commits, of one part or several"},
            {"joint_commits", MetricKind::kCounter, static_cast<double>(committer_.joint_commits()),
             "commits of several parts"},
            {"finished", MetricKind::kCounter, static_cast<double>(committer_.finished()),
             "commits that were cut and finished later"},
            {"parallel_reads", MetricKind::kCounter, static_cast<double>(parts_.parallel_reads()),
             "reads that asked several parts at once"}};
  }

 private:
  // Aborted when somebody wrote into a part meanwhile.
  StatusOr<WriteResult> WriteOnce(const Context& ctx, const WriteBatch& batch) {
    ASSIGN_OR_RETURN(const Gate::Pass pass, committer_.Enter(ctx, /*alone=*/true));
    const TransactionOptions options{batch.durability, batch.origin, 0};
    // What is read decides what is written, so both happen in the same transactions: a part may
    // answer other readers from a copy that is behind.
    ASSIGN_OR_RETURN(PartTransactions transactions, parts_.Begin(ctx, options));
    ASSIGN_OR_RETURN(Work work, parts_.WorkOut(ctx, parts_.Views(transactions), batch, {}, ids_));
    for (size_t p = 0; p < parts_.size(); ++p) {
      if (work.batches[p].ops.empty() || transactions[p] == nullptr) continue;
      RETURN_IF_ERROR(transactions[p]->Write(ctx, work.batches[p]).status());
    }
    ASSIGN_OR_RETURN(const aggregate::Revisions revisions,
                     committer_.Commit(ctx, transactions, work.touched, options));
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

  const StoreInfo info_;
  const Parts parts_;
  IdGenerator ids_;
  aggregate::Committer committer_;
};

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
