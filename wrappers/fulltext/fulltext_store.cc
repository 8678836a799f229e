#include "wrappers/fulltext/fulltext_store.h"

#include <algorithm>
#include <atomic>
#include <type_traits>
#include <utility>

#include "core/json_text.h"
#include "store/introspection.h"
#include "store/ops.h"
#include "wrappers/core/forwarding_store.h"
#include "wrappers/fulltext/fulltext_plan.h"
#include "wrappers/fulltext/overlay_search.h"
#include "wrappers/fulltext/text_index.h"
#include "wrappers/fulltext/text_parts.h"

namespace strata {
namespace {

using fulltext::TextIndex;
using fulltext::TextRequest;
using fulltext::TextSearch;

enum class TextFreshness : uint8_t { kLatest, kEventual };

struct FulltextOptions {
  std::string path;
  std::vector<fulltext::TextField> fields;
  std::vector<Path> terms;
  std::vector<Path> values;
  bool spelling = true;
  TextFreshness freshness = TextFreshness::kLatest;
  int64_t commit_after = 0;
  int64_t commit_changes = 0;
  int64_t commit_bytes = 0;
  int64_t max_wait = 0;
  int64_t snippet_length = 0;
};

// The index with what keeps it up. Shared by the store and what it hands out.
class Source final : public fulltext::TextSource {
 public:
  Source(const FulltextOptions& options, const fulltext::TextSchema& schema, Store& inner,
         std::unique_ptr<TextIndex> index)
      : options_(options),
        schema_(schema),
        inner_(inner),
        index_(std::move(index)),
        follower_(
            inner, *index_,
            {std::chrono::milliseconds(options.commit_after),
             static_cast<size_t>(options.commit_changes), static_cast<size_t>(options.commit_bytes),
             std::chrono::milliseconds(options.max_wait)}) {}

  void Acknowledged(const WriteResult& result) {
    uint64_t last = 0;
    for (const WriteOutcome& o : result.outcomes) last = std::max(last, o.revision);
    Acknowledged(last);
  }
  void Acknowledged(uint64_t last) {
    uint64_t seen = acknowledged_.load(std::memory_order_relaxed);
    while (seen < last && !acknowledged_.compare_exchange_weak(seen, last)) {
    }
  }

  Status WaitFresh(const Context& ctx) {
    const bool latest = options_.freshness == TextFreshness::kLatest;
    return latest ? WaitLatest(ctx) : follower_.WaitFor(ctx, 0);
  }
  Status WaitLatest(const Context& ctx) {
    // What was written before the store was opened is acknowledged too.
    if (!began_.load(std::memory_order_acquire)) {
      const StatusOr<uint64_t> next = NextChange(ctx);
      if (!next.ok()) {
        RETURN_IF_ERROR(follower_.WaitFor(ctx, 0));  // it says how far the index is
        return next.status();
      }
      Acknowledged(*next - 1);
      began_.store(true, std::memory_order_release);
    }
    return follower_.WaitFor(ctx, acknowledged_.load());
  }

  // The number of the inner store's next change.
  StatusOr<uint64_t> NextChange(const Context& ctx) {
    ASSIGN_OR_RETURN(const auto feed, inner_.Subscribe(ctx, {}));
    return feed->resume_from();
  }

  // Asks the index when it is fresh and whole.
  template <typename Ask>
  std::invoke_result_t<Ask> WhenFresh(const Context& ctx, const Ask& ask) {
    for (int attempt = 1;; ++attempt) {
      RETURN_IF_ERROR(WaitFresh(ctx));
      auto answer = ask();
      // It may have been emptied since.
      if (answer.status().code() != StatusCode::kAborted || attempt == kAttempts) return answer;
    }
  }

  StatusOr<std::unique_ptr<TextSearch>> Search(const Context& ctx,
                                               const TextRequest& request) override {
    return WhenFresh(ctx, [&] { return index_->Search(request); });
  }
  StatusOr<std::unique_ptr<TextSearch>> SearchNow(const TextRequest& request) override {
    return index_->Search(request);
  }
  uint64_t Behind() override {
    const uint64_t last = acknowledged_.load();
    const uint64_t next = index_next();
    return last >= next ? last - next + 1 : 0;
  }
  size_t snippet_length() const override { return static_cast<size_t>(options_.snippet_length); }

  const fulltext::TextSchema& schema() const { return schema_; }
  TextIndex& index() { return *index_; }
  fulltext::TextFollower& follower() { return follower_; }

 private:
  static constexpr int kAttempts = 4;

  uint64_t index_next() { return follower_.State().next; }

  const FulltextOptions options_;
  const fulltext::TextSchema schema_;
  Store& inner_;
  const std::unique_ptr<TextIndex> index_;
  std::atomic<uint64_t> acknowledged_{0};
  std::atomic<bool> began_{false};  // `acknowledged_` counts what was there at the beginning
  fulltext::TextFollower follower_;
};

// Searches of a transaction: what it wrote itself is searched by itself.
class TransactionSource final : public fulltext::TextSource {
 public:
  TransactionSource(std::shared_ptr<Source> base, Transaction& inner)
      : base_(std::move(base)), inner_(inner) {}

  void Wrote(const WriteResult& result) {
    for (const WriteOutcome& o : result.outcomes) written_.insert(o.id);
  }

  StatusOr<std::unique_ptr<TextSearch>> Search(const Context& ctx,
                                               const TextRequest& request) override {
    ASSIGN_OR_RETURN(auto below, base_->Search(ctx, request));
    if (written_.empty()) return below;
    std::vector<std::string_view> ids(written_.begin(), written_.end());
    std::vector<std::optional<Record>> records(ids.size());
    RETURN_IF_ERROR(inner_.Read(ctx, ids, records));
    ASSIGN_OR_RETURN(std::shared_ptr<TextIndex> own, TextIndex::InMemory(base_->schema()));
    for (const auto& r : records) {
      if (r) RETURN_IF_ERROR(own->Put(r->document));
    }
    ASSIGN_OR_RETURN(auto above, own->Search(request));
    return fulltext::Overlay(std::move(below), std::move(above), std::move(own), written_);
  }
  StatusOr<std::unique_ptr<TextSearch>> SearchNow(const TextRequest& request) override {
    return base_->SearchNow(request);
  }
  uint64_t Behind() override { return base_->Behind(); }
  size_t snippet_length() const override { return base_->snippet_length(); }

 private:
  const std::shared_ptr<Source> base_;
  Transaction& inner_;
  StringSet written_;
};

class FulltextTransaction final : public ForwardingTransaction {
 public:
  FulltextTransaction(std::unique_ptr<Transaction> inner, std::shared_ptr<Source> source,
                      const Store& below, std::string stage)
      : ForwardingTransaction(std::move(inner)),
        source_(std::move(source)),
        below_(below),
        own_(std::make_shared<TransactionSource>(source_, this->inner())),
        stage_(std::move(stage)) {}

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    ASSIGN_OR_RETURN(WriteResult result, inner().Write(ctx, batch));
    own_->Wrote(result);
    return result;
  }
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    if (!fulltext::HasText(query)) return inner().Prepare(ctx, query);
    return fulltext::PrepareText(inner(), below_, own_, query, stage_);
  }
  StatusOr<WriteResult> Commit(const Context& ctx) override {
    ASSIGN_OR_RETURN(WriteResult result, inner().Commit(ctx));
    source_->Acknowledged(result);
    return result;
  }

 private:
  const std::shared_ptr<Source> source_;
  const Store& below_;
  const std::shared_ptr<TransactionSource> own_;
  const std::string stage_;
};

class FulltextStore final : public ForwardingStore, public FulltextAdmin, public Introspection {
 public:
  FulltextStore(StoreInfo info, const FulltextOptions& options)
      : ForwardingStore(std::move(info)), eventual_(options.freshness == TextFreshness::kEventual) {
    schema_.fields = options.fields;
    schema_.terms = options.terms;
    schema_.values = options.values;
    schema_.spelling = options.spelling;
  }

  Status Start(const FulltextOptions& options) {
    if (inner().capabilities().change_feed == ChangeFeed::kNone)
      return FailedPrecondition(
          "the inner store gives no changes, so the index could not follow it");
    ASSIGN_OR_RETURN(auto index, TextIndex::Open(options.path, schema_));
    source_ = std::make_shared<Source>(options, schema_, inner(), std::move(index));
    return OkStatus();
  }

  Capabilities capabilities() const override {
    Capabilities c = inner().capabilities();
    if (eventual_) c.freshness = Freshness::kEventual;
    return c;
  }

  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    ASSIGN_OR_RETURN(WriteResult result, inner().Write(ctx, batch));
    source_->Acknowledged(result);
    return result;
  }
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    if (!fulltext::HasText(query)) return inner().Prepare(ctx, query);
    return fulltext::PrepareText(inner(), inner(), source_, query, info().stage);
  }
  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    ASSIGN_OR_RETURN(auto t, inner().Begin(ctx, options));
    return std::make_unique<FulltextTransaction>(std::move(t), source_, inner(), info().stage);
  }

  // ---- FulltextAdmin ----
  Status WaitWhole(const Context& ctx) override { return source_->follower().WaitWhole(ctx); }
  fulltext::FollowState State() override { return source_->follower().State(); }
  StatusOr<fulltext::TextStats> Stats() override { return source_->index().Stats(); }
  void Rebuild() override { source_->follower().Rebuild(); }

  Status Check(const Context& ctx) override {
    for (int attempt = 0; attempt < kCheckAttempts; ++attempt) {
      ASSIGN_OR_RETURN(const uint64_t next, source_->NextChange(ctx));
      RETURN_IF_ERROR(source_->follower().WaitFor(ctx, next - 1));
      const Status s = Compare(ctx);
      if (s.ok()) return s;
      ASSIGN_OR_RETURN(const uint64_t now, source_->NextChange(ctx));
      if (now == next && s.code() != StatusCode::kAborted) return s;
    }
    return Aborted("the store was written to while the full-text index was compared with it");
  }

  StatusOr<std::vector<fulltext::ValueCount>> Facets(const Context& ctx, std::string_view words,
                                                     std::string_view path, size_t limit) override {
    TextRequest request;
    request.all = {{"", std::string(words)}};
    return source_->WhenFresh(ctx, [&] {
      return source_->index().Facets(ctx, request, fulltext::PathFrom(path), limit);
    });
  }

  std::vector<Metric> Metrics() const override {
    const fulltext::FollowState s = source_->follower().State();
    const auto stats = source_->index().Stats();
    return {{"documents", MetricKind::kGauge,
             stats.ok() ? static_cast<double>(stats->documents) : 0.0, "documents in the index"},
            {"whole", MetricKind::kGauge, s.whole ? 1.0 : 0.0,
             "1: the index holds every document; 0: it is being built"},
            {"built", MetricKind::kCounter, static_cast<double>(s.built),
             "documents that builds and comparisons put into the index"},
            {"builds", MetricKind::kCounter, static_cast<double>(s.builds), "builds begun"},
            {"comparisons", MetricKind::kCounter, static_cast<double>(s.comparisons),
             "comparisons with all documents begun, where the feed did not reach back"},
            {"uncommitted", MetricKind::kGauge, static_cast<double>(s.uncommitted),
             "changes that searches do not see yet"},
            {"commits", MetricKind::kCounter, static_cast<double>(s.commits), "commits"}};
  }

 private:
  static constexpr int kCheckAttempts = 4;

  // The index with all documents as they are now.
  Status Compare(const Context& ctx) {
    ASSIGN_OR_RETURN(const auto plan, PrepareComplete(inner(), ctx, Query()));
    ASSIGN_OR_RETURN(const auto cursor, plan->Open(ctx, {}));
    RowBatch batch;
    return source_->index().Check(ctx, [&]() -> StatusOr<std::vector<Document>> {
      do {
        if (batch.end != EndReason::kMore) return std::vector<Document>();
        RETURN_IF_ERROR(cursor->Next(ctx, 256, &batch));
      } while (batch.rows.empty());
      return std::exchange(batch.rows, {});
    });
  }

  const bool eventual_;
  fulltext::TextSchema schema_;
  std::shared_ptr<Source> source_;
};

OptionTable<FulltextOptions> Table() {
  OptionTable<FulltextOptions> t;
  t.Path("path", &FulltextOptions::path, "", "the index' directory; one process at a time")
      .Required();
  t.Json(
       "fields", &FulltextOptions::fields, "",
       R"({"type":"object","minProperties":1,"additionalProperties":{"type":"object","properties":)"
       R"({"weight":{"type":"integer","minimum":1,"maximum":1000},"language":{"type":"string"},)"
       R"("stop_words":{"type":"boolean"}},"additionalProperties":false}})",
       "paths whose words are indexed, each with weight (1), language (english) and stop_words "
       "(true)",
       fulltext::ReadFields)
      .Required();
  t.Json("terms", &FulltextOptions::terms, "[]", R"({"type":"array","items":{"type":"string"}})",
         "paths whose exact values narrow a search (eq, in)", fulltext::ReadPaths);
  t.Json("values", &FulltextOptions::values, "[]", R"({"type":"array","items":{"type":"string"}})",
         "paths whose values narrow a search by ranges, and can be counted as facets",
         fulltext::ReadPaths);
  t.Bool("spelling", &FulltextOptions::spelling, true, "notes words for suggestions");
  t.Enum("freshness", &FulltextOptions::freshness, {"latest", "eventual"}, TextFreshness::kLatest,
         "whether a search waits for what was written through this stage");
  t.Duration("commit_after", &FulltextOptions::commit_after, "1s",
             "how long a change may wait to be seen by searches");
  t.Integer("commit_changes", &FulltextOptions::commit_changes, 10000,
            "changes that are committed together at most")
      .Range(1, 100000000);
  t.Size("commit_bytes", &FulltextOptions::commit_bytes, "64MiB",
         "bytes of documents that are committed together at most");
  t.Duration("max_wait", &FulltextOptions::max_wait, "30s",
             "how long a search waits for the index before it says how far behind it is");
  t.Integer("snippet_length", &FulltextOptions::snippet_length, 200, "bytes of a snippet, about")
      .Range(20, 10000);
  return t;
}

StatusOr<std::shared_ptr<Store>> Build(const FulltextOptions& options, StoreInfo info,
                                       const BuildContext&) {
  auto store = std::make_shared<FulltextStore>(std::move(info), options);
  RETURN_IF_ERROR(store->Start(options));
  return store;
}

}  // namespace

Status RegisterFulltext(StageRegistry& registry) {
  StageType type =
      MakeStageType<FulltextOptions>("fulltext", "finds words in documents, by Xapian",
                                     "//wrappers/fulltext", Children::kOne, Table(), Build);
  type.order.needs_feed = true;
  type.order.exclusive_option = "path";
  return registry.Register(std::move(type));
}

}  // namespace strata
