// A gate that many may hold shared or one alone. Who waits to hold it alone keeps newcomers out, so
// that a stream of readers cannot keep a writer waiting for ever.
#ifndef STRATA_WRAPPERS_CORE_GATE_H_
#define STRATA_WRAPPERS_CORE_GATE_H_

#include "core/context.h"
#include "core/sync.h"
#include "store/change_log.h"

namespace strata {

// Not reentrant. Entering ends with the context.
class Gate {
 public:
  class Pass {
   public:
    Pass() = default;
    Pass(Gate* gate, bool alone) : gate_(gate), alone_(alone) {}
    Pass(Pass&& other) noexcept : gate_(other.gate_), alone_(other.alone_) {
      other.gate_ = nullptr;
    }
    Pass& operator=(Pass&&) = delete;
    ~Pass() { Leave(); }
    void Leave() {
      if (gate_ != nullptr) gate_->Leave(alone_);
      gate_ = nullptr;
    }

   private:
    Gate* gate_ = nullptr;
    bool alone_ = false;
  };

  StatusOr<Pass> Enter(const Context& ctx, bool alone) {
    MutexLock lock(mutex_);
    if (alone) ++waiting_;
    Status s = OkStatus();
    while (s.ok() && (alone ? inside_ != 0 : inside_ < 0 || waiting_ > 0))
      s = WaitWithContext(ctx, mutex_, changed_);
    if (alone) --waiting_;
    if (!s.ok()) {
      changed_.NotifyAll();
      return s;
    }
    inside_ += alone ? -1 : 1;
    return Pass(this, alone);
  }

 private:
  void Leave(bool alone) {
    MutexLock lock(mutex_);
    inside_ += alone ? 1 : -1;
    if (inside_ == 0) changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  int64_t inside_ STRATA_GUARDED_BY(mutex_) = 0;  // -1: one alone
  int64_t waiting_ STRATA_GUARDED_BY(mutex_) = 0;
};

}  // namespace strata

#endif  // STRATA_WRAPPERS_CORE_GATE_H_
