#include "wrappers/cache/cache_store.h"

#include <time.h>

#include <algorithm>
#include <atomic>

#include "core/stats.h"
#include "core/sync.h"
#include "store/apply.h"
#include "store/introspection.h"
#include "wrappers/cache/cache_table.h"
#include "wrappers/cache/query_cache.h"
#include "wrappers/cache/side_store.h"
#include "wrappers/core/feed_follower.h"
#include "wrappers/core/forwarding_store.h"

namespace strata {
namespace {

using cache::CacheTable;
using cache::Flight;
using cache::Lifetime;

enum class Follow : uint8_t { kAuto, kAlways, kNever };

struct CacheOptions {
  int64_t capacity = 0;
  int64_t max_entries = 0;
  int64_t ttl = 0;
  int64_t jitter = 0;
  int64_t stale = 0;
  int64_t negative_ttl = 0;
  int64_t queries = 0;
  bool cache_writes = true;
  Follow follow = Follow::kAuto;
};

enum Counter { kHits, kMisses, kNegativeHits, kStaleServes, kJoined, kPassed, kCounters };

// Milliseconds, to a tick of the kernel: a few nanoseconds to read.
int64_t NowMillis() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return static_cast<int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1000000;
}

// A lagging copy may answer after any write, and nobody tells when it has caught up: what comes
// from a store that is only eventually fresh always ends.
constexpr int64_t kEventualTtl = 1000;
CacheOptions Bounded(CacheOptions options, const Store& inner) {
  if (inner.capabilities().freshness == Freshness::kLatest) return options;
  if (options.ttl == 0) options.ttl = kEventualTtl;
  options.negative_ttl = std::min(options.negative_ttl, options.ttl);
  return options;
}

class CacheStore final : public Store, public Introspection, public FeedHandler {
 public:
  CacheStore(const CacheOptions& options, StoreInfo info, const BuildContext& context)
      : options_(Bounded(options, *info.children[0])),
        info_(std::move(info)),
        inner_(*info_.children[0]),
        executor_(context.executor),
        verbatim_(inner_.capabilities().verbatim),
        table_({static_cast<size_t>(options.capacity), static_cast<size_t>(options.max_entries)}),
        queries_(options.queries > 0
                     ? std::make_shared<cache::QueryCache>(static_cast<size_t>(options.queries),
                                                           options_.ttl, NowMillis)
                     : nullptr) {}

  // Before use.
  Status Start() {
    if (info_.children.size() > 1) {
      side_ = std::make_unique<cache::SideStore>(*info_.children[1], info_.stage);
      RETURN_IF_ERROR(side_->Open(Context::Background()));
    }
    const bool follows = options_.follow == Follow::kAlways ||
                         (options_.follow == Follow::kAuto && info_.shared_below &&
                          inner_.capabilities().change_feed != ChangeFeed::kNone);
    if (follows) {
      open_.store(false);
      follower_ = std::make_unique<FeedFollower>(inner_, *this);
    }
    return OkStatus();
  }

  ~CacheStore() override {
    follower_.reset();
    MutexLock lock(behind_mutex_);
    while (behind_ > 0) behind_done_.Wait(behind_mutex_);
  }

  const StoreInfo& info() const override { return info_; }
  Capabilities capabilities() const override {
    Capabilities c = inner_.capabilities();
    // News of other writers comes late, and records may be served beyond their time.
    if (follower_ != nullptr || options_.stale > 0) c.freshness = Freshness::kEventual;
    return c;
  }

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    // Most reads: one document, which is here.
    if (ids.size() == 1 && side_ == nullptr && open_.load(std::memory_order_acquire) &&
        table_.Hit(ids[0], NowMillis, &out[0])) [[likely]] {
      counters_.Add(out[0] ? kHits : kNegativeHits);
      return OkStatus();
    }
    return ReadAny(ctx, ids, out);
  }

  [[gnu::noinline]] Status ReadAny(const Context& ctx, std::span<const std::string_view> ids,
                                   const std::span<std::optional<Record>>& out) {
    RETURN_IF_ERROR(ctx.Check());
    if (!open_.load(std::memory_order_acquire)) {
      counters_.Add(kPassed, ids.size());
      return inner_.Read(ctx, ids, out);
    }
    Missing missing;
    for (size_t i = 0; i < ids.size(); ++i) {
      std::shared_ptr<Flight> flight;
      switch (table_.Find(ids[i], NowMillis, &out[i], &flight)) {
        case CacheTable::Found::kHit:
          if (side_ == nullptr || !out[i] || out[i]->document ||
              side_->Read(ctx, ids[i], &*out[i])) {
            counters_.Add(out[i] ? kHits : kNegativeHits);
            break;
          }
          // What lies elsewhere is not what was put there.
          Forget(ids[i]);
          missing.Add(i, nullptr, false);
          break;
        case CacheTable::Found::kStale:
          if (side_ != nullptr && out[i] && !side_->Read(ctx, ids[i], &*out[i])) {
            if (flight != nullptr) table_.Abandon(flight, ids[i]);
            Forget(ids[i]);
            missing.Add(i, nullptr, false);
            break;
          }
          counters_.Add(kStaleServes);
          if (flight != nullptr) Refresh(std::string(ids[i]), std::move(flight));
          break;
        case CacheTable::Found::kLead:
          missing.Add(i, std::move(flight), true);
          break;
        case CacheTable::Found::kJoin:
          missing.Add(i, std::move(flight), false);
          break;
        case CacheTable::Found::kBusy:
          missing.Add(i, nullptr, false);
          break;
      }
    }
    return missing.all.empty() ? OkStatus() : Fetch(ctx, ids, out, missing);
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    // An id that is generated below is new, so nothing of it can be here.
    std::vector<std::string> ids;
    for (const WriteOp& op : batch.ops) {
      if (!op.id.empty()) {
        ids.push_back(op.id);
      } else if (op.document && op.document.root().is_object()) {
        if (StatusOr<std::string> own = IdOfDocument(op.document); own.ok() && !own->empty())
          ids.push_back(*std::move(own));
      }
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    BeginWrite(ids);
    StatusOr<WriteResult> result = inner_.Write(ctx, batch);
    if (result.ok() && options_.cache_writes && verbatim_ && side_ == nullptr) {
      EndWrite(ids, WhatWasLeft(batch, *result));
    } else {
      EndWrite(ids, {});
    }
    return result;
  }

  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    ASSIGN_OR_RETURN(auto plan, inner_.Prepare(ctx, query));
    if (queries_ == nullptr || !open_.load(std::memory_order_acquire)) return plan;
    return queries_->Wrap(std::move(plan), query, info_.stage);
  }

  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override;

  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                    const SubscribeRequest& request) override {
    return inner_.Subscribe(ctx, request);
  }

  // What a transaction that commits does around it. Requires: ids without repetition.
  void BeginWrite(const std::vector<std::string>& ids) {
    if (queries_ != nullptr) queries_->BeginWrite();
    for (const std::string& id : ids) {
      if (table_.BeginWrite(id)) side_->Drop(id);
    }
  }
  using Left = StringMap<std::optional<Record>>;  // what is known of what a write left
  void EndWrite(const std::vector<std::string>& ids, const Left& left) {
    std::vector<std::string> dropped;
    for (const std::string& id : ids) {
      const auto it = left.find(id);
      table_.EndWrite(id, it == left.end() ? nullptr : &it->second,
                      it == left.end() ? Lifetime() : LifetimeOf(it->second.has_value()), &dropped);
    }
    DropAll(dropped);
    if (queries_ != nullptr) queries_->EndWrite();
  }

  std::vector<Metric> Metrics() const override {
    const auto counter = [&](const char* name, Counter c, const char* help) {
      return Metric{name, MetricKind::kCounter, static_cast<double>(counters_.Read(c)), help};
    };
    std::vector<Metric> out = {
        counter("hits", kHits, "documents served from the cache"),
        counter("negative_hits", kNegativeHits, "reads of nothing answered from the cache"),
        counter("misses", kMisses, "documents fetched"),
        counter("joined", kJoined, "reads that waited for another one's fetch"),
        counter("stale_serves", kStaleServes, "documents served beyond their time"),
        counter("passed", kPassed, "reads that went by the cache, because of a write or no news"),
        {"fills", MetricKind::kCounter, static_cast<double>(table_.fills()), "fetches kept"},
        {"evictions", MetricKind::kCounter, static_cast<double>(table_.evictions()),
         "entries driven out by others"},
        {"entries", MetricKind::kGauge, static_cast<double>(table_.entries()), "entries now"},
        {"bytes", MetricKind::kGauge, static_cast<double>(table_.bytes()), "bytes now"}};
    if (queries_ != nullptr) {
      out.push_back({"query_hits", MetricKind::kCounter, static_cast<double>(queries_->hits()),
                     "queries answered from the cache"});
      out.push_back({"query_misses", MetricKind::kCounter, static_cast<double>(queries_->misses()),
                     "queries run"});
      out.push_back({"query_bytes", MetricKind::kGauge, static_cast<double>(queries_->bytes()),
                     "bytes of results now"});
    }
    if (side_ != nullptr) {
      out.push_back({"side_failures", MetricKind::kCounter, static_cast<double>(side_->failures()),
                     "failures of the store that holds the entries"});
    }
    return out;
  }

 private:
  // What a read did not find: places in its ids.
  struct Missing {
    struct One {
      size_t at;
      std::shared_ptr<Flight> flight;  // null: fetched without keeping
      bool leads;
    };
    void Add(size_t at, std::shared_ptr<Flight> flight, bool leads) {
      all.push_back({at, std::move(flight), leads});
    }
    std::vector<One> all;
  };

  Lifetime LifetimeOf(bool present) {
    const int64_t ttl = present ? options_.ttl : options_.negative_ttl;
    if (ttl == 0) return present ? Lifetime() : Lifetime{0, 0};
    // Entries of one moment do not all end in one moment.
    const uint64_t random = jitter_.fetch_add(0x9E3779B97F4A7C15u, std::memory_order_relaxed);
    const int64_t spread = ttl * options_.jitter / 100;
    const int64_t fresh =
        NowMillis() + ttl - (spread > 0 ? static_cast<int64_t>((random >> 20) % spread) : 0);
    return {fresh, fresh + (present ? options_.stale : 0)};
  }

  Status Fetch(const Context& ctx, std::span<const std::string_view> ids,
               const std::span<std::optional<Record>>& out, const Missing& missing) {
    std::vector<std::string_view> wanted;
    for (const auto& m : missing.all) {
      if (m.leads || m.flight == nullptr) wanted.push_back(ids[m.at]);
    }
    if (!wanted.empty()) {
      std::vector<std::optional<Record>> found(wanted.size());
      const Status s = inner_.Read(ctx, wanted, found);
      size_t next = 0;
      for (const auto& m : missing.all) {
        if (!m.leads && m.flight != nullptr) continue;
        std::optional<Record>& record = found[next++];
        if (m.leads) {
          if (s.ok()) {
            Keep(m.flight, ids[m.at], record);
          } else {
            table_.Abandon(m.flight, ids[m.at]);
          }
        }
        counters_.Add(m.leads ? kMisses : kPassed);
        out[m.at] = std::move(record);
      }
      RETURN_IF_ERROR(s);
    }
    // Behind the caller's own fetches: two readers that wait for one another's would never end.
    for (const auto& m : missing.all) {
      if (m.leads || m.flight == nullptr) continue;
      StatusOr<std::optional<std::optional<Record>>> landed = m.flight->Wait(ctx);
      RETURN_IF_ERROR(landed.status());
      if (*landed) {
        counters_.Add(kJoined);
        out[m.at] = **std::move(landed);
      } else {
        counters_.Add(kPassed);
        RETURN_IF_ERROR(inner_.Read(ctx, ids.subspan(m.at, 1), out.subspan(m.at, 1)));
      }
    }
    return OkStatus();
  }

  void Keep(const std::shared_ptr<Flight>& flight, std::string_view id,
            const std::optional<Record>& record) {
    std::vector<std::string> dropped;
    const Lifetime lifetime = LifetimeOf(record.has_value());
    const bool external = side_ != nullptr && record;
    if ((!record && options_.negative_ttl == 0) || (external && !side_->Put(id, *record))) {
      // What could not be put may be there nevertheless.
      if (table_.Abandon(flight, id, record) || external) side_->Drop(id);
      return;
    }
    table_.Fill(flight, id, record, lifetime, external, &dropped);
    DropAll(dropped);
  }

  void Forget(std::string_view id) {
    if (table_.Erase(id)) side_->Drop(id);
  }
  // The results of queries first: dropping may take a while.
  void ForgetAll() {
    std::vector<std::string> dropped = table_.Clear();
    if (queries_ != nullptr) queries_->News();
    // Not here: news of others' writes would wait for it.
    if (!dropped.empty()) Behind([this, dropped = std::move(dropped)] { DropAll(dropped); });
  }
  void DropAll(const std::vector<std::string>& ids) {
    if (!ids.empty()) side_->DropAll(ids);
  }

  // Does something behind the caller's back. The destructor waits for it.
  template <typename Task>
  void Behind(Task task) {
    {
      MutexLock lock(behind_mutex_);
      ++behind_;
    }
    executor_->Submit([this, task = std::move(task)] {
      task();
      MutexLock lock(behind_mutex_);
      --behind_;
      behind_done_.NotifyAll();
    });
  }

  // Fetches anew.
  void Refresh(std::string id, std::shared_ptr<Flight> flight) {
    Behind([this, id = std::move(id), flight = std::move(flight)] {
      if (table_.Begin(flight, id)) {
        const std::string_view view = id;
        std::optional<Record> record;
        const Context ctx = Context::Background().WithTimeout(std::chrono::seconds(30));
        if (inner_.Read(ctx, std::span(&view, 1), std::span(&record, 1)).ok()) {
          Keep(flight, id, record);
        } else {
          table_.Abandon(flight, id);
        }
      }
    });
  }

  // Documents that were put whole are what is there now; of the rest nothing is known.
  Left WhatWasLeft(const WriteBatch& batch, const WriteResult& result) {
    Left left;
    StringMap<int> ops;
    for (const WriteOutcome& o : result.outcomes) ++ops[o.id];
    for (size_t i = 0; i < batch.ops.size(); ++i) {
      const WriteOp& op = batch.ops[i];
      const WriteOutcome& o = result.outcomes[i];
      if (ops[o.id] > 1) continue;
      if (op.kind == WriteKind::kDelete) {
        if (options_.negative_ttl > 0) left.emplace(o.id, std::nullopt);
      } else if (op.kind == WriteKind::kPut && o.revision > 0) {
        const WriteOp plain{WriteKind::kPut, op.id, op.document, Presence::kAny, {}};
        if (StatusOr<Document> stored = ApplyOp(plain, o.id, std::nullopt); stored.ok())
          left.emplace(o.id, Record{*std::move(stored), o.revision});
      }
    }
    return left;
  }

  // ---- FeedHandler ----
  std::optional<uint64_t> From() override { return std::nullopt; }
  Status Following(uint64_t) override {
    ForgetAll();
    open_.store(true, std::memory_order_release);
    return OkStatus();
  }
  Status OnChanges(const ChangeBatch& batch) override {
    if (batch.gap) ForgetAll();
    for (const Change& c : batch.changes) {
      if (table_.Invalidate(c.id, c.sequence)) side_->Drop(c.id);
    }
    if (queries_ != nullptr) queries_->News();
    return OkStatus();
  }
  void Lost(const Status&) override {
    open_.store(false, std::memory_order_release);
    ForgetAll();
  }

  const CacheOptions options_;
  const StoreInfo info_;
  Store& inner_;  // owned by info_.children
  const std::shared_ptr<Executor> executor_;
  const bool verbatim_;
  CacheTable table_;
  const std::shared_ptr<cache::QueryCache> queries_;  // null: results are not kept
  std::unique_ptr<cache::SideStore> side_;            // null: documents are in the table
  std::atomic<bool> open_{true};  // false: others may write and it is not heard of
  std::atomic<uint64_t> jitter_{1};
  mutable CounterSet<kCounters> counters_;
  Mutex behind_mutex_;
  CondVar behind_done_;
  int64_t behind_ STRATA_GUARDED_BY(behind_mutex_) = 0;
  std::unique_ptr<FeedFollower> follower_;  // last, so that it ends first
};

// Reads and queries go below: only there is what the transaction wrote.
class CacheTransaction final : public ForwardingTransaction {
 public:
  CacheTransaction(std::unique_ptr<Transaction> inner, CacheStore& store)
      : ForwardingTransaction(std::move(inner)), store_(store) {}

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    ASSIGN_OR_RETURN(WriteResult result, inner().Write(ctx, batch));
    for (const WriteOutcome& o : result.outcomes) written_.insert(o.id);
    return result;
  }
  StatusOr<WriteResult> Commit(const Context& ctx) override {
    const std::vector<std::string> ids(written_.begin(), written_.end());
    store_.BeginWrite(ids);
    StatusOr<WriteResult> result = inner().Commit(ctx);
    store_.EndWrite(ids, {});
    return result;
  }

 private:
  CacheStore& store_;  // kept alive by what observes the transaction
  StringSet written_;
};

StatusOr<std::unique_ptr<Transaction>> CacheStore::Begin(const Context& ctx,
                                                         const TransactionOptions& options) {
  ASSIGN_OR_RETURN(auto inner, inner_.Begin(ctx, options));
  return std::make_unique<CacheTransaction>(std::move(inner), *this);
}

OptionTable<CacheOptions> Table() {
  OptionTable<CacheOptions> t;
  t.Size("capacity", &CacheOptions::capacity, "64MiB", "bytes of documents to keep")
      .Range(4096, int64_t{1} << 44);
  t.Integer("max_entries", &CacheOptions::max_entries, 0, "documents to keep; 0: as bytes allow")
      .Range(0, int64_t{1} << 40);
  t.Duration("ttl", &CacheOptions::ttl, "0ms",
             "how long a document, or a query's result, is served; 0ms: until it is replaced or "
             "driven out, or 1 s over a store that is only eventually fresh");
  t.Integer("jitter", &CacheOptions::jitter, 10, "percent by which a ttl is shortened at random")
      .Range(0, 100);
  t.Duration("stale", &CacheOptions::stale, "0ms",
             "how much longer it is served while it is fetched anew");
  t.Duration("negative_ttl", &CacheOptions::negative_ttl, "30s",
             "how long it is remembered that nothing is there; 0ms: not at all");
  t.Size("queries", &CacheOptions::queries, "8MiB",
         "bytes of small query results to keep while nothing is written and no longer than ttl; 0: "
         "none");
  t.Bool("cache_writes", &CacheOptions::cache_writes, true,
         "keeps documents as they are written, not only when they are read; in the store \"in\" "
         "they are kept only when they are read");
  t.Enum("follow", &CacheOptions::follow, {"auto", "always", "never"}, Follow::kAuto,
         "whether to listen to the inner store for writes of others; auto: when it can be reached "
         "another way");
  return t;
}

StatusOr<std::shared_ptr<Store>> Build(const CacheOptions& options, StoreInfo info,
                                       const BuildContext& context) {
  auto store = std::make_shared<CacheStore>(options, std::move(info), context);
  RETURN_IF_ERROR(store->Start());
  return store;
}

}  // namespace

Status RegisterCache(StageRegistry& registry) {
  StageType type = MakeStageType<CacheOptions>(
      "cache", "keeps records that were read, in memory or in the store \"in\"", "//wrappers/cache",
      Children::kOne, Table(), Build);
  type.side_child = "in";
  type.order.must_be_below = {{"expire", "it would serve what has ended meanwhile"}};
  type.order.needs_news_of_others = true;
  type.order.deaf_when = {"follow", "never"};
  type.order.wasteful_over_volatile = true;
  return registry.Register(std::move(type));
}

}  // namespace strata
