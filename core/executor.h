// Executor: threads that run tasks for whoever fans out. Comes in through the build context.
#ifndef STRATA_CORE_EXECUTOR_H_
#define STRATA_CORE_EXECUTOR_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "core/sync.h"

namespace strata {

// Safe for concurrent use. Tasks must not throw.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void Submit(std::function<void()> task) = 0;
};

// A fixed number of threads; the destructor runs what was submitted and joins them.
class ThreadPool final : public Executor {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool() override;
  void Submit(std::function<void()> task) override;

 private:
  void Work();

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> tasks_ STRATA_GUARDED_BY(mutex_);
  bool stopping_ STRATA_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace strata

#endif  // STRATA_CORE_EXECUTOR_H_
