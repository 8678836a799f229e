// TextFollower: keeps a text index equal to the store that it stands on.
//
// It follows the inner store's change feed from the change up to which the index was committed, so
// whatever happened between a crash or a close and now is caught up by the same path that serves
// normal operation. When the feed no longer reaches back, or the index is new, damaged or of
// another schema, the index is built from a scan while the feed goes on.
//
// Safe for concurrent use.
#ifndef STRATA_WRAPPERS_FULLTEXT_TEXT_FOLLOWER_H_
#define STRATA_WRAPPERS_FULLTEXT_TEXT_FOLLOWER_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "core/sync.h"
#include "store/store.h"
#include "wrappers/core/feed_follower.h"
#include "wrappers/fulltext/text_index.h"

namespace strata::fulltext {

struct FollowOptions {
  std::chrono::milliseconds commit_after{1000};
  size_t commit_changes = 10000;
  size_t commit_bytes = 64u << 20;
  std::chrono::milliseconds max_wait{30000};
};

struct FollowState {
  bool whole = false;        // the index holds every document up to `next`
  uint64_t built = 0;        // documents of a build that goes on
  uint64_t next = 0;         // the first change that is not in the index
  uint64_t uncommitted = 0;  // changes in the index that searches do not see yet
  uint64_t commits = 0;
  uint64_t builds = 0;
  std::string trouble;  // why the feed is lost; "": it is not
};

class TextFollower final : public FeedHandler {
 public:
  // Both must outlive it. `fresh`: the index is to be built.
  TextFollower(Store& inner, TextIndex& index, const FollowOptions& options, bool fresh);
  ~TextFollower() override;

  // Waits until searches see the change `sequence` and all before it; commits for that.
  // Unavailable after max_wait, saying how far behind the index is.
  Status WaitFor(const Context& ctx, uint64_t sequence);
  // Waits until the index is whole.
  Status WaitWhole(const Context& ctx) { return WaitFor(ctx, 0); }
  // Throws the index away and builds it anew. Returns at once.
  void Rebuild();
  FollowState State() const;

 private:
  std::optional<uint64_t> From() override;
  Status Following(uint64_t from) override;
  Status OnChanges(const ChangeBatch& batch) override;
  void Lost(const Status& why) override;

  Status Build(uint64_t from);
  Status CommitLocked() REQUIRES_LOCK(mutex_);
  void CommitInTime();

  Store& inner_;
  TextIndex& index_;
  const FollowOptions options_;
  mutable Mutex mutex_;
  CondVar changed_;
  FollowState state_ STRATA_GUARDED_BY(mutex_);
  size_t uncommitted_bytes_ STRATA_GUARDED_BY(mutex_) = 0;
  std::chrono::steady_clock::time_point dirty_since_ STRATA_GUARDED_BY(mutex_);
  bool rebuild_ STRATA_GUARDED_BY(mutex_) = false;
  bool stopping_ STRATA_GUARDED_BY(mutex_) = false;
  CancelSource stop_;
  const Context context_ = Context::Background().WithCancel(stop_);
  std::thread committer_;
  std::unique_ptr<FeedFollower> feed_;  // last, so that it ends first
};

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_TEXT_FOLLOWER_H_
