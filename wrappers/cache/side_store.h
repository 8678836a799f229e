// Where a cache keeps documents when it is given a store for them ("in").
#ifndef STRATA_WRAPPERS_CACHE_SIDE_STORE_H_
#define STRATA_WRAPPERS_CACHE_SIDE_STORE_H_

#include <atomic>
#include <span>
#include <string>
#include <string_view>

#include "store/store.h"

namespace strata::cache {

// Each entry is a document {"id":"cache:STAGE:ID","by":…,"revision":…,"document":…}, so that
// several caches may share the store; `by` is this object's own. Nothing else in the store is
// touched. A failure of the store never fails a read: the entry is then as good as not there. What
// cannot be dropped stays until its id is put again or the store is opened. Safe for concurrent
// use.
class SideStore {
 public:
  // `stage`: the cache's place in the pipeline.
  SideStore(Store& store, std::string_view stage);

  // Before use: removes what an earlier process left for this stage, as nobody knows what has been
  // written meanwhile. FailedPrecondition when there is anything but entries of caches.
  Status Open(const Context& ctx);
  bool Put(std::string_view id, const Record& record);
  // Completes a record of which the revision is known; false when something else is there.
  bool Read(const Context& ctx, std::string_view id, Record* record);
  void Drop(std::string_view id);
  void DropAll(std::span<const std::string> ids);
  uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

 private:
  // Goes on after a failure, and gives the first one.
  Status Remove(const Context& ctx, std::span<const std::string> ids);

  Store& store_;
  const std::string prefix_;  // of the ids
  const std::string by_;      // a JSON string
  std::atomic<uint64_t> failures_{0};
};

}  // namespace strata::cache

#endif  // STRATA_WRAPPERS_CACHE_SIDE_STORE_H_
