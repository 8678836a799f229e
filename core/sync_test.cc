#include "core/sync.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace strata {
namespace {

// Two words that writers change one after the other: who is let in beside a writer sees them
// differ.
struct Guarded {
  SharedMutex mutex;
  uint64_t a = 0;
  uint64_t b = 0;
};

TEST(SharedMutex, LetsNobodyInBesideAWriter) {
  constexpr int kReaders = 3, kWriters = 2, kWrites = 20000;
  Guarded g;
  std::atomic<bool> done{false};
  std::atomic<uint64_t> torn{0};
  std::vector<std::thread> readers, writers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      while (!done.load(std::memory_order_relaxed)) {
        ReadLock lock(g.mutex);
        torn += g.a != g.b;
      }
    });
  }
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&] {
      for (int n = 0; n < kWrites; ++n) {
        WriteLock lock(g.mutex);
        ++g.a;
        ++g.b;
      }
    });
  }
  // That they end at all says that readers without a pause do not starve them.
  for (auto& w : writers) w.join();
  done = true;
  for (auto& r : readers) r.join();
  EXPECT_EQ(torn, 0u);
  EXPECT_EQ(g.a, static_cast<uint64_t>(kWriters) * kWrites);
  EXPECT_EQ(g.b, g.a);
}

TEST(SharedMutex, ReadersShareIt) {
  SharedMutex mutex;
  std::atomic<int> inside{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      ReadLock lock(mutex);
      ++inside;
      while (inside < 4) std::this_thread::yield();  // only all together get on
    });
  }
  for (auto& r : readers) r.join();
  EXPECT_EQ(inside, 4);
}

TEST(SharedMutex, AWaitingWriterKeepsNewReadersOut) {
  SharedMutex mutex;
  std::atomic<bool> wrote{false};
  mutex.lock_shared();
  std::thread writer([&] {
    WriteLock lock(mutex);
    wrote = true;
  });
  // A reader that gets in again and again beside this thread, until the writer waits.
  std::atomic<uint64_t> reads{0};
  std::thread reader([&] {
    while (!wrote) {
      ReadLock lock(mutex);
      ++reads;
    }
  });
  // Once it gets in no more, it stays out as long as this thread reads.
  for (uint64_t seen = ~uint64_t{0}; reads != seen;) {
    seen = reads;
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  }
  EXPECT_FALSE(wrote);
  mutex.unlock_shared();
  writer.join();
  reader.join();
  EXPECT_TRUE(wrote);
}

}  // namespace
}  // namespace strata
