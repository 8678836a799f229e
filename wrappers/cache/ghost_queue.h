// The ghost queue of S3-FIFO (Yang et al., SOSP 2023): hashes of what has left a cache, by which it
// is known again when it returns soon.
//
// As in the paper, a place in line is counted by how many came behind it, so what returned leaves a
// gap that the next ones do not fill.
//
// Not safe for concurrent use.
#ifndef STRATA_WRAPPERS_CACHE_GHOST_QUEUE_H_
#define STRATA_WRAPPERS_CACHE_GHOST_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>

#include "core/abseil.h"

namespace strata::cache {

class GhostQueue {
 public:
  // Puts a hash last, also one that was here already. Of all that came, the last `limit` remain.
  void Push(uint64_t hash, size_t limit) {
    order_.push_back(hash);
    turns_[hash] = ++last_turn_;
    for (; order_.size() > limit; order_.pop_front()) {
      const auto it = turns_.find(order_.front());
      // It may have left, and may have come again later.
      if (it != turns_.end() && it->second == last_turn_ - order_.size() + 1) turns_.erase(it);
    }
  }
  // Takes a hash out. False: it was not here.
  bool Take(uint64_t hash) { return turns_.erase(hash) > 0; }
  void Clear() {
    order_.clear();
    turns_.clear();
  }

 private:
  std::deque<uint64_t> order_;                     // each turn's hash up to last_turn_
  absl::flat_hash_map<uint64_t, uint64_t> turns_;  // when a hash that is here came last
  uint64_t last_turn_ = 0;
};

}  // namespace strata::cache

#endif  // STRATA_WRAPPERS_CACHE_GHOST_QUEUE_H_
