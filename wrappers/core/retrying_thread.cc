#include "wrappers/core/retrying_thread.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace strata {
namespace {

constexpr std::chrono::milliseconds kFirst(10);
constexpr std::chrono::milliseconds kLongest(5000);
constexpr std::chrono::seconds kGoesWell(10);

}  // namespace

std::chrono::milliseconds RetryPause::After(std::chrono::steady_clock::duration ran) {
  if (ran > kGoesWell) next_ = kFirst;
  const std::chrono::milliseconds pause = next_;
  next_ = std::min(pause * 2, kLongest);
  return pause;
}

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
  RetryPause pause;
  while (!context_.cancelled()) {
    const auto began = std::chrono::steady_clock::now();
    const Status s = attempt_(context_);
    if (context_.cancelled()) return;
    lost_(s);
    const auto now = std::chrono::steady_clock::now();
    const auto until = now + pause.After(now - began);
    MutexLock lock(mutex_);
    while (!context_.cancelled() && std::chrono::steady_clock::now() < until)
      stopped_.WaitUntil(mutex_, until);
  }
}

}  // namespace strata
