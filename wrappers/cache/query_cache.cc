#include "wrappers/cache/query_cache.h"

#include "query/query.h"

namespace strata::cache {

// Serves a kept result when the caller takes it in one batch, else runs the inner plan.
class QueryCache::CachingCursor final : public Cursor {
 public:
  CachingCursor(std::shared_ptr<QueryCache> cache, const Plan& plan, const OpenOptions& options,
                std::string key, std::string stage)
      : cache_(std::move(cache)),
        plan_(plan),
        options_(options),
        params_(options.params.begin(), options.params.end()),
        key_(std::move(key)),
        stage_(std::move(stage)) {
    options_.params = params_;
  }

  // Requires: called once, before anything else.
  Status Open(const Context& ctx) {
    version_ = cache_->Version();
    until_ = cache_->Until();
    if (version_) found_ = cache_->Find(key_, *version_);
    if (found_ != nullptr) return OkStatus();
    return OpenInner(ctx);
  }

  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    RETURN_IF_ERROR(ctx.Check());
    const bool first = !std::exchange(began_, true);
    if (found_ != nullptr) {
      if (first && found_->rows.size() <= max_rows) {
        batch->rows = found_->rows;
        batch->end = found_->end;
        batch->total = found_->total;
        served_ = true;
        cache_->hits_.fetch_add(1, std::memory_order_relaxed);
        return OkStatus();
      }
      if (served_) {
        batch->rows.clear();
        batch->end = found_->end;
        return OkStatus();
      }
      found_ = nullptr;
      version_.reset();  // it is opened later than the version was looked at
      RETURN_IF_ERROR(OpenInner(ctx));
    }
    RETURN_IF_ERROR(inner_->Next(ctx, max_rows, batch));
    if (first) {
      cache_->misses_.fetch_add(1, std::memory_order_relaxed);
      if (version_ && batch->end != EndReason::kMore) {
        cache_->Keep(key_, *version_, until_,
                     std::make_shared<QueryResult>(
                         QueryResult{batch->rows, batch->end, batch->total, inner_->Position()}));
      }
    }
    return OkStatus();
  }

  std::string Position() const override {
    if (inner_ != nullptr) return inner_->Position();
    return served_ ? found_->position : options_.position;
  }

  ExplainNode Explain() const override {
    ExplainNode n;
    n.stage = stage_;
    n.operation = served_ ? "kept result" : "keep result";
    if (served_) n.rows = found_->rows.size();
    if (inner_ != nullptr) n.children.push_back(inner_->Explain());
    return n;
  }

 private:
  Status OpenInner(const Context& ctx) {
    ASSIGN_OR_RETURN(inner_, plan_.Open(ctx, options_));
    return OkStatus();
  }

  const std::shared_ptr<QueryCache> cache_;
  const Plan& plan_;
  OpenOptions options_;
  const std::vector<Node> params_;
  const std::string key_;
  const std::string stage_;
  std::optional<uint64_t> version_;
  int64_t until_ = 0;
  std::shared_ptr<const QueryResult> found_;
  std::unique_ptr<Cursor> inner_;
  bool began_ = false;
  bool served_ = false;
};

class QueryCache::CachingPlan final : public Plan {
 public:
  CachingPlan(std::shared_ptr<QueryCache> cache, std::unique_ptr<Plan> inner, const Query& query,
              std::string stage)
      : cache_(std::move(cache)),
        inner_(std::move(inner)),
        query_(query),
        text_(query.param_count() == 0 ? query.ToString() : ""),
        stage_(std::move(stage)) {}

  const Query& residual() const override { return inner_->residual(); }

  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    if (!options.position.empty()) return inner_->Open(ctx, options);
    std::string key = text_;
    if (query_.param_count() > 0) {
      ASSIGN_OR_RETURN(const Query bound, BindParameters(query_, options.params));
      key = bound.ToString();
    }
    auto cursor = std::make_unique<CachingCursor>(cache_, *inner_, options, std::move(key), stage_);
    RETURN_IF_ERROR(cursor->Open(ctx));
    return cursor;
  }

  ExplainNode Explain() const override {
    ExplainNode n;
    n.stage = stage_;
    n.operation = "keep result";
    n.children.push_back(inner_->Explain());
    return n;
  }

 private:
  const std::shared_ptr<QueryCache> cache_;
  const std::unique_ptr<Plan> inner_;
  const Query query_;
  const std::string text_;  // of a query without parameters
  const std::string stage_;
};

std::unique_ptr<Plan> QueryCache::Wrap(std::unique_ptr<Plan> inner, const Query& query,
                                       std::string stage) {
  return std::make_unique<CachingPlan>(shared_from_this(), std::move(inner), query,
                                       std::move(stage));
}

uint64_t QueryCache::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

std::shared_ptr<const QueryResult> QueryCache::Find(const std::string& key, uint64_t version) {
  MutexLock lock(mutex_);
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return nullptr;
  if (it->second->version != version || (ttl_ > 0 && now_() >= it->second->until)) {
    Drop(it->second);
    return nullptr;
  }
  kept_.splice(kept_.begin(), kept_, it->second);
  return it->second->result;
}

void QueryCache::Keep(const std::string& key, uint64_t version, int64_t until,
                      std::shared_ptr<const QueryResult> result) {
  if (Version() != version) return;
  size_t bytes = 256 + 2 * key.size();
  for (const Document& d : result->rows) bytes += sizeof d + d.text().size();
  if (bytes > max_bytes_ / 8) return;
  MutexLock lock(mutex_);
  if (const auto it = by_key_.find(key); it != by_key_.end()) Drop(it->second);
  kept_.push_front({key, version, until, bytes, std::move(result)});
  by_key_[key] = kept_.begin();
  bytes_ += bytes;
  while (bytes_ > max_bytes_) Drop(std::prev(kept_.end()));
}

void QueryCache::Drop(std::list<Kept>::iterator it) {
  bytes_ -= it->bytes;
  by_key_.erase(it->key);
  kept_.erase(it);
}

}  // namespace strata::cache
