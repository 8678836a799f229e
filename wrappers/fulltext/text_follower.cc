#include "wrappers/fulltext/text_follower.h"

#include <algorithm>
#include <functional>

#include "store/change_log.h"
#include "store/ops.h"

namespace strata::fulltext {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kBuildBatch = 256;     // documents indexed before the lock is let go
constexpr size_t kBuildCommit = 50000;  // documents between two commits of a build, at most
// How often the keeper looks for damage that a search met.
constexpr std::chrono::milliseconds kLook(1000);

}  // namespace

TextFollower::TextFollower(Store& inner, TextIndex& index, const FollowOptions& options)
    : inner_(inner), index_(index), options_(options) {
  const Capabilities c = inner_.capabilities();
  // Of data that are gone with their process there is nothing to compare.
  rebuild_ = c.durability == Durability::kNone;
  if (rebuild_) state_.because = "the data are in memory";
  // What happened while the store was closed is only known from a feed that remembers it.
  compare_ = !rebuild_ && c.change_feed < ChangeFeed::kResumable;
  if (compare_) state_.because = "the feed does not reach back";
  keeper_ = std::thread([this] { Keep(); });
}

TextFollower::~TextFollower() {
  stop_.Cancel();
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  keeper_.join();
  feed_.reset();
  MutexLock lock(mutex_);
  // What cannot be committed now is caught up when the index is opened again.
  if (state_.whole && state_.uncommitted > 0) (void)CommitLocked();
}

std::optional<uint64_t> TextFollower::From() {
  looked_over_ = LookOver();
  MutexLock lock(mutex_);
  if (!looked_over_.ok() || rebuild_ || compare_) return std::nullopt;
  return state_.next;
}

Status TextFollower::LookOver() {
  {
    MutexLock lock(mutex_);
    if (checked_ || rebuild_) return OkStatus();
    state_.checking = true;
  }
  // Takes its time, so without the lock: nothing else reads or writes an index that is not whole.
  const Status sound = index_.Verify(context_);
  MutexLock lock(mutex_);
  state_.checking = false;
  changed_.NotifyAll();
  if (!sound.ok() && sound.code() != StatusCode::kDataLoss) return sound;
  if (!sound.ok() || !index_.next()) {
    RebuildLocked(sound.ok() ? "it is new" : Message(sound));
    return OkStatus();
  }
  checked_ = true;
  state_.next = *index_.next();
  return OkStatus();
}

Status TextFollower::Following(uint64_t from) {
  RETURN_IF_ERROR(looked_over_);
  RETURN_IF_ERROR(OpenAgain(from));
  {
    MutexLock lock(mutex_);
    state_.trouble.clear();
    state_.whole = !rebuild_ && !compare_ && !index_.built_to();
    changed_.NotifyAll();
    if (state_.whole) return OkStatus();
  }
  return Build(from);
}

Status TextFollower::OpenAgain(uint64_t from) {
  {
    MutexLock lock(mutex_);
    if (rebuild_ || !broken_) return OkStatus();
  }
  // May take its time, so without the lock: nobody else writes a broken index.
  const Status s = index_.Reopen();
  MutexLock lock(mutex_);
  if (rebuild_) return OkStatus();
  if (s.code() == StatusCode::kDataLoss) RebuildLocked(Message(s));
  RETURN_IF_ERROR(s);
  broken_ = false;
  state_.next = *index_.next();
  if (compare_ || state_.next == from) return OkStatus();
  return Aborted("the index is at another change");
}

Status TextFollower::Writing(const std::function<Status()>& action) {
  for (;;) {
    {
      MutexLock lock(mutex_);
      // One that is thrown away has no searches that matter.
      if (rebuild_ || index_.MayWrite()) return action();
    }
    // Not under the lock, where others would wait too.
    RETURN_IF_ERROR(index_.AwaitReaders(context_));
  }
}

Status TextFollower::Build(uint64_t from) {
  std::string last;
  bool compare = false;
  RETURN_IF_ERROR(Writing([&]() REQUIRES_LOCK(mutex_) -> Status {
    state_.whole = false;
    if (broken_ && !rebuild_) return Aborted("the index is to be opened again");
    if (rebuild_) {
      RETURN_IF_ERROR(index_.Clear());
      rebuild_ = compare_ = broken_ = false;
      checked_ = true;
      ++state_.builds;
      state_.built = 0;
      state_.next = from;
    } else {
      // A build goes on where an earlier process stopped; a comparison begins again.
      if (!compare_) last = index_.built_to().value_or("");
      compare = last.empty();
      state_.comparisons += compare;
      if (compare_) state_.next = from;
    }
    state_.uncommitted = 0;
    uncommitted_bytes_ = 0;
    RETURN_IF_ERROR(Written(index_.Commit(state_.next, last)));
    compare_ = false;
    return compare ? Written(index_.BeginComparing()) : OkStatus();
  }));
  Query query;
  // Ids that are numbers are not less than any text, so they are indexed again.
  if (!last.empty()) query = query.Where(!Le(kIdProperty, last));
  // A transaction does not read from a copy that is behind the feed.
  const Capabilities c = inner_.capabilities();
  std::unique_ptr<Transaction> latest;
  if (c.freshness < Freshness::kLatest && c.isolation != Isolation::kNone) {
    ASSIGN_OR_RETURN(latest, inner_.Begin(context_, {}));
  }
  ASSIGN_OR_RETURN(const auto plan, latest != nullptr ? PrepareComplete(*latest, context_, query)
                                                      : PrepareComplete(inner_, context_, query));
  ASSIGN_OR_RETURN(const auto cursor, plan->Open(context_, {}));
  RowBatch batch;
  // What is not committed lies partly in memory; and an interrupted build need not do it again.
  size_t since_commit = 0, bytes_since_commit = 0;
  const auto commit = [&]() REQUIRES_LOCK(mutex_) -> Status {
    if (since_commit < kBuildCommit && bytes_since_commit < options_.commit_bytes)
      return OkStatus();
    since_commit = bytes_since_commit = 0;
    return Written(index_.Commit(state_.next, last));
  };
  do {
    RETURN_IF_ERROR(cursor->Next(context_, kBuildBatch, &batch));
    RETURN_IF_ERROR(Writing([&]() REQUIRES_LOCK(mutex_) -> Status {
      if (rebuild_) return Aborted("the index is to be built anew");
      since_commit += batch.rows.size();
      for (const Document& d : batch.rows) {
        bytes_since_commit += d.text().size();
        if (compare) {
          const StatusOr<bool> put = index_.PutIfOther(d);
          RETURN_IF_ERROR(Written(put.status()));
          state_.built += *put;
          continue;
        }
        RETURN_IF_ERROR(Written(index_.Put(d)));
        ++state_.built;
        if (d.Find(kIdProperty).is_string()) last = StoredId(d);
      }
      changed_.NotifyAll();
      return commit();
    }));
  } while (batch.end == EndReason::kMore);
  for (bool done = !compare; !done;) {
    RETURN_IF_ERROR(context_.Check());
    RETURN_IF_ERROR(Writing([&]() REQUIRES_LOCK(mutex_) -> Status {
      if (rebuild_) return Aborted("the index is to be built anew");
      const StatusOr<bool> ended = index_.EndComparing(kBuildBatch);
      done = ended.ok() && *ended;
      RETURN_IF_ERROR(Written(ended.status()));
      since_commit += kBuildBatch;
      return commit();
    }));
  }
  return Writing([&]() REQUIRES_LOCK(mutex_) -> Status {
    if (rebuild_) return Aborted("the index is to be built anew");
    RETURN_IF_ERROR(CommitLocked());
    state_.whole = true;
    state_.because.clear();
    changed_.NotifyAll();
    return OkStatus();
  });
}

Status TextFollower::OnChanges(const ChangeBatch& batch) {
  if (batch.gap) {
    {
      MutexLock lock(mutex_);
      CompareLocked("the feed lost changes");
    }
    return Build(batch.resume_from);
  }
  return Writing([&]() REQUIRES_LOCK(mutex_) -> Status {
    if (rebuild_) return Aborted("the index is to be built anew");
    if (broken_) return Aborted("the index is to be opened again");
    if (state_.uncommitted == 0) dirty_since_ = SteadyClock::now();
    for (const Change& c : batch.changes) {
      if (c.after) {
        RETURN_IF_ERROR(Written(index_.Put(c.after)));
        uncommitted_bytes_ += c.after.text().size();
      } else {
        RETURN_IF_ERROR(Written(index_.Remove(c.id)));
      }
      ++state_.uncommitted;
    }
    state_.next = batch.resume_from;
    if (state_.uncommitted >= options_.commit_changes ||
        uncommitted_bytes_ >= options_.commit_bytes)
      RETURN_IF_ERROR(CommitLocked());
    changed_.NotifyAll();
    return OkStatus();
  });
}

void TextFollower::Lost(const Status& why) {
  MutexLock lock(mutex_);
  // Our own say less than what is known already.
  if (why.code() != StatusCode::kAborted || state_.trouble.empty()) state_.trouble = Describe(why);
  // The index is ahead of the data: these are other data, or older ones.
  if (why.code() == StatusCode::kInvalidArgument) CompareLocked("it is ahead of the data");
  // A batch may be half in the index; it is delivered and put again.
  changed_.NotifyAll();
}

Status TextFollower::CommitLocked() {
  RETURN_IF_ERROR(Written(index_.Commit(state_.next, std::nullopt)));
  state_.uncommitted = 0;
  uncommitted_bytes_ = 0;
  ++state_.commits;
  return OkStatus();
}

Status TextFollower::Written(Status s) {
  if (s.ok()) return s;
  broken_ = true;
  state_.trouble = Describe(s);
  state_.uncommitted = 0;
  uncommitted_bytes_ = 0;
  if (index_.next()) state_.next = *index_.next();
  if (s.code() == StatusCode::kDataLoss) RebuildLocked(Message(s));
  changed_.NotifyAll();
  return s;
}

void TextFollower::RebuildLocked(std::string_view because) {
  rebuild_ = true;
  state_.whole = false;
  state_.because = because;
}

void TextFollower::CompareLocked(std::string_view because) {
  compare_ = true;
  state_.whole = false;
  state_.because = because;
}

void TextFollower::LookForDamage() {
  if (!state_.whole || !index_.damaged()) return;
  RebuildLocked("a search met damage");
  restart_ = true;
  changed_.NotifyAll();
}

void TextFollower::Keep() {
  while (CommitUntilRestart()) {
    feed_.reset();
    feed_ = std::make_unique<FeedFollower>(inner_, *this, 1024);
  }
}

bool TextFollower::CommitUntilRestart() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    LookForDamage();
    const auto now = SteadyClock::now();
    auto until = now + std::min(options_.commit_after, kLook);
    if (state_.whole && state_.uncommitted > 0) {
      if (now - dirty_since_ >= options_.commit_after) {
        restart_ = !CommitLocked().ok() || restart_;
      } else {
        until = std::min(until, dirty_since_ + options_.commit_after);
      }
    }
    if (restart_) {
      restart_ = false;
      return true;
    }
    // Wakes also for every batch, which costs little and is nothing to wait for.
    changed_.WaitUntil(mutex_, until);
  }
  return false;
}

Status TextFollower::WaitFor(const Context& ctx, uint64_t sequence) {
  const auto until = SteadyClock::now() + options_.max_wait;
  MutexLock lock(mutex_);
  for (;;) {
    LookForDamage();
    if (state_.whole && state_.next > sequence) break;
    RETURN_IF_ERROR(ctx.Check());
    if (SteadyClock::now() >= until) {
      std::string message =
          state_.whole
              ? Concat("the full-text index is behind: it holds changes below ",
                       std::to_string(state_.next), ", wanted is ", std::to_string(sequence))
          : state_.checking
              ? "the full-text index is looked over for damage"
              : Concat("the full-text index is being built",
                       state_.because.empty() ? "" : Concat(" (", state_.because, ")"), ": ",
                       std::to_string(state_.built), " documents so far");
      if (!state_.trouble.empty()) message += Concat("; ", state_.trouble);
      return Unavailable(message);
    }
    RETURN_IF_ERROR(WaitWithContext(ctx, mutex_, changed_));
  }
  if (state_.uncommitted == 0 || sequence < index_.next().value_or(0)) return OkStatus();
  const Status s = CommitLocked();
  restart_ = restart_ || !s.ok();
  return s;
}

void TextFollower::Rebuild() {
  MutexLock lock(mutex_);
  RebuildLocked("that was asked for");
  restart_ = true;
  changed_.NotifyAll();
}

FollowState TextFollower::State() const {
  MutexLock lock(mutex_);
  return state_;
}

}  // namespace strata::fulltext
