#include "core/stats.h"

namespace strata {
namespace {

std::atomic<uint64_t> used_slots{0};

}  // namespace

ThreadSlot::ThreadSlot() : index_(kShared) {
  uint64_t used = used_slots.load(std::memory_order_acquire);
  while (used != ~uint64_t{0}) {
    const int free = __builtin_ctzll(~used);
    // Acquire: the slot's last owner has finished its additions.
    if (used_slots.compare_exchange_weak(used, used | (uint64_t{1} << free),
                                         std::memory_order_acq_rel)) {
      index_ = free;
      return;
    }
  }
}

ThreadSlot::~ThreadSlot() {
  if (index_ != kShared) used_slots.fetch_and(~(uint64_t{1} << index_), std::memory_order_acq_rel);
}

}  // namespace strata
