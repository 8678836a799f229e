// Small results of queries, kept while nothing is written.
//
// A result is kept when the inner plan gave all of it in one batch, under the plan's text with its
// parameters and the version of the data before it was opened. Every write through the stage and
// every piece of news of others makes a new version, before and after. A time to live bounds what
// is not heard of.
//
// Safe for concurrent use.
#ifndef STRATA_WRAPPERS_CACHE_QUERY_CACHE_H_
#define STRATA_WRAPPERS_CACHE_QUERY_CACHE_H_

#include <atomic>
#include <list>
#include <memory>
#include <string>

#include "core/abseil.h"
#include "core/sync.h"
#include "query/plan.h"

namespace strata::cache {

struct QueryResult {
  std::vector<Document> rows;
  EndReason end = EndReason::kExhausted;
  std::optional<uint64_t> total;
  std::string position;  // of the inner cursor at its end
};

class QueryCache : public std::enable_shared_from_this<QueryCache> {
 public:
  // `ttl`: milliseconds of the clock `now` for which a result is served; 0: as long as its version.
  QueryCache(size_t max_bytes, int64_t ttl, int64_t (*now)())
      : max_bytes_(max_bytes), ttl_(ttl), now_(now) {}

  // The plan with its results kept here.
  std::unique_ptr<Plan> Wrap(std::unique_ptr<Plan> inner, const Query& query, std::string stage);

  void BeginWrite() {
    writers_.fetch_add(1);
    version_.fetch_add(1);
  }
  void EndWrite() {
    version_.fetch_add(1);
    writers_.fetch_sub(1);
  }
  void News() { version_.fetch_add(1); }

  uint64_t hits() const { return hits_.load(std::memory_order_relaxed); }
  uint64_t misses() const { return misses_.load(std::memory_order_relaxed); }
  uint64_t bytes() const;

 private:
  class CachingPlan;
  class CachingCursor;
  struct Kept {
    std::string key;
    uint64_t version = 0;
    int64_t until = 0;
    size_t bytes = 0;
    std::shared_ptr<const QueryResult> result;
  };

  // The current version; nothing while somebody writes.
  std::optional<uint64_t> Version() const {
    const uint64_t v = version_.load();
    if (writers_.load() != 0) return std::nullopt;
    return v;
  }
  std::shared_ptr<const QueryResult> Find(const std::string& key, uint64_t version);
  // When what is read from now on ends.
  int64_t Until() const { return ttl_ == 0 ? INT64_MAX : now_() + ttl_; }
  void Keep(const std::string& key, uint64_t version, int64_t until,
            std::shared_ptr<const QueryResult> result);
  void Drop(std::list<Kept>::iterator it) REQUIRES_LOCK(mutex_);

  const size_t max_bytes_;
  const int64_t ttl_;
  int64_t (*const now_)();
  std::atomic<uint64_t> version_{0};
  std::atomic<int64_t> writers_{0};
  std::atomic<uint64_t> hits_{0};
  std::atomic<uint64_t> misses_{0};
  mutable Mutex mutex_;
  std::list<Kept> kept_ STRATA_GUARDED_BY(mutex_);  // the one used last in front
  StringMap<std::list<Kept>::iterator> by_key_ STRATA_GUARDED_BY(mutex_);
  size_t bytes_ STRATA_GUARDED_BY(mutex_) = 0;
};

}  // namespace strata::cache

#endif  // STRATA_WRAPPERS_CACHE_QUERY_CACHE_H_
