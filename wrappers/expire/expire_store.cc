#include "wrappers/expire/expire_store.h"

#include <atomic>
#include <charconv>
#include <thread>

#include "core/instant.h"
#include "core/json_patch.h"
#include "core/json_text.h"
#include "core/path.h"
#include "core/sync.h"
#include "query/continuation.h"
#include "query/literal.h"
#include "store/introspection.h"
#include "store/ops.h"
#include "wrappers/core/mapped_store.h"
#include "wrappers/core/mapped_write.h"

namespace strata {
namespace {

constexpr size_t kSweepBatch = 500;

struct ExpireOptions {
  std::string property;
  int64_t ttl = 0;
  int64_t sweep = 0;
};

class ExpireMapping final : public WorkedOutMapping {
 public:
  ExpireMapping(const ExpireOptions& options, const Clock& clock)
      : options_(options), clock_(clock) {}

  Instant Now() const { return Instant::FromUnixMillis(clock_.UnixMillis()); }
  const std::string& property() const { return options_.property; }

  bool Expired(const Document& d, const Instant& now) const {
    const Value v = d.Find(options_.property);
    if (!v.is_string()) return false;
    const auto at = ParseRfc3339(v.String());
    return at && *at <= now;
  }

  StatusOr<std::optional<Record>> Visible(const std::optional<Record>& stored) const override {
    if (stored && Expired(stored->document, Now())) return std::optional<Record>();
    return stored;
  }
  StatusOr<Document> Stored(std::string_view, const std::optional<Record>&,
                            const Document& after) const override {
    if (!after || options_.ttl == 0 || after.Find(options_.property).exists()) return after;
    const Instant at = Instant::FromUnixMillis(clock_.UnixMillis() + options_.ttl);
    return WithLastMember(after, options_.property, JsonString(at.ToString()));
  }

  // ---- for MappedStore ----
  template <typename Target>
  static StatusOr<std::unique_ptr<Plan>> Prepare(Target& inner, const Context& ctx,
                                                 const Query& query,
                                                 std::shared_ptr<const ExpireMapping> mapping,
                                                 const std::string& stage);

 private:
  const ExpireOptions options_;
  const Clock& clock_;
};

// The inner plan asks "not expired by $n", and $n becomes the time when a query is opened.
class ExpirePlan final : public Plan {
 public:
  ExpirePlan(std::unique_ptr<Plan> inner, std::shared_ptr<const ExpireMapping> mapping,
             size_t param)
      : inner_(std::move(inner)), mapping_(std::move(mapping)), param_(param) {}

  const Query& residual() const override { return nothing_; }
  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    OpenOptions inner_options = options;
    Instant now = mapping_->Now();
    if (!options.position.empty()) {
      // "SECONDS.NANOS;" and the inner position: later pages go by the first one's time.
      const std::string_view text = options.position;
      const char* const end = text.data() + text.size();
      const auto seconds = std::from_chars(text.data(), end, now.seconds);
      if (seconds.ec != std::errc() || seconds.ptr == end || *seconds.ptr != '.')
        return BadContinuation();
      const auto nanos = std::from_chars(seconds.ptr + 1, end, now.nanos);
      if (nanos.ec != std::errc() || nanos.ptr == end || *nanos.ptr != ';' || now.nanos < 0 ||
          now.nanos > 999999999) {
        return BadContinuation();
      }
      inner_options.position = std::string(nanos.ptr + 1, end);
    }
    std::vector<Node> params(options.params.begin(), options.params.end());
    if (params.size() + 1 < param_) {
      return InvalidArgument(Concat("the parameter $", std::to_string(params.size() + 1),
                                    " is not bound; ", std::to_string(params.size()),
                                    " values were given"));
    }
    params.resize(param_ - 1);
    params.push_back(Node::Date(now));
    inner_options.params = params;
    ASSIGN_OR_RETURN(auto cursor, inner_->Open(ctx, inner_options));
    return std::make_unique<ExpireCursor>(
        std::move(cursor), std::to_string(now.seconds) + "." + std::to_string(now.nanos) + ";");
  }
  ExplainNode Explain() const override { return inner_->Explain(); }

 private:
  class ExpireCursor final : public Cursor {
   public:
    ExpireCursor(std::unique_ptr<Cursor> inner, std::string time)
        : inner_(std::move(inner)), time_(std::move(time)) {}
    Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
      return inner_->Next(ctx, max_rows, batch);
    }
    std::string Position() const override { return time_ + inner_->Position(); }
    ExplainNode Explain() const override { return inner_->Explain(); }

   private:
    std::unique_ptr<Cursor> inner_;
    const std::string time_;
  };

  std::unique_ptr<Plan> inner_;
  const std::shared_ptr<const ExpireMapping> mapping_;
  const size_t param_;  // the number of the time's parameter, from 1
  const Query nothing_;
};

template <typename Target>
StatusOr<std::unique_ptr<Plan>> ExpireMapping::Prepare(Target& inner, const Context& ctx,
                                                       const Query& query,
                                                       std::shared_ptr<const ExpireMapping> mapping,
                                                       const std::string&) {
  const int param = query.param_count() + 1;
  if (param > kMaxParam)
    return InvalidArgument(
        Concat("a query through \"expire\" may use at most $", std::to_string(kMaxParam - 1)));
  std::vector<Node> conjuncts = query.conjuncts();
  conjuncts.push_back(Node::Call(
      Op::kNot,
      {Node::Call(Op::kLe, {Node::PathNode({mapping->property()}), Node::Param(param)})}));
  ASSIGN_OR_RETURN(auto plan,
                   PrepareComplete(inner, ctx, Query::Of(std::move(conjuncts), query.stages())));
  return std::make_unique<ExpirePlan>(std::move(plan), std::move(mapping),
                                      static_cast<size_t>(param));
}

class ExpireStore final : public MappedStore<ExpireMapping>, public Introspection {
 public:
  ExpireStore(const ExpireOptions& options, StoreInfo info, const Clock& clock)
      : MappedStore(std::move(info), std::make_shared<ExpireMapping>(options, clock)),
        options_(options) {
    if (options_.sweep > 0) sweeper_ = std::thread([this] { Sweep(); });
  }
  ~ExpireStore() override {
    stop_.Cancel();
    {
      MutexLock lock(mutex_);
      stopping_.NotifyAll();
    }
    if (sweeper_.joinable()) sweeper_.join();
  }

  Capabilities capabilities() const override {
    Capabilities c = inner().capabilities();
    c.verbatim = c.verbatim && options_.ttl == 0;
    return c;
  }

  std::vector<Metric> Metrics() const override {
    return {{"removed", MetricKind::kCounter, static_cast<double>(removed_.load()),
             "documents removed because they had expired"},
            {"sweep_failures", MetricKind::kCounter, static_cast<double>(failures_.load()),
             "sweeps that failed and will be tried again"}};
  }

 private:
  void Sweep() {
    while (!context_.cancelled()) {
      {
        const auto until =
            std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.sweep);
        MutexLock lock(mutex_);
        while (!context_.cancelled() && std::chrono::steady_clock::now() < until)
          stopping_.WaitUntil(mutex_, until);
      }
      for (bool more = true; more && !context_.cancelled();) {
        const StatusOr<size_t> removed = RemoveSome();
        if (!removed.ok() && !context_.cancelled()) failures_.fetch_add(1);
        more = removed.ok() && *removed == kSweepBatch;
      }
    }
  }

  // Removes up to kSweepBatch; gives how many were found.
  StatusOr<size_t> RemoveSome() {
    const Instant now = mapping()->Now();
    const Query expired = Query::Of(
        {Node::Call(Op::kLe, {Node::PathNode({options_.property}), Node::Date(now)})}, {});
    ASSIGN_OR_RETURN(const auto rows, Collect(inner(), context_, expired.Limit(kSweepBatch)));
    std::vector<std::string> ids;
    for (const Document& d : rows) ids.push_back(StoredId(d));
    std::vector<std::string_view> views(ids.begin(), ids.end());
    std::vector<std::optional<Record>> records(ids.size());
    RETURN_IF_ERROR(inner().Read(context_, views, records));
    for (size_t i = 0; i < ids.size(); ++i) {
      if (!records[i] || !mapping()->Expired(records[i]->document, now)) continue;
      const WriteOp op{WriteKind::kDelete, ids[i], {}, Presence::kAny, records[i]->revision};
      const auto deleted = WriteOne(inner(), context_, op);
      // Somebody gave it a new life meanwhile, or was faster.
      if (deleted.status().code() == StatusCode::kFailedPrecondition) continue;
      RETURN_IF_ERROR(deleted.status());
      if (deleted->deleted) removed_.fetch_add(1);
    }
    return ids.size();
  }

  const ExpireOptions options_;
  CancelSource stop_;
  const Context context_ = Context::Background().WithCancel(stop_);
  Mutex mutex_;
  CondVar stopping_;
  std::atomic<uint64_t> removed_{0};
  std::atomic<uint64_t> failures_{0};
  std::thread sweeper_;
};

OptionTable<ExpireOptions> Table() {
  OptionTable<ExpireOptions> t;
  t.String("property", &ExpireOptions::property, "\"expires\"",
           "the member that holds the instant at which a document ends");
  t.Duration("ttl", &ExpireOptions::ttl, "0ms",
             "how long a document lives that does not say so itself; 0ms: for ever");
  t.Duration("sweep", &ExpireOptions::sweep, "10s",
             "how often what has expired is removed; 0ms: never, it is only hidden");
  return t;
}

StatusOr<std::shared_ptr<Store>> Build(const ExpireOptions& options, StoreInfo info,
                                       const BuildContext& context) {
  return std::make_shared<ExpireStore>(options, std::move(info), *context.clock);
}

}  // namespace

Status RegisterExpire(StageRegistry& registry) {
  return registry.Register(
      MakeStageType<ExpireOptions>("expire", "documents that end at a time of their own",
                                   "//wrappers/expire", Children::kOne, Table(), Build));
}

}  // namespace strata
