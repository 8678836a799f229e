// Automatic indexes: what queries missed is built, what they stopped using goes.
//
// Perstore made an index as soon as a query filtered by a property, and never dropped one. Here an
// index is built when sixteen queries have looked in vain at twice as many documents as the store
// has, which is more than the build costs; never more than a budget of them; and one is dropped
// only when another waits for its place and it served no query for three rounds of decisions.
#ifndef STRATA_STORE_AUTO_INDEX_H_
#define STRATA_STORE_AUTO_INDEX_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/sync.h"
#include "store/index_admin.h"
#include "store/index_options.h"
#include "store/introspection.h"

namespace strata {

// A candidate that is worth an index.
struct IndexProposal {
  IndexSpec spec;
  QueryLog::Candidate saved;
  std::string command;  // what an operator would say: "index … build price"
};
// The best first; without those that an index with the same leading paths serves already.
std::vector<IndexProposal> ProposeIndexes(const std::vector<IndexReport>& indexes,
                                          const std::vector<QueryLog::Candidate>& candidates,
                                          double documents);

// Decides in rounds. Belongs to one thread at a time.
class AutoIndexer {
 public:
  AutoIndexer(IndexAdmin* admin, AutoIndex mode, size_t budget)
      : admin_(admin), mode_(mode), budget_(budget) {}
  // What was done, or with kDryRun would be, in words; "" for nothing.
  std::string Round(double documents);
  // Of the last round: not OK when an index could not be built or dropped.
  const Status& status() const { return status_; }

 private:
  static constexpr int kIdleRounds = 3;
  IndexAdmin* const admin_;
  const AutoIndex mode_;
  const size_t budget_;
  struct Idle {
    uint64_t uses = 0;
    int rounds = 0;
  };
  std::map<std::string, Idle> idle_;
  Status status_;
};

// Runs rounds once a second until it is destroyed. `documents` is called from its thread. Safe for
// concurrent use.
class AutoIndexThread {
 public:
  AutoIndexThread(IndexAdmin* admin, AutoIndex mode, size_t budget,
                  std::function<double()> documents);
  ~AutoIndexThread();
  // Rounds that failed. Nobody asked for them, so nobody else is told.
  Metric failures() const {
    return {"auto_index_failures", MetricKind::kCounter,
            static_cast<double>(failures_.load(std::memory_order_relaxed)),
            "automatic indexes that could not be built or dropped"};
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool stop_ STRATA_GUARDED_BY(mutex_) = false;
  std::atomic<uint64_t> failures_{0};
  std::thread thread_;
};

}  // namespace strata

#endif  // STRATA_STORE_AUTO_INDEX_H_
