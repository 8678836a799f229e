// RevisionGate: keeps the writer of a Xapian database from writing over what a search reads.
//
// A commit makes a new revision of the database and leaves the blocks of the one before alone; what
// is written after it goes over those that only older revisions have (in Xapian's sources,
// glass_freelist.cc). Who reads an older revision then sees blocks that are half written: Xapian
// notices some of them by their numbers, and takes the rest for what they look like. So readers
// tell the revision that they need, and the first write after a commit waits for those that need
// one before it. Nobody else waits.
//
// Internal to this folder. Safe for concurrent use.
#ifndef STRATA_WRAPPERS_FULLTEXT_REVISION_GATE_H_
#define STRATA_WRAPPERS_FULLTEXT_REVISION_GATE_H_

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "core/context.h"
#include "core/sync.h"
#include "store/change_log.h"

namespace strata::fulltext {

class RevisionGate {
 public:
  // While it exists, nothing that its revision or a newer one has is written over. Must not outlive
  // the gate.
  class Pass {
   public:
    Pass() = default;
    Pass(RevisionGate* gate, uint64_t revision) : gate_(gate), revision_(revision) {}
    Pass(Pass&& other) noexcept
        : gate_(std::exchange(other.gate_, nullptr)), revision_(other.revision_) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (gate_ != nullptr) gate_->Leave(revision_);
    }
    uint64_t revision() const { return revision_; }

   private:
    RevisionGate* gate_ = nullptr;
    uint64_t revision_ = 0;
  };

  // For a reader that is at `revision`: at that one or, when that may no longer be read, at the
  // newest; then the reader has to move on. Never waits.
  Pass Enter(uint64_t revision) {
    MutexLock lock(mutex_);
    const uint64_t at = revision < oldest_ ? newest_ : std::min(revision, newest_);
    readers_.insert(at);
    return Pass(this, at);
  }
  // For one that opens the database now.
  Pass EnterNewest() { return Enter(UINT64_MAX); }

  // The writer's: he has committed up to `revision`.
  void Committed(uint64_t revision) {
    MutexLock lock(mutex_);
    newest_ = std::max(newest_, revision);
  }
  // The writer's, before he writes: waits until nobody needs a revision before the newest, and lets
  // nobody in who does. Gives the context's error.
  Status AwaitReaders(const Context& ctx) {
    MutexLock lock(mutex_);
    oldest_ = newest_;
    waiting_ += 1;
    Status s = OkStatus();
    while (s.ok() && !readers_.empty() && *readers_.begin() < oldest_)
      s = WaitWithContext(ctx, mutex_, left_);
    waiting_ -= 1;
    return s;
  }
  // Whether he would not have to wait; nobody comes in his way then until the next commit.
  bool MayWrite() {
    MutexLock lock(mutex_);
    oldest_ = newest_;
    return readers_.empty() || *readers_.begin() >= oldest_;
  }
  uint64_t newest() const {
    MutexLock lock(mutex_);
    return newest_;
  }
  // Whether a writer waits. For readers that need so long that they had better begin again.
  bool HoldsUp() const {
    MutexLock lock(mutex_);
    return waiting_ > 0;
  }

 private:
  void Leave(uint64_t revision) {
    MutexLock lock(mutex_);
    readers_.erase(readers_.find(revision));
    if (waiting_ > 0) left_.NotifyAll();
  }

  mutable Mutex mutex_;
  CondVar left_;
  std::multiset<uint64_t> readers_ STRATA_GUARDED_BY(mutex_);
  uint64_t newest_ STRATA_GUARDED_BY(mutex_) = 0;
  uint64_t oldest_ STRATA_GUARDED_BY(mutex_) = 0;  // that readers may need from now on
  int waiting_ STRATA_GUARDED_BY(mutex_) = 0;
};

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_REVISION_GATE_H_
