// TextFollower: keeps a text index equal to the store that it stands on.
//
// It follows the inner store's change feed from the change up to which the index was committed, so
// whatever happened between a crash, a close or a failed write and now is caught up by the same
// path that serves normal operation. When the feed no longer reaches back, what is indexed is
// compared with a scan by digests, and what differs is indexed. When the index is new, damaged or
// of another schema, it is built from a scan. Either happens while the feed goes on. An index that
// was there is looked over before it is served.
//
// Safe for concurrent use.
#ifndef STRATA_WRAPPERS_FULLTEXT_TEXT_FOLLOWER_H_
#define STRATA_WRAPPERS_FULLTEXT_TEXT_FOLLOWER_H_

#include <atomic>
#include <chrono>
#include <functional>
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
  bool checking = false;     // it is looked over for damage
  uint64_t built = 0;        // documents that builds and comparisons have indexed
  uint64_t next = 0;         // the first change that is not in the index
  uint64_t uncommitted = 0;  // changes in the index that searches do not see yet
  uint64_t commits = 0;
  uint64_t builds = 0;
  uint64_t comparisons = 0;
  std::string because;  // why it is not whole, if that is known
  std::string trouble;  // why the feed is lost or the index cannot be written; "": neither
};

class TextFollower final : public FeedHandler {
 public:
  // Both must outlive it.
  TextFollower(Store& inner, TextIndex& index, const FollowOptions& options);
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

  // Reads the whole index, the first time.
  Status LookOver();
  Status OpenAgain(uint64_t from);
  // Does it under the lock, when no search is in the way.
  Status Writing(const std::function<Status()>& action);
  Status Build(uint64_t from);
  Status CommitLocked() REQUIRES_LOCK(mutex_);
  // What came of a write to the index. When it failed, whatever was not committed is lost, so the
  // feed has to begin again at the last commit.
  Status Written(Status s) REQUIRES_LOCK(mutex_);
  void RebuildLocked(std::string_view because) REQUIRES_LOCK(mutex_);
  void CompareLocked(std::string_view because) REQUIRES_LOCK(mutex_);
  void LookForDamage() REQUIRES_LOCK(mutex_);
  void Keep();
  // False: it is to end.
  bool CommitUntilRestart();

  Store& inner_;
  TextIndex& index_;
  const FollowOptions options_;
  mutable Mutex mutex_;
  CondVar changed_;
  FollowState state_ STRATA_GUARDED_BY(mutex_);
  size_t uncommitted_bytes_ STRATA_GUARDED_BY(mutex_) = 0;
  std::chrono::steady_clock::time_point dirty_since_ STRATA_GUARDED_BY(mutex_);
  bool rebuild_ STRATA_GUARDED_BY(mutex_) = false;
  bool compare_ STRATA_GUARDED_BY(mutex_) = false;  // it is not known what the index lacks
  bool checked_ STRATA_GUARDED_BY(mutex_) = false;  // the index is not damaged, as far as is known
  bool broken_ STRATA_GUARDED_BY(mutex_) = false;   // a write failed; the index is to be reopened
  bool restart_ STRATA_GUARDED_BY(mutex_) = true;   // the feed is to begin again
  bool stopping_ STRATA_GUARDED_BY(mutex_) = false;
  CancelSource stop_;
  const Context context_ = Context::Background().WithCancel(stop_);
  Status looked_over_;                  // the feed's thread's
  std::unique_ptr<FeedFollower> feed_;  // the keeper's, until it has ended
  std::thread keeper_;                  // commits in time, and begins the feed again
};

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_TEXT_FOLLOWER_H_
