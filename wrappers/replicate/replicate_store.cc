#include "wrappers/replicate/replicate_store.h"

#include <algorithm>
#include <atomic>

#include "core/json_text.h"
#include "core/path.h"
#include "core/sync.h"
#include "store/change_log.h"
#include "store/introspection.h"
#include "wrappers/core/forwarding_store.h"
#include "wrappers/core/gate.h"
#include "wrappers/replicate/group_state.h"
#include "wrappers/replicate/replica_follower.h"
#include "wrappers/replicate/replicate_plan.h"

namespace strata {
namespace {

using replicate::GroupState;
using replicate::ReplicaFollower;
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

// The stores of a group in one epoch. Kept alive by whoever uses it.
struct Epoch {
  GroupState group;
  uint64_t losses = 0;  // promotions of this process so far that may have lost something
  Store* primary = nullptr;
  std::vector<std::unique_ptr<ReplicaFollower>> followers;  // null at the primary's place
};

class ReplicateStore final : public Store,
                             public ReplicateAdmin,
                             public Introspection,
                             public std::enable_shared_from_this<ReplicateStore> {
 public:
  ReplicateStore(const ReplicateOptions& options, StoreInfo info)
      : options_(options),
        info_(std::move(info)),
        state_(options.state),
        read_time_(info_.children.size()) {}

  // Before use.
  Status Start() {
    ASSIGN_OR_RETURN(const GroupState group, state_.Open());
    if (group.primary >= size()) {
      return FailedPrecondition(Concat("the state ", options_.state, " names store ",
                                       std::to_string(group.primary), " as the primary, but ",
                                       std::to_string(size()), " are configured"));
    }
    for (size_t i = 0; i < size(); ++i) {
      if (member(i).capabilities().change_feed == ChangeFeed::kNone)
        return FailedPrecondition(
            Concat(member(i).info().stage, " gives no changes, so it cannot be in a group"));
    }
    Begin(group, 0);
    return OkStatus();
  }
  ~ReplicateStore() override {
    std::shared_ptr<Epoch> last;  // its threads end without the lock
    MutexLock lock(mutex_);
    last.swap(epoch_);
  }

  const StoreInfo& info() const override { return info_; }
  Capabilities capabilities() const override {
    const auto epoch = Current();
    Capabilities c = epoch->primary->capabilities();
    for (size_t i = 0; i < size(); ++i) {
      c.ordered_scan = std::min(c.ordered_scan, member(i).capabilities().ordered_scan);
      c.verbatim = c.verbatim && member(i).capabilities().verbatim;
    }
    // Also in mode all: a write that could not be confirmed is on some stores and not on others.
    if (options_.reads != Reads::kPrimary) c.freshness = Freshness::kEventual;
    return c;
  }

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    return FromSome([&](size_t place) { return member(place).Read(ctx, ids, out); });
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    std::shared_ptr<Epoch> epoch;
    StatusOr<WriteResult> result = WriteResult();
    {
      ASSIGN_OR_RETURN(const Gate::Pass writing, promotion_.Enter(ctx, /*alone=*/false));
      ASSIGN_OR_RETURN(epoch, ForWriting());
      const uint64_t floor = floor_.load();
      if (floor == 0) {
        result = epoch->primary->Write(ctx, batch);
      } else {
        WriteBatch stamped = batch;
        for (WriteOp& op : stamped.ops) op.min_revision = std::max(op.min_revision, floor);
        result = epoch->primary->Write(ctx, stamped);
      }
    }
    RETURN_IF_ERROR(result.status());
    RETURN_IF_ERROR(Confirm(ctx, *epoch, *result));
    return result;
  }

  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    return replicate::PrepareSomewhere(
        info_.children, ctx, query, [this](const auto& call) { return FromSome(call); },
        info_.stage);
  }

  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override;
  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                    const SubscribeRequest& request) override;

  // ---- ReplicateAdmin ----
  GroupReport Report() const override {
    const auto epoch = Current();
    GroupReport report;
    report.epoch = epoch->group.epoch;
    uint64_t last = 0;
    if (const auto feed = epoch->primary->Subscribe(Context::Background(), {}); feed.ok())
      last = (*feed)->resume_from() - 1;
    for (size_t i = 0; i < size(); ++i) {
      ReplicaReport m;
      m.place = i;
      m.stage = member(i).info().stage;
      m.primary = i == epoch->group.primary;
      if (m.primary) {
        m.state.health = ReplicaHealth::kFollowing;
        m.state.applied = last;
      } else {
        m.state = epoch->followers[i]->State();
        m.lag = last > m.state.applied ? last - m.state.applied : 0;
      }
      report.members.push_back(std::move(m));
    }
    return report;
  }

  Status Promote(const Context& ctx, size_t place, bool lossy) override {
    if (options_.state.empty()) {
      return FailedPrecondition(
          "a promotion has to be remembered: give the stage a \"state\", the path of a file");
    }
    if (place >= size()) {
      return InvalidArgument(
          Concat("the stores of the group have the places 0 to ", std::to_string(size() - 1)));
    }
    // Nobody writes from here on; who is writing is waited for.
    ASSIGN_OR_RETURN(const Gate::Pass alone, promotion_.Enter(ctx, /*alone=*/true));
    RETURN_IF_ERROR(state_.Check());
    const auto old = Current();
    if (place == old->group.primary) return OkStatus();
    const ReplicaFollower& follower = *old->followers[place];
    const Status caught_up = [&]() -> Status {
      ASSIGN_OR_RETURN(const auto feed, old->primary->Subscribe(ctx, {}));
      const uint64_t last = feed->resume_from() - 1;
      MutexLock lock(mutex_);
      while (follower.applied() < last) {
        if (follower.health() == ReplicaHealth::kLost && lossy)
          return Unavailable(
              Concat("it lacks the changes behind ", std::to_string(follower.applied())));
        RETURN_IF_ERROR(WaitWithContext(ctx, mutex_, news_));
      }
      return OkStatus();
    }();
    if (!caught_up.ok() && !lossy) {
      return WithMessage(caught_up, Concat("the store has not all that the primary has: ",
                                           Message(caught_up), "; nothing was changed"));
    }
    GroupState next;
    next.primary = place;
    next.began = follower.applied() + 1;
    // Before anything follows the new primary: whoever reads the state now is fenced off.
    RETURN_IF_ERROR(state_.Advance(&next));
    {
      MutexLock lock(mutex_);
      epoch_.reset();  // `old` holds it
    }
    for (const auto& f : old->followers) {
      if (f != nullptr) f->Stop();
    }
    Begin(next, old->losses + (caught_up.ok() ? 0 : 1));
    return OkStatus();
  }

  Status Verify(const Context& ctx) override {
    const auto epoch = Current();
    std::vector<uint64_t> before;
    for (const auto& f : epoch->followers) {
      before.push_back(f == nullptr ? 0 : f->State().syncs);
      if (f != nullptr) f->Verify();
    }
    for (size_t i = 0; i < size(); ++i) {
      const auto& f = epoch->followers[i];
      if (f == nullptr) continue;
      for (;;) {
        const replicate::ReplicaState s = f->State();
        if (s.compared > before[i]) break;
        if (s.health == ReplicaHealth::kLost)
          return Unavailable(Concat(member(i).info().stage, ": ", s.trouble));
        MutexLock lock(mutex_);
        RETURN_IF_ERROR(WaitWithContext(ctx, mutex_, news_));
      }
    }
    return OkStatus();
  }

  // ---- Introspection ----
  std::vector<Metric> Metrics() const override {
    const GroupReport report = Report();
    std::vector<Metric> out = {
        {"epoch", MetricKind::kGauge, static_cast<double>(report.epoch), "promotions so far"},
        {"failovers", MetricKind::kCounter, static_cast<double>(failovers_.load()),
         "reads that another store answered than the first one asked"},
        {"unconfirmed", MetricKind::kCounter, static_cast<double>(unconfirmed_.load()),
         "writes on the primary that too few copies confirmed in time"}};
    for (const ReplicaReport& m : report.members) {
      const std::vector<std::pair<std::string, std::string>> labels = {{"replica", m.stage}};
      const auto add = [&](const char* name, MetricKind kind, double value, const char* help) {
        out.push_back({name, kind, value, help, labels});
      };
      const replicate::ReplicaState& s = m.state;
      add("primary", MetricKind::kGauge, m.primary, "1: it is the primary");
      add("healthy", MetricKind::kGauge, s.health == ReplicaHealth::kFollowing,
          "1: it follows the primary, or is it");
      add("lag", MetricKind::kGauge, static_cast<double>(m.lag),
          "changes of the primary that it has not");
      add("applied", MetricKind::kGauge, static_cast<double>(s.applied),
          "the last of the primary's changes that it has");
      add("changes", MetricKind::kCounter, static_cast<double>(s.changes), "changes applied");
      add("failures", MetricKind::kCounter, static_cast<double>(s.failures),
          "times that it was lost");
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

  // ---- for what it hands out ----
  std::shared_ptr<Epoch> Current() const {
    MutexLock lock(mutex_);
    while (epoch_ == nullptr) news_.Wait(mutex_);  // a promotion is under way
    return epoch_;
  }
  Gate& promotion() { return promotion_; }

  // The stores to write to, unless a write would be refused or could not be acknowledged.
  StatusOr<std::shared_ptr<Epoch>> ForWriting() {
    const auto epoch = Current();
    RETURN_IF_ERROR(state_.Check());
    size_t lost = 0;
    for (const auto& f : epoch->followers)
      lost += f != nullptr && f->health() == ReplicaHealth::kLost;
    if (size() - lost < Needed()) {
      return Unavailable(Concat(std::to_string(lost), " of ", std::to_string(size() - 1),
                                " copies are lost, so the write could not be acknowledged; nothing "
                                "was written"));
    }
    return epoch;
  }

  // OK when what was written in `epoch` may be acknowledged: enough stores have it, and behind that
  // no other process had begun an epoch yet.
  Status Confirm(const Context& ctx, const Epoch& epoch, const WriteResult& result) {
    uint64_t last = 0;
    for (const WriteOutcome& o : result.outcomes) last = std::max(last, o.revision);
    if (last == 0) return OkStatus();
    RETURN_IF_ERROR(WaitForCopies(ctx, epoch, last));
    const Status fence = state_.Check();
    if (fence.ok()) return fence;
    return Unavailable(Concat("the write was made, but may be lost: ", Message(fence)));
  }

  uint64_t floor() const { return floor_.load(); }

 private:
  // Waits until enough stores have what was written in `epoch` up to `last`, also when another
  // store is made the primary meanwhile.
  Status WaitForCopies(const Context& ctx, const Epoch& epoch, uint64_t last) {
    const size_t needed = Needed();
    if (needed < 2) return OkStatus();
    const Context until = ctx.WithTimeout(std::chrono::milliseconds(options_.ack_timeout));
    MutexLock lock(mutex_);
    for (;;) {
      size_t have = 1, lost = 0;
      // None: a promotion is under way.
      if (epoch_ != nullptr) {
        if (epoch_->losses != epoch.losses) {
          return Unavailable(
              "another store was made the primary without all that the old one had; the write may "
              "be lost");
        }
        for (const auto& f : epoch_->followers) {
          if (f == nullptr) continue;
          have += f->applied() >= last;
          lost += f->health() == ReplicaHealth::kLost && f->applied() < last;
        }
        if (have >= needed) return OkStatus();
      }
      Status s = lost > size() - needed ? Unavailable("copies were lost")
                                        : WaitWithContext(until, mutex_, news_);
      if (s.ok()) continue;
      unconfirmed_.fetch_add(1, std::memory_order_relaxed);
      return Unavailable(Concat("the write is on the primary and will reach the copies, but only ",
                                std::to_string(have), " of ", std::to_string(needed),
                                " stores have confirmed it: ", Message(s)));
    }
  }

  size_t size() const { return info_.children.size(); }
  Store& member(size_t i) const { return *info_.children[i]; }
  size_t Needed() const {
    switch (options_.mode) {
      case Mode::kAll:
        return size();
      case Mode::kQuorum:
        return size() / 2 + 1;
      case Mode::kPrimary:
        break;
    }
    return 1;
  }
  void Begin(const GroupState& group, uint64_t losses) {
    auto epoch = std::make_shared<Epoch>();
    epoch->group = group;
    epoch->losses = losses;
    epoch->primary = &member(group.primary);
    uint64_t floor = floor_.load();
    while (floor < group.first_revision() &&
           !floor_.compare_exchange_weak(floor, group.first_revision())) {
    }
    replicate::FollowerOptions options;
    options.hop = options_.name.empty() ? info_.stage : options_.name;
    std::replace(options.hop.begin(), options.hop.end(), '|', '/');
    options.verify = std::chrono::milliseconds(options_.verify);
    options.fence = [this] { return state_.Check(); };
    for (size_t i = 0; i < size(); ++i) {
      epoch->followers.push_back(i == group.primary ? nullptr
                                                    : std::make_unique<ReplicaFollower>(
                                                          *epoch->primary, member(i), options,
                                                          group, floor_, [this] { News(); }));
    }
    MutexLock lock(mutex_);
    epoch_ = std::move(epoch);
    news_.NotifyAll();
  }

  // A copy's state has changed, or some time has passed.
  void News() {
    MutexLock lock(mutex_);
    news_.NotifyAll();
  }

  // Calls with the place of one store after the other until one can answer.
  template <typename Call>
  Status FromSome(const Call& call) {
    const auto epoch = Current();
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
    for (size_t i = 0; i < size(); ++i) {
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
  replicate::StateFile state_;
  std::atomic<uint64_t> floor_{0};
  std::atomic<uint64_t> turn_{1};
  std::atomic<uint64_t> failovers_{0}, unconfirmed_{0};
  std::vector<std::atomic<int64_t>> read_time_;  // moving averages, nanoseconds
  Gate promotion_;                               // shared: a write is under way
  mutable Mutex mutex_;
  mutable CondVar news_;
  std::shared_ptr<Epoch> epoch_ STRATA_GUARDED_BY(mutex_);
};

class ReplicateTransaction final : public ForwardingTransaction {
 public:
  ReplicateTransaction(std::unique_ptr<Transaction> inner, ReplicateStore& store,
                       std::shared_ptr<Epoch> epoch)
      : ForwardingTransaction(std::move(inner)), store_(store), epoch_(std::move(epoch)) {}

  StatusOr<WriteResult> Commit(const Context& ctx) override {
    StatusOr<WriteResult> result = WriteResult();
    {
      ASSIGN_OR_RETURN(const Gate::Pass writing, store_.promotion().Enter(ctx, /*alone=*/false));
      ASSIGN_OR_RETURN(const auto epoch, store_.ForWriting());
      if (epoch != epoch_) {
        (void)inner().Abort();
        return Aborted("another store was made the primary; run the transaction again");
      }
      result = inner().Commit(ctx);
    }
    RETURN_IF_ERROR(result.status());
    RETURN_IF_ERROR(store_.Confirm(ctx, *epoch_, *result));
    return result;
  }

 private:
  ReplicateStore& store_;  // kept alive by what observes the transaction
  const std::shared_ptr<Epoch> epoch_;
};

// Goes on behind the same change when another store becomes the primary. When that may lack
// something, it tells of a gap first, and goes on from what the new primary has then.
class GroupSubscription final : public Subscription {
 public:
  GroupSubscription(ReplicateStore& store, SubscribeRequest request)
      : store_(store), request_(std::move(request)) {}

  // Before use, and when another store has become the primary.
  Status Open(const Context& ctx, std::shared_ptr<Epoch> epoch) {
    const GroupState& group = epoch->group;
    bool lost = false;
    if (epoch_ != nullptr) {
      // Also when it has not come to what is lost: who listens may have read it.
      lost = epoch->losses != epoch_->losses;
      request_.from = inner_->resume_from();
    } else if (request_.from) {
      // It has seen more of older epochs than the primary had.
      lost = *request_.from > group.began && *request_.from <= group.first_revision();
    }
    SubscribeRequest request = request_;
    request.from.reset();
    ASSIGN_OR_RETURN(auto inner, epoch->primary->Subscribe(ctx, request));
    // A copy's numbers may end sooner, where the old primary had left some unused.
    const bool sooner = epoch_ != nullptr && inner->resume_from() <= request_.from;
    if (request_.from && !lost && !sooner) {
      ASSIGN_OR_RETURN(inner, epoch->primary->Subscribe(ctx, request_));
    }
    inner_ = std::move(inner);
    epoch_ = std::move(epoch);
    gap_ = gap_ || lost;
    return OkStatus();
  }

  StatusOr<ChangeBatch> Next(const Context& ctx) override {
    for (;;) {
      if (auto now = store_.Current(); now != epoch_) RETURN_IF_ERROR(Open(ctx, std::move(now)));
      if (gap_) {
        gap_ = false;
        ChangeBatch batch;
        batch.gap = true;
        batch.resume_from = inner_->resume_from();
        return batch;
      }
      StatusOr<ChangeBatch> batch = inner_->Next(ctx.WithTimeout(std::chrono::milliseconds(200)));
      if (batch.status().code() != StatusCode::kDeadlineExceeded) return batch;
      RETURN_IF_ERROR(ctx.Check());
    }
  }
  uint64_t resume_from() const override { return inner_->resume_from(); }

 private:
  ReplicateStore& store_;
  std::shared_ptr<Epoch> epoch_;
  std::unique_ptr<Subscription> inner_;
  SubscribeRequest request_;
  bool gap_ = false;  // one is still to be told
};

StatusOr<std::unique_ptr<Transaction>> ReplicateStore::Begin(const Context& ctx,
                                                             const TransactionOptions& options) {
  ASSIGN_OR_RETURN(auto epoch, ForWriting());
  TransactionOptions stamped = options;
  stamped.min_revision = std::max(stamped.min_revision, floor());
  ASSIGN_OR_RETURN(auto inner, epoch->primary->Begin(ctx, stamped));
  return std::make_unique<ReplicateTransaction>(std::move(inner), *this, std::move(epoch));
}

StatusOr<std::unique_ptr<Subscription>> ReplicateStore::Subscribe(const Context& ctx,
                                                                  const SubscribeRequest& request) {
  auto subscription = std::make_unique<GroupSubscription>(*this, request);
  RETURN_IF_ERROR(subscription->Open(ctx, Current()));
  return subscription;
}

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
