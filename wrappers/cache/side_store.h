// Where a cache keeps documents when it is given a store for them ("in").
#ifndef STRATA_WRAPPERS_CACHE_SIDE_STORE_H_
#define STRATA_WRAPPERS_CACHE_SIDE_STORE_H_

#include <atomic>
#include <string_view>

#include "store/store.h"

namespace strata::cache {

// Each entry is a document {"id":…,"revision":…,"document":…}. A failure of this store never fails
// a read: the entry is then as good as not there. Safe for concurrent use.
class SideStore {
 public:
  explicit SideStore(Store& store) : store_(store) {}

  // What an earlier process left: nobody knows what has been written meanwhile.
  Status Clear(const Context& ctx);
  bool Put(std::string_view id, const Record& record);
  // Completes a record of which the revision is known; false when something else is there.
  bool Read(const Context& ctx, std::string_view id, Record* record);
  void Drop(std::string_view id);
  uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

 private:
  Store& store_;
  std::atomic<uint64_t> failures_{0};
};

}  // namespace strata::cache

#endif  // STRATA_WRAPPERS_CACHE_SIDE_STORE_H_
