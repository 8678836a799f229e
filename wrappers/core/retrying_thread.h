// A thread that does something for as long as it can, and when that fails does it again after a
// pause.
#ifndef STRATA_WRAPPERS_CORE_RETRYING_THREAD_H_
#define STRATA_WRAPPERS_CORE_RETRYING_THREAD_H_

#include <chrono>
#include <functional>
#include <thread>

#include "core/context.h"
#include "core/sync.h"

namespace strata {

// Pauses double from 10 ms up to five seconds, and begin at 10 ms again once it has gone well for
// ten seconds. For one thread.
class RetryPause {
 public:
  // `ran`: for how long it went well before it failed.
  std::chrono::milliseconds After(std::chrono::steady_clock::duration ran);

 private:
  std::chrono::milliseconds next_{10};
};

// One thread owns and stops it; the context may be used from any.
class RetryingThread {
 public:
  // `attempt` returns when it fails or its context is cancelled; `lost` hears why it failed. Both
  // run on the thread, at once from here on.
  RetryingThread(std::function<Status(const Context&)> attempt,
                 std::function<void(const Status&)> lost);
  ~RetryingThread() { Stop(); }
  RetryingThread(const RetryingThread&) = delete;
  RetryingThread& operator=(const RetryingThread&) = delete;

  // Cancels the context and waits for the thread.
  void Stop();
  const Context& context() const { return context_; }

 private:
  void Run();

  const std::function<Status(const Context&)> attempt_;
  const std::function<void(const Status&)> lost_;
  CancelSource stop_;
  const Context context_ = Context::Background().WithCancel(stop_);
  Mutex mutex_;
  CondVar stopped_;
  std::thread thread_;  // last, so that it begins with everything there
};

}  // namespace strata

#endif  // STRATA_WRAPPERS_CORE_RETRYING_THREAD_H_
