// Counters that cost about a nanosecond: each thread owns a slot and adds to it without a locked
// instruction.
//
// Safe for concurrent use. Read() sums the slots and may miss an addition that is under way.
#ifndef STRATA_CORE_STATS_H_
#define STRATA_CORE_STATS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

namespace strata {

// The calling thread's slot. Slots below kShared belong to one thread at a time; slot kShared is
// everybody else's.
class ThreadSlot {
 public:
  static constexpr int kShared = 64;
  static constexpr int kCount = kShared + 1;
  static int Current() {
    const int index = current_;
    return index >= 0 ? index : Acquire();
  }

 private:
  struct Releaser;
  static int Acquire();
  // Constant initialisation: reading it needs no guard.
  static thread_local constinit int current_;
};

// N counters kept together, one block a thread.
template <int N>
class CounterSet {
 public:
  CounterSet() = default;
  ~CounterSet() {
    for (auto& b : blocks_) delete b.load(std::memory_order_acquire);
  }
  CounterSet(const CounterSet&) = delete;
  CounterSet& operator=(const CounterSet&) = delete;

  // Adds and returns this slot's value before the addition (used for sampling).
  [[gnu::always_inline]] uint64_t Add(int counter, uint64_t n = 1) {
    const int slot = ThreadSlot::Current();
    Block* block = blocks_[slot].load(std::memory_order_acquire);
    if (block == nullptr) [[unlikely]]
      block = Allocate(slot);
    std::atomic<uint64_t>& c = block->values[counter];
    if (slot == ThreadSlot::kShared) [[unlikely]]
      return c.fetch_add(n, std::memory_order_relaxed);
    const uint64_t old = c.load(std::memory_order_relaxed);
    c.store(old + n, std::memory_order_relaxed);
    return old;
  }

  uint64_t Read(int counter) const {
    uint64_t sum = 0;
    for (const auto& b : blocks_) {
      if (const Block* block = b.load(std::memory_order_acquire)) {
        sum += block->values[counter].load(std::memory_order_relaxed);
      }
    }
    return sum;
  }

 private:
  struct alignas(64) Block {
    std::array<std::atomic<uint64_t>, N> values{};
  };

  Block* Allocate(int slot) {
    auto fresh = std::make_unique<Block>();
    Block* expected = nullptr;
    if (blocks_[slot].compare_exchange_strong(expected, fresh.get(), std::memory_order_acq_rel)) {
      return fresh.release();
    }
    return expected;
  }

  std::array<std::atomic<Block*>, ThreadSlot::kCount> blocks_{};
};

}  // namespace strata

#endif  // STRATA_CORE_STATS_H_
