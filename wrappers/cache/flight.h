// One reader fetches, the others wait for it.
//
// Safe for concurrent use, but for what the table's lock guards.
#ifndef STRATA_WRAPPERS_CACHE_FLIGHT_H_
#define STRATA_WRAPPERS_CACHE_FLIGHT_H_

#include <optional>

#include "core/context.h"
#include "core/sync.h"
#include "store/record.h"

namespace strata::cache {

class Flight {
 public:
  // Waits for the fetch. Nothing: it failed, and the caller fetches for himself.
  StatusOr<std::optional<std::optional<Record>>> Wait(const Context& ctx);

 private:
  friend class CacheTable;
  void Land(std::optional<std::optional<Record>> result);

  // Both guarded by the mutex of the table's shard.
  bool valid_ = true;
  bool begun_ = true;  // false: of a refresh that nobody works on yet
  Mutex mutex_;
  CondVar landed_;
  bool done_ STRATA_GUARDED_BY(mutex_) = false;
  std::optional<std::optional<Record>> result_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::cache

#endif  // STRATA_WRAPPERS_CACHE_FLIGHT_H_
