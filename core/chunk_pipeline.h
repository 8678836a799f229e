// ChunkPipeline: work on chunks of rows by several threads, results in the order of the chunks.
//
//   ChunkPipeline<Chunk> pipeline(executor, [&](Chunk& c) { … c.rows …; });
//   while (pipeline.wants() && more) pipeline.Push(ReadChunk());
//   if (std::optional<Chunk> c = pipeline.Pop()) use(c->rows);
//
// The reader pushes chunks ahead and pops them in order. A chunk that no thread has begun when it
// is popped is worked on by the reader itself, so a busy executor slows nobody down and nothing can
// wait for itself. Belongs to one thread; the work runs on the executor's. The destructor waits for
// the chunks that are being worked on.
#ifndef STRATA_CORE_CHUNK_PIPELINE_H_
#define STRATA_CORE_CHUNK_PIPELINE_H_

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "core/executor.h"
#include "core/sync.h"

namespace strata {

template <typename Chunk>
class ChunkPipeline {
 public:
  static constexpr size_t kAhead = 4;  // chunks under way

  ChunkPipeline(std::shared_ptr<Executor> executor, std::function<void(Chunk&)> work)
      : executor_(std::move(executor)), work_(std::move(work)) {}
  ~ChunkPipeline() {
    for (const std::shared_ptr<Slot>& s : slots_) {
      if (!s->Claim()) s->Wait();
    }
  }
  ChunkPipeline(const ChunkPipeline&) = delete;
  ChunkPipeline& operator=(const ChunkPipeline&) = delete;

  bool wants() const { return slots_.size() < kAhead; }
  bool empty() const { return slots_.empty(); }

  void Push(Chunk chunk) {
    auto slot = std::make_shared<Slot>(std::move(chunk));
    slots_.push_back(slot);
    // A slot that was claimed by the time it runs touches nothing of the pipeline.
    executor_->Submit([slot, this] {
      if (slot->Claim()) {
        work_(slot->chunk);
        slot->Finish();
      }
    });
  }

  // The oldest chunk, worked on. Nothing: none was pushed.
  std::optional<Chunk> Pop() {
    if (slots_.empty()) return std::nullopt;
    const std::shared_ptr<Slot> slot = std::move(slots_.front());
    slots_.pop_front();
    if (slot->Claim()) {
      work_(slot->chunk);
    } else {
      slot->Wait();
    }
    return std::move(slot->chunk);
  }

 private:
  struct Slot {
    explicit Slot(Chunk c) : chunk(std::move(c)) {}
    bool Claim() { return !claimed.exchange(true, std::memory_order_acq_rel); }
    void Finish() {
      MutexLock lock(mutex);
      done = true;
      changed.NotifyAll();
    }
    void Wait() {
      MutexLock lock(mutex);
      while (!done) changed.Wait(mutex);
    }

    Chunk chunk;
    std::atomic<bool> claimed{false};
    Mutex mutex;
    CondVar changed;
    bool done STRATA_GUARDED_BY(mutex) = false;
  };

  const std::shared_ptr<Executor> executor_;
  const std::function<void(Chunk&)> work_;
  std::deque<std::shared_ptr<Slot>> slots_;
};

}  // namespace strata

#endif  // STRATA_CORE_CHUNK_PIPELINE_H_
