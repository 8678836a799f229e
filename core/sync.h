// Mutexes with Clang's thread-safety annotations over the standard ones.
//
// absl::Mutex is not used: Debian's uninstrumented build gives false reports under ThreadSanitizer.
#ifndef STRATA_CORE_SYNC_H_
#define STRATA_CORE_SYNC_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#if defined(__clang__)
#define STRATA_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define STRATA_THREAD_ANNOTATION(x)
#endif

#define STRATA_GUARDED_BY(x) STRATA_THREAD_ANNOTATION(guarded_by(x))
#define REQUIRES_LOCK(...) STRATA_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED_LOCK(...) STRATA_THREAD_ANNOTATION(requires_shared_capability(__VA_ARGS__))
#define EXCLUDES_LOCK(...) STRATA_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define STRATA_NO_THREAD_SAFETY_ANALYSIS STRATA_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace strata {

class STRATA_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  void lock() STRATA_THREAD_ANNOTATION(acquire_capability()) { m_.lock(); }
  void unlock() STRATA_THREAD_ANNOTATION(release_capability()) { m_.unlock(); }

 private:
  std::mutex m_;
};

// Many readers or one writer. Readers pay two atomic additions in line; who comes while a writer
// holds it or waits for it sleeps behind him, so writers are not starved. Not recursive.
class STRATA_THREAD_ANNOTATION(capability("mutex")) SharedMutex {
 public:
  void lock() STRATA_THREAD_ANNOTATION(acquire_capability()) {
    writers_.lock();
    uint32_t s = state_.fetch_or(kWriter, std::memory_order_acquire) | kWriter;
    for (; s != kWriter; s = state_.load(std::memory_order_acquire)) state_.wait(s);
  }
  void unlock() STRATA_THREAD_ANNOTATION(release_capability()) {
    state_.fetch_and(~kWriter, std::memory_order_release);
    state_.notify_all();
    writers_.unlock();
  }
  void lock_shared() STRATA_THREAD_ANNOTATION(acquire_shared_capability()) {
    while (state_.fetch_add(kReader, std::memory_order_acquire) & kWriter) [[unlikely]] StepBack();
  }
  void unlock_shared() STRATA_THREAD_ANNOTATION(release_shared_capability()) {
    if (state_.fetch_sub(kReader, std::memory_order_release) == (kWriter | kReader)) [[unlikely]]
      state_.notify_all();  // the last one in the writer's way
  }

 private:
  static constexpr uint32_t kWriter = 1;  // one holds it, or waits until the readers have left
  static constexpr uint32_t kReader = 2;  // so much is added for each

  [[gnu::noinline]] void StepBack() STRATA_NO_THREAD_SAFETY_ANALYSIS {
    unlock_shared();
    uint32_t s = state_.load(std::memory_order_acquire);
    for (; s & kWriter; s = state_.load(std::memory_order_acquire)) state_.wait(s);
  }

  std::mutex writers_;
  std::atomic<uint32_t> state_{0};
};

template <typename M>
class STRATA_THREAD_ANNOTATION(scoped_lockable) BasicLock {
 public:
  explicit BasicLock(M& m) STRATA_THREAD_ANNOTATION(acquire_capability(m)) : m_(m) { m_.lock(); }
  ~BasicLock() STRATA_THREAD_ANNOTATION(release_capability()) { m_.unlock(); }
  BasicLock(const BasicLock&) = delete;
  BasicLock& operator=(const BasicLock&) = delete;

 private:
  M& m_;
};
using MutexLock = BasicLock<Mutex>;
using WriteLock = BasicLock<SharedMutex>;

class STRATA_THREAD_ANNOTATION(scoped_lockable) ReadLock {
 public:
  explicit ReadLock(SharedMutex& m) STRATA_THREAD_ANNOTATION(acquire_shared_capability(m)) : m_(m) {
    m_.lock_shared();
  }
  ~ReadLock() STRATA_THREAD_ANNOTATION(release_capability()) { m_.unlock_shared(); }
  ReadLock(const ReadLock&) = delete;
  ReadLock& operator=(const ReadLock&) = delete;

 private:
  SharedMutex& m_;
};

// A condition variable over Mutex. Waits may wake for no reason: call in a loop.
class CondVar {
 public:
  void Wait(Mutex& m) REQUIRES_LOCK(m) STRATA_NO_THREAD_SAFETY_ANALYSIS { cv_.wait(m); }
  template <typename TimePoint>
  void WaitUntil(Mutex& m, TimePoint t) REQUIRES_LOCK(m) STRATA_NO_THREAD_SAFETY_ANALYSIS {
    cv_.wait_until(m, t);
  }
  void NotifyAll() { cv_.notify_all(); }
  void NotifyOne() { cv_.notify_one(); }

 private:
  std::condition_variable_any cv_;
};

}  // namespace strata

#endif  // STRATA_CORE_SYNC_H_
