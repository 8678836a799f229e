#include "wrappers/core/retrying_thread.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace strata {

RetryingThread::RetryingThread(std::function<Status(const Context&)> attempt,
                               std::function<void(const Status&)> lost)
    : attempt_(std::move(attempt)), lost_(std::move(lost)), thread_([this] { Run(); }) {}

void RetryingThread::Stop() {
  stop_.Cancel();
  {
    MutexLock lock(mutex_);
    stopped_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void RetryingThread::Run() {
  std::chrono::milliseconds pause(10);
  while (!context_.cancelled()) {
    const auto began = std::chrono::steady_clock::now();
    const Status s = attempt_(context_);
    if (context_.cancelled()) return;
    lost_(s);
    const auto now = std::chrono::steady_clock::now();
    if (now - began > std::chrono::seconds(10)) pause = std::chrono::milliseconds(10);
    const auto until = now + pause;
    pause = std::min(pause * 2, std::chrono::milliseconds(5000));
    MutexLock lock(mutex_);
    while (!context_.cancelled() && std::chrono::steady_clock::now() < until)
      stopped_.WaitUntil(mutex_, until);
  }
}

}  // namespace strata
