// PlanCache: prepared scans by the canonical text of their query, so that a query that comes often
// is compiled and planned once. Bounded; the one that was not asked for longest goes first. Safe
// for concurrent use.
#ifndef STRATA_STORE_PLAN_CACHE_H_
#define STRATA_STORE_PLAN_CACHE_H_

#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "core/abseil.h"
#include "core/sync.h"

namespace strata {

struct PreparedScan;  // scan_plan.cc

class PlanCache {
 public:
  explicit PlanCache(size_t plans = 256) : capacity_(plans) {}

  std::shared_ptr<const PreparedScan> Find(std::string_view text) {
    MutexLock lock(mutex_);
    const auto it = by_text_.find(text);
    if (it == by_text_.end()) return nullptr;
    order_.splice(order_.begin(), order_, it->second);
    return it->second->second;
  }

  void Insert(const std::string& text, std::shared_ptr<const PreparedScan> plan) {
    if (text.size() > kMaxText) return;
    MutexLock lock(mutex_);
    if (const auto it = by_text_.find(text); it != by_text_.end()) {
      it->second->second = std::move(plan);
      return;
    }
    order_.emplace_front(text, std::move(plan));
    by_text_[text] = order_.begin();
    if (order_.size() > capacity_) {
      by_text_.erase(order_.back().first);
      order_.pop_back();
    }
  }

 private:
  static constexpr size_t kMaxText = 4096;  // longer queries are not kept
  using Order = std::list<std::pair<std::string, std::shared_ptr<const PreparedScan>>>;

  const size_t capacity_;
  Mutex mutex_;
  Order order_ STRATA_GUARDED_BY(mutex_);  // the last used first
  StringMap<Order::iterator> by_text_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata

#endif  // STRATA_STORE_PLAN_CACHE_H_
