#include "core/stats.h"

namespace strata {
namespace {

std::atomic<uint64_t> used_slots{0};
thread_local constinit bool tried = false;  // to take a slot; also while the thread is taken down

}  // namespace

thread_local constinit int ThreadSlot::current_ = kNone;

// Gives the slot back when the thread ends.
struct ThreadSlot::Releaser {
  int index = kNone;
  ~Releaser() {
    current_ = kNone;
    if (index != kNone) used_slots.fetch_and(~(uint64_t{1} << index), std::memory_order_acq_rel);
  }
};

int ThreadSlot::Acquire() {
  if (tried) return current_;
  tried = true;
  thread_local Releaser releaser;
  uint64_t used = used_slots.load(std::memory_order_acquire);
  while (used != ~uint64_t{0}) {
    const int free = __builtin_ctzll(~used);
    // Acquire: the slot's last owner has finished its additions.
    if (used_slots.compare_exchange_weak(used, used | (uint64_t{1} << free),
                                         std::memory_order_acq_rel)) {
      releaser.index = free;
      break;
    }
  }
  current_ = releaser.index;
  return current_;
}

}  // namespace strata
