#include "wrappers/cache/flight.h"

#include <utility>

#include "store/change_log.h"

namespace strata::cache {

StatusOr<std::optional<std::optional<Record>>> Flight::Wait(const Context& ctx) {
  MutexLock lock(mutex_);
  while (!done_) RETURN_IF_ERROR(WaitWithContext(ctx, mutex_, landed_));
  return result_;
}

void Flight::Land(std::optional<std::optional<Record>> result) {
  {
    MutexLock lock(mutex_);
    done_ = true;
    result_ = std::move(result);
  }
  landed_.NotifyAll();
}

}  // namespace strata::cache
