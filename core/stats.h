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

// The calling thread's slot. Slots below kNone belong to one thread at a time; who has none (not
// yet, or because all are taken) counts where everybody may.
class ThreadSlot {
 public:
  static constexpr int kNone = 64;
  static int Current() { return current_; }
  // Takes a slot when there is one.
  static int Acquire();

 private:
  struct Releaser;
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

  // As Add(counter), for a path without calls: false, and nothing is added, when Add would return a
  // multiple of `every` or take longer.
  [[gnu::always_inline]] bool AddBetween(int counter, uint64_t every) {
    Block* block = blocks_[ThreadSlot::Current()].load(std::memory_order_acquire);
    if (block == nullptr) [[unlikely]]
      return false;
    std::atomic<uint64_t>& c = block->values[counter];
    if (c.load(std::memory_order_relaxed) % every == 0) [[unlikely]]
      return false;
    AddTo(c, 1);
    return true;
  }
  // Adds and returns this slot's value before the addition (used for sampling).
  [[gnu::always_inline]] uint64_t Add(int counter, uint64_t n = 1) {
    Block* block = blocks_[ThreadSlot::Current()].load(std::memory_order_acquire);
    if (block == nullptr) [[unlikely]]
      return AddFirst(counter, n);
    return AddTo(block->values[counter], n);
  }

  uint64_t Read(int counter) const {
    uint64_t sum = shared_[counter].load(std::memory_order_relaxed);
    for (const auto& b : blocks_) {
      if (const Block* block = b.load(std::memory_order_acquire)) {
        sum += block->values[counter].load(std::memory_order_relaxed);
      }
    }
    return sum;
  }

 private:
  using Counters = std::array<std::atomic<uint64_t>, N>;
  struct alignas(64) Block {
    Counters values{};
  };

  // Requires: the counter is this thread's own.
  static uint64_t AddTo(std::atomic<uint64_t>& c, uint64_t n) {
    const uint64_t old = c.load(std::memory_order_relaxed);
    c.store(old + n, std::memory_order_relaxed);
    return old;
  }

  // What is rare: the thread's first addition here, or a thread without a slot.
  [[gnu::noinline]] uint64_t AddFirst(int counter, uint64_t n) {
    const int slot = ThreadSlot::Acquire();
    if (slot == ThreadSlot::kNone) return shared_[counter].fetch_add(n, std::memory_order_relaxed);
    Block* block = blocks_[slot].load(std::memory_order_acquire);
    if (block == nullptr) {
      block = std::make_unique<Block>().release();
      blocks_[slot].store(block, std::memory_order_release);
    }
    return AddTo(block->values[counter], n);
  }

  std::array<std::atomic<Block*>, ThreadSlot::kNone + 1> blocks_{};  // the last stays null
  Counters shared_{};
};

}  // namespace strata

#endif  // STRATA_CORE_STATS_H_
