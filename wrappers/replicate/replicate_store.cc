#include "wrappers/replicate/replicate_store.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "core/path.h"
#include "store/introspection.h"
#include "wrappers/core/forwarding_store.h"
#include "wrappers/replicate/group.h"
#include "wrappers/replicate/group_subscription.h"
#include "wrappers/replicate/replicate_plan.h"

namespace strata {
namespace {

using replicate::Epoch;
using replicate::Group;
using replicate::ReplicaHealth;

enum class Mode : uint8_t { kAll, kQuorum, kPrimary };
enum class Reads : uint8_t { kPrimary, kAny, kNearest };

struct ReplicateOptions {
  Mode mode = Mode::kAll;
  Reads reads = Reads::kPrimary;
  std::string state;
  std::string name;
  int64_t ack_timeout = 0;
  int64_t verify = 0;
};

// How many stores must have a write before it is acknowledged.
size_t Needed(Mode mode, size_t stores) {
  switch (mode) {
    case Mode::kAll:
      return stores;
    case Mode::kQuorum:
      return stores / 2 + 1;
    case Mode::kPrimary:
      break;
  }
  return 1;
}

replicate::GroupOptions OptionsOf(const ReplicateOptions& options, const StoreInfo& info) {
  replicate::GroupOptions out;
  out.state = options.state;
  out.hop = options.name.empty() ? info.stage : options.name;
  std::replace(out.hop.begin(), out.hop.end(), '|', '/');
  out.needed = Needed(options.mode, info.children.size());
  out.ack_timeout = std::chrono::milliseconds(options.ack_timeout);
  out.verify = std::chrono::milliseconds(options.verify);
  return out;
}

std::vector<Store*> Members(const StoreInfo& info) {
  std::vector<Store*> out;
  for (const auto& child : info.children) out.push_back(child.get());
  return out;
}

// Aborted when another store has become the primary since it began.
class ReplicateTransaction final : public ForwardingTransaction {
 public:
  ReplicateTransaction(std::unique_ptr<Transaction> inner, Group& group,
                       std::shared_ptr<const Epoch> epoch)
      : ForwardingTransaction(std::move(inner)), group_(group), epoch_(std::move(epoch)) {}

  StatusOr<WriteResult> Commit(const Context& ctx) override {
    return group_.Write(ctx, [&](const std::shared_ptr<const Epoch>& now) {
      if (now == epoch_) return inner().Commit(ctx);
      (void)inner().Abort();
      return StatusOr<WriteResult>(
          Aborted("another store was made the primary; run the transaction again"));
    });
  }

 private:
  Group& group_;  // kept alive by what observes the transaction
  const std::shared_ptr<const Epoch> epoch_;
};

class ReplicateStore final : public Store, public ReplicateAdmin, public Introspection {
 public:
  ReplicateStore(const ReplicateOptions& options, StoreInfo info)
      : options_(options),
        info_(std::move(info)),
        group_(OptionsOf(options, info_), Members(info_)),
        read_time_(info_.children.size()) {}

  // Before use.
  Status Start() { return group_.Start(); }

  const StoreInfo& info() const override { return info_; }
  Capabilities capabilities() const override {
    const auto epoch = group_.Current();
    Capabilities c = epoch->primary->capabilities();
    for (const auto& member : info_.children) {
      c.ordered_scan = std::min(c.ordered_scan, member->capabilities().ordered_scan);
      c.verbatim = c.verbatim && member->capabilities().verbatim;
    }
    // Also in mode all: a write that could not be confirmed is on some stores and not on others.
    if (options_.reads != Reads::kPrimary) c.freshness = Freshness::kEventual;
    return c;
  }

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    return FromSome([&](size_t place) { return group_.member(place).Read(ctx, ids, out); });
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    return group_.Write(ctx, [&](const std::shared_ptr<const Epoch>& epoch) {
      const uint64_t floor = group_.floor();
      if (floor == 0) return epoch->primary->Write(ctx, batch);
      WriteBatch stamped = batch;
      for (WriteOp& op : stamped.ops) op.min_revision = std::max(op.min_revision, floor);
      return epoch->primary->Write(ctx, stamped);
    });
  }

  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    return replicate::PrepareSomewhere(
        info_.children, ctx, query, [this](const auto& call) { return FromSome(call); },
        info_.stage);
  }

  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    ASSIGN_OR_RETURN(auto epoch, group_.ForWriting());
    TransactionOptions stamped = options;
    stamped.min_revision = std::max(stamped.min_revision, group_.floor());
    ASSIGN_OR_RETURN(auto inner, epoch->primary->Begin(ctx, stamped));
    return std::make_unique<ReplicateTransaction>(std::move(inner), group_, std::move(epoch));
  }

  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                    const SubscribeRequest& request) override {
    return replicate::SubscribeToGroup(group_, ctx, request);
  }

  // ---- ReplicateAdmin ----
  GroupReport Report() const override { return group_.Report(); }
  Status Promote(const Context& ctx, size_t place, bool lossy) override {
    return group_.Promote(ctx, place, lossy);
  }
  Status Verify(const Context& ctx) override { return group_.Verify(ctx); }

  // ---- Introspection ----
  std::vector<Metric> Metrics() const override {
    const GroupReport report = Report();
    std::vector<Metric> out = {
        {"epoch", MetricKind::kGauge, static_cast<double>(report.epoch), "promotions so far"},
        {"failovers", MetricKind::kCounter, static_cast<double>(failovers_.load()),
         "reads that another store answered than the first one asked"},
        {"unconfirmed", MetricKind::kCounter, static_cast<double>(group_.unconfirmed()),
         "writes on the primary that too few copies confirmed in time"}};
    for (const ReplicaReport& m : report.members) {
      const std::vector<std::pair<std::string, std::string>> labels = {{"replica", m.stage}};
      const auto add = [&](const char* name, MetricKind kind, double value, const char* help) {
        out.push_back({name, kind, value, help, labels});
      };
      const replicate::ReplicaState& s = m.state;
      add("primary", MetricKind::kGauge, m.primary, "1: it is the primary");
      add("healthy", MetricKind::kGauge, s.health == ReplicaHealth::kFollowing,
          "1: it follows the primary; the primary: it answers and takes writes");
      add("lag", MetricKind::kGauge, static_cast<double>(m.lag),
          "changes of the primary that it has not");
      add("applied", MetricKind::kGauge, static_cast<double>(s.applied),
          "the last of the primary's changes that it has");
      add("changes", MetricKind::kCounter, static_cast<double>(s.changes), "changes applied");
      add("failures", MetricKind::kCounter, static_cast<double>(s.failures),
          "times that following failed; the primary: failed writes and looks at it");
      add("syncs", MetricKind::kCounter, static_cast<double>(s.syncs),
          "comparisons with the whole primary");
      add("ranges_different", MetricKind::kCounter, static_cast<double>(s.ranges_different),
          "ranges of documents that a comparison found different");
      add("copied", MetricKind::kCounter, static_cast<double>(s.copied),
          "documents that a comparison copied");
      add("removed", MetricKind::kCounter, static_cast<double>(s.removed),
          "documents that a comparison removed");
    }
    return out;
  }

 private:
  // Calls with the place of one store after the other until one can answer.
  template <typename Call>
  Status FromSome(const Call& call) {
    const auto epoch = group_.Current();
    Status first = OkStatus();
    size_t asked = 0;
    for (const size_t i : Order(*epoch)) {
      const auto began = std::chrono::steady_clock::now();
      const Status s = call(i);
      if (s.code() != StatusCode::kUnavailable) {
        const int64_t took = (std::chrono::steady_clock::now() - began).count();
        const int64_t average = read_time_[i].load(std::memory_order_relaxed);
        read_time_[i].store(average + (took - average) / 8, std::memory_order_relaxed);
        if (asked > 0) failovers_.fetch_add(1, std::memory_order_relaxed);
        return s;
      }
      // It counts as far away for a while.
      read_time_[i].fetch_add(1'000'000, std::memory_order_relaxed);
      if (asked++ == 0) first = s;
    }
    return first;
  }

  // The stores that may be asked, the best one first.
  std::vector<size_t> Order(const Epoch& epoch) {
    const size_t primary = epoch.group.primary;
    // What has been acknowledged may be missing on a copy.
    if (options_.reads == Reads::kPrimary && options_.mode != Mode::kAll) return {primary};
    std::vector<size_t> order;
    for (size_t i = 0; i < group_.size(); ++i) {
      if (i == primary || epoch.followers[i]->health() == ReplicaHealth::kFollowing)
        order.push_back(i);
    }
    switch (options_.reads) {
      case Reads::kPrimary:
        std::stable_partition(order.begin(), order.end(), [&](size_t i) { return i == primary; });
        break;
      case Reads::kAny:
        std::rotate(
            order.begin(),
            order.begin() + static_cast<std::ptrdiff_t>(
                                turn_.fetch_add(1, std::memory_order_relaxed) % order.size()),
            order.end());
        break;
      case Reads::kNearest:
        std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
          return read_time_[a].load(std::memory_order_relaxed) <
                 read_time_[b].load(std::memory_order_relaxed);
        });
        // Now and then somebody else, to see whether that has changed.
        if (turn_.fetch_add(1, std::memory_order_relaxed) % 64 == 0)
          std::rotate(order.begin(), order.begin() + 1, order.end());
        break;
    }
    return order;
  }

  const ReplicateOptions options_;
  const StoreInfo info_;
  Group group_;
  std::atomic<uint64_t> turn_{1};
  std::atomic<uint64_t> failovers_{0};
  std::vector<std::atomic<int64_t>> read_time_;  // moving averages, nanoseconds
};

OptionTable<ReplicateOptions> Table() {
  OptionTable<ReplicateOptions> t;
  t.Enum("mode", &ReplicateOptions::mode, {"all", "quorum", "primary"}, Mode::kAll,
         "who has to have a write before it is acknowledged");
  t.Enum("reads", &ReplicateOptions::reads, {"primary", "any", "nearest"}, Reads::kPrimary,
         "who is asked; when that one cannot answer, another one that has everything acknowledged "
         "(mode all) or is allowed to lag (any, nearest)");
  t.Path("state", &ReplicateOptions::state, "\"\"",
         "the file that says which store is the primary; needed for promotions");
  t.String("name", &ReplicateOptions::name, "\"\"",
           "the group's name in the origins of changes, by which loops are refused; \"\": the "
           "stage's");
  t.Duration("ack_timeout", &ReplicateOptions::ack_timeout, "10s",
             "how long a write waits for its copies");
  t.Duration("verify", &ReplicateOptions::verify, "0ms",
             "how often the copies are compared with the primary; 0ms: never by themselves");
  return t;
}

StatusOr<std::shared_ptr<Store>> Build(const ReplicateOptions& options, StoreInfo info,
                                       const BuildContext&) {
  auto store = std::make_shared<ReplicateStore>(options, std::move(info));
  RETURN_IF_ERROR(store->Start());
  return store;
}

}  // namespace

Status RegisterReplicate(StageRegistry& registry) {
  StageType type =
      MakeStageType<ReplicateOptions>("replicate", "one primary store and copies of it",
                                      "//wrappers/replicate", Children::kMany, Table(), Build);
  type.check = [](const void*, size_t inners, const std::string& pointer,
                  ConfigProblems* problems) {
    if (inners >= 2) return;
    problems->push_back({JsonPointerBelow(pointer, "inners"),
                         "a group has at least two stores: the primary, then its copies"});
  };
  type.order.needs_feed = true;
  type.order.exclusive_option = "state";
  type.order.first_feeds_others = true;
  type.order.must_be_below = {
      {"aggregate", "an aggregate gives revisions of its own, so a copy could not have the same"},
      {"expire", "each copy would remove documents by itself"}};
  return registry.Register(std::move(type));
}

}  // namespace strata
