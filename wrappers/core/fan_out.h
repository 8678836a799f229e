// Doing several things at once, with the caller among those who work.
#ifndef STRATA_WRAPPERS_CORE_FAN_OUT_H_
#define STRATA_WRAPPERS_CORE_FAN_OUT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/executor.h"
#include "core/sync.h"

namespace strata {

// Runs all tasks and returns when all have ended. The caller runs whatever no thread has begun, so
// stages that fan out over one executor may stand over one another.
inline void FanOut(Executor& executor, std::vector<std::function<void()>> tasks) {
  if (tasks.empty()) return;
  struct Shared {
    explicit Shared(std::vector<std::function<void()>> all)
        : tasks(std::move(all)), begun(tasks.size()) {}
    bool RunOne(size_t i) {
      if (begun[i].exchange(true)) return false;
      tasks[i]();
      MutexLock lock(mutex);
      if (++ended == tasks.size()) all_ended.NotifyAll();
      return true;
    }
    std::vector<std::function<void()>> tasks;
    std::vector<std::atomic<bool>> begun;
    Mutex mutex;
    CondVar all_ended;
    size_t ended STRATA_GUARDED_BY(mutex) = 0;
  };
  auto shared = std::make_shared<Shared>(std::move(tasks));
  const size_t count = shared->tasks.size();
  for (size_t i = 1; i < count; ++i) executor.Submit([shared, i] { shared->RunOne(i); });
  for (size_t i = 0; i < count; ++i) shared->RunOne(i);
  MutexLock lock(shared->mutex);
  while (shared->ended < count) shared->all_ended.Wait(shared->mutex);
}

}  // namespace strata

#endif  // STRATA_WRAPPERS_CORE_FAN_OUT_H_
