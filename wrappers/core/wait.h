// Waiting that ends with the caller's context.
#ifndef STRATA_WRAPPERS_CORE_WAIT_H_
#define STRATA_WRAPPERS_CORE_WAIT_H_

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/context.h"

namespace strata {

// Waits; the context's error when it ends first. Cancellation is seen within 10 ms.
inline Status WaitFor(const Context& ctx, std::chrono::nanoseconds duration) {
  const auto until = std::chrono::steady_clock::now() + duration;
  for (;;) {
    RETURN_IF_ERROR(ctx.Check());
    const auto now = std::chrono::steady_clock::now();
    if (now >= until) return OkStatus();
    const auto step = now + std::chrono::milliseconds(10);
    std::this_thread::sleep_until(std::min({until, step, ctx.deadline()}));
  }
}

}  // namespace strata

#endif  // STRATA_WRAPPERS_CORE_WAIT_H_
