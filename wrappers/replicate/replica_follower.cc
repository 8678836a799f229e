#include "wrappers/replicate/replica_follower.h"

#include <xxhash.h>

#include <algorithm>
#include <unordered_set>

#include "core/abseil.h"
#include "store/ops.h"
#include "wrappers/replicate/documents.h"
#include "wrappers/replicate/probe.h"

namespace strata::replicate {
namespace {

constexpr size_t kRange = 512;       // documents compared by one digest
constexpr size_t kCopy = 256;        // documents copied by one batch
constexpr size_t kMaxChanges = 256;  // taken from the feed at once
constexpr std::chrono::milliseconds kTick(100);
constexpr std::chrono::seconds kIdle(1);        // a replica unasked for so long is asked
constexpr std::chrono::seconds kOneChange(10);  // for reading one that is or is not there

uint64_t Digest(const std::vector<std::string>& ids,
                const std::vector<std::optional<Record>>& records) {
  uint64_t digest = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!records[i]) continue;
    digest = XXH3_64bits_withSeed(ids[i].data(), ids[i].size(), digest + records[i]->revision);
    const std::string_view text = records[i]->document.text();
    digest = XXH3_64bits_withSeed(text.data(), text.size(), digest);
  }
  return digest;
}

std::vector<std::string_view> Views(const std::vector<std::string>& ids) {
  return {ids.begin(), ids.end()};
}

// An origin is the first writer's name and the groups that passed the change on: "loader|a|b".
bool Passed(std::string_view origin, std::string_view hop) {
  for (;;) {
    const size_t bar = origin.rfind('|');
    if (bar == origin.npos) return false;
    if (origin.substr(bar + 1) == hop) return true;
    origin = origin.substr(0, bar);
  }
}

bool EndsWithHop(std::string_view origin, std::string_view hop) {
  return origin.size() > hop.size() && origin.ends_with(hop) &&
         origin[origin.size() - hop.size() - 1] == '|';
}

// The origin without this group at its end.
std::string_view BeforeHop(std::string_view origin, std::string_view hop) {
  return EndsWithHop(origin, hop) ? origin.substr(0, origin.size() - hop.size() - 1) : origin;
}

// So that a copy's trouble does not blame the copy.
Status OfPrimary(const Status& s) {
  return s.ok() ? s : WithMessage(s, Concat("the primary: ", Message(s)));
}

StatusOr<std::unique_ptr<Subscription>> FeedOf(Store& primary, const Context& ctx,
                                               const SubscribeRequest& request) {
  auto feed = primary.Subscribe(ctx, request);
  if (!feed.ok()) return OfPrimary(feed.status());
  return feed;
}

// The change `sequence`; nothing when the store's log has it not.
StatusOr<std::optional<Change>> ChangeAt(Store& store, const Context& ctx, uint64_t sequence) {
  SubscribeRequest request;
  request.from = sequence;
  request.max_changes = 1;
  ASSIGN_OR_RETURN(const auto feed, store.Subscribe(ctx, request));
  StatusOr<ChangeBatch> batch = feed->Next(ctx.WithTimeout(kOneChange));
  if (batch.status().code() == StatusCode::kDeadlineExceeded) return std::optional<Change>();
  RETURN_IF_ERROR(batch.status());
  if (batch->gap || batch->changes.empty() || batch->changes[0].sequence != sequence)
    return std::optional<Change>();
  return std::optional<Change>(std::move(batch->changes[0]));
}

}  // namespace

ReplicaFollower::ReplicaFollower(Store& primary, Store& replica, const FollowerOptions& options,
                                 const GroupState& group, std::atomic<uint64_t>& floor,
                                 std::function<void()> news)
    : primary_(primary),
      replica_(replica),
      options_(options),
      removal_("||" + options.hop),
      group_(group),
      floor_(floor),
      news_(std::move(news)),
      thread_([this](const Context&) { return Follow(); },
              [this](const Status& why) { Lost(why); }) {}

ReplicaState ReplicaFollower::State() const {
  MutexLock lock(mutex_);
  ReplicaState state = state_;
  state.applied = applied();
  state.health = health();
  return state;
}

template <typename Change>
void ReplicaFollower::Note(const Change& change) {
  MutexLock lock(mutex_);
  change(&state_);
}

void ReplicaFollower::Reached(uint64_t sequence) {
  if (sequence > applied_.load(std::memory_order_relaxed))
    applied_.store(sequence, std::memory_order_release);
  news_();
}

void ReplicaFollower::Lost(const Status& why) {
  Note([&](ReplicaState* state) {
    ++state->failures;
    state->trouble = Describe(why);
  });
  health_.store(ReplicaHealth::kLost, std::memory_order_release);
  news_();
}

StatusOr<std::optional<uint64_t>> ReplicaFollower::Position(uint64_t goal) {
  const std::optional<uint64_t> unknown;
  ASSIGN_OR_RETURN(const auto own, replica_.Subscribe(context(), {}));
  const uint64_t next = own->resume_from();
  if (next <= 1) return std::optional<uint64_t>(1);  // nobody ever wrote into it
  if (next > goal) return unknown;
  ASSIGN_OR_RETURN(const auto ours, ChangeAt(replica_, context(), next - 1));
  if (!ours) return unknown;
  ASSIGN_OR_RETURN(const auto theirs, ChangeAt(primary_, context(), next - 1));
  if (!theirs || ours->id != theirs->id || !ours->after != !theirs->after) return unknown;
  if (ours->after && ours->after.text() != theirs->after.text()) return unknown;
  // One of both was a copy of the other, or both were copies, when it was written. Equal writes of
  // somebody else to both say nothing of what was before them.
  if (!EndsWithHop(ours->origin, options_.hop) && !EndsWithHop(theirs->origin, options_.hop))
    return unknown;
  if (ours->origin == removal_) return unknown;  // a number of the replica's own
  return std::optional<uint64_t>(next);
}

Status ReplicaFollower::Follow() {
  ASSIGN_OR_RETURN(auto feed, FeedOf(primary_, context(), {}));
  const uint64_t goal = feed->resume_from();  // the first that is still to come
  ASSIGN_OR_RETURN(const std::optional<uint64_t> next, Position(goal));
  copied_below_ = 0;
  // Also back, when the replica has lost something since.
  applied_.store(next ? *next - 1 : 0, std::memory_order_release);
  if (!next) {
    RETURN_IF_ERROR(Sync(&feed));
  } else {
    SubscribeRequest request;
    request.from = next;
    request.max_changes = kMaxChanges;
    ASSIGN_OR_RETURN(feed, FeedOf(primary_, context(), request));
    news_();
  }
  return Follow(std::move(feed), goal, /*read=*/!next);
}

Status ReplicaFollower::Follow(std::unique_ptr<Subscription> feed, uint64_t goal, bool read) {
  auto verified = std::chrono::steady_clock::now();
  std::optional<std::chrono::steady_clock::time_point> answered;
  if (read) answered = verified;
  for (;;) {
    const bool returns = applied() + 1 >= goal && health() != ReplicaHealth::kFollowing;
    const auto now = std::chrono::steady_clock::now();
    // One that gives its feed and nothing more is not well again.
    if (answered ? now - *answered > kIdle : returns) {
      RETURN_IF_ERROR(Probe(replica_, context().WithTimeout(kOneChange)));
      answered = std::chrono::steady_clock::now();
    }
    if (returns) {
      Note([](ReplicaState* state) { state->trouble.clear(); });
      health_.store(ReplicaHealth::kFollowing, std::memory_order_release);
      news_();
    }
    if (verify_.load() || (options_.verify.count() > 0 && now - verified > options_.verify)) {
      verify_.store(false);
      RETURN_IF_ERROR(Sync(&feed));
      verified = std::chrono::steady_clock::now();
      answered = verified;
    }
    const StatusOr<ChangeBatch> batch = feed->Next(context().WithTimeout(kTick));
    if (batch.status().code() == StatusCode::kDeadlineExceeded) {
      // Filters and deletions of nothing leave numbers unused.
      if (feed->resume_from() > 0) Reached(feed->resume_from() - 1);
      continue;
    }
    RETURN_IF_ERROR(OfPrimary(batch.status()));
    RETURN_IF_ERROR(batch->gap ? Sync(&feed) : Apply(*batch));
    if (batch->gap || !batch->changes.empty()) answered = std::chrono::steady_clock::now();
  }
}

Status ReplicaFollower::Apply(const ChangeBatch& batch) {
  std::vector<std::string> ids;
  for (const Change& c : batch.changes) ids.push_back(c.id);
  std::vector<std::optional<Record>> there(ids.size());
  RETURN_IF_ERROR(replica_.Read(context(), Views(ids), there));
  const auto has = [&](const std::optional<Record>& r, const Change& c) {
    if (!r || r->revision < c.sequence) return false;
    // Copied ahead of the feed; or just this, by a write whose answer was lost. Anything else that
    // is newer is somebody else's.
    return r->revision < copied_below_ ||
           (r->revision == c.sequence && c.after && r->document.text() == c.after.text());
  };
  bool beyond = false;
  std::vector<std::string> touch;
  // Several writes of one origin go together.
  for (size_t i = 0; i < batch.changes.size();) {
    const std::string& origin = batch.changes[i].origin;
    WriteBatch write;
    const std::string_view before = BeforeHop(origin, options_.hop);
    write.origin = Concat(before, "|", options_.hop);
    std::vector<uint64_t> wanted;
    for (; i < batch.changes.size() && batch.changes[i].origin == origin; ++i) {
      const Change& c = batch.changes[i];
      // It came from here. What the primary got from here in an older epoch it got as a copy, and
      // other copies may lack it.
      const bool as_copy = c.sequence < group_.first_revision();
      if (Passed(as_copy ? before : origin, options_.hop) || has(there[i], c)) continue;
      if (c.after) {
        write.Put(c.after, c.id);
      } else {
        write.Delete(c.id);
      }
      write.ops.back().min_revision = c.sequence;
      wanted.push_back(c.sequence);
    }
    if (write.ops.empty()) continue;
    ASSIGN_OR_RETURN(const WriteResult result, WriteReplica(write));
    for (size_t k = 0; k < wanted.size(); ++k) {
      const WriteOutcome& o = result.outcomes[k];
      if (o.revision <= wanted[k]) continue;
      beyond = true;
      // One that came through other groups is theirs to mend.
      if (write.ops[k].document && before.find('|') == before.npos) touch.push_back(o.id);
    }
    Note([&](ReplicaState* state) { state->changes += wanted.size(); });
  }
  if (beyond) RETURN_IF_ERROR(Outrun(touch));
  Reached(batch.resume_from - 1);
  return OkStatus();
}

StatusOr<WriteResult> ReplicaFollower::WriteReplica(const WriteBatch& batch) {
  RETURN_IF_ERROR(options_.fence());
  return replica_.Write(context(), batch);
}

Status ReplicaFollower::Sync(std::unique_ptr<Subscription>* feed) {
  Note([](ReplicaState* state) { ++state->syncs; });
  SubscribeRequest request;
  request.max_changes = kMaxChanges;
  ASSIGN_OR_RETURN(auto from_now, FeedOf(primary_, context(), request));
  ASSIGN_OR_RETURN(const auto snapshot, primary_.Begin(context(), {}));
  ASSIGN_OR_RETURN(const auto behind, FeedOf(primary_, context(), {}));
  copied_below_ = behind->resume_from();
  std::vector<std::pair<uint64_t, std::string>> wrong;
  std::vector<std::string> extra;
  {
    ASSIGN_OR_RETURN(Documents theirs, Documents::Of(*snapshot, context()));
    ASSIGN_OR_RETURN(Documents ours, Documents::Of(replica_, context()));
    std::vector<std::string> range;
    for (;;) {
      ASSIGN_OR_RETURN(const auto a, theirs.Peek(context()));
      ASSIGN_OR_RETURN(const auto b, ours.Peek(context()));
      if (range.size() >= kRange || (!a && !b)) {
        RETURN_IF_ERROR(CompareRange(*snapshot, from_now->resume_from(), range, &wrong, &extra));
        range.clear();
        if (!a && !b) break;
      }
      if (a && (!b || *a <= *b)) {
        range.push_back(*a);
        theirs.Skip();
        if (b && *a == *b) ours.Skip();
      } else {
        range.push_back(*b);
        ours.Skip();
      }
    }
  }
  for (size_t i = 0; i < extra.size(); i += kCopy) {
    WriteBatch batch;
    batch.origin = removal_;
    for (size_t k = i; k < std::min(extra.size(), i + kCopy); ++k) batch.Delete(extra[k]);
    RETURN_IF_ERROR(WriteReplica(batch).status());
  }
  const size_t copied = wrong.size();
  RETURN_IF_ERROR(Copy(*snapshot, std::move(wrong)));
  ASSIGN_OR_RETURN(const auto own, replica_.Subscribe(context(), {}));
  if (own->resume_from() > copied_below_) RETURN_IF_ERROR(Outrun({}));
  Note([&](ReplicaState* state) {
    state->copied += copied;
    state->removed += extra.size();
    state->compared = state->syncs;
  });
  Reached(from_now->resume_from() - 1);
  *feed = std::move(from_now);
  return OkStatus();
}

Status ReplicaFollower::CompareRange(Transaction& from, uint64_t next,
                                     const std::vector<std::string>& ids,
                                     std::vector<std::pair<uint64_t, std::string>>* wrong,
                                     std::vector<std::string>* extra) {
  if (ids.empty()) return OkStatus();
  std::vector<std::optional<Record>> theirs(ids.size()), ours(ids.size());
  RETURN_IF_ERROR(from.Read(context(), Views(ids), theirs));
  RETURN_IF_ERROR(replica_.Read(context(), Views(ids), ours));
  const bool same = Digest(ids, theirs) == Digest(ids, ours);
  bool diverged = false;
  for (size_t i = 0; !same && i < ids.size(); ++i) {
    if (!theirs[i]) {
      if (!ours[i]) continue;
      extra->push_back(ids[i]);
      diverged = diverged || applied() + 1 >= next;  // else its deletion may be on its way
    } else if (!ours[i] || ours[i]->revision != theirs[i]->revision ||
               ours[i]->document.text() != theirs[i]->document.text()) {
      wrong->emplace_back(theirs[i]->revision, ids[i]);
      diverged = diverged || theirs[i]->revision <= applied();
    }
  }
  Note([&](ReplicaState* state) {
    ++state->ranges;
    state->ranges_different += diverged;
  });
  return OkStatus();
}

Status ReplicaFollower::Copy(Transaction& from,
                             std::vector<std::pair<uint64_t, std::string>> wrong) {
  // In the order in which they were written, so that each can have its revision.
  std::sort(wrong.begin(), wrong.end());
  std::vector<std::string> touch;
  for (size_t i = 0; i < wrong.size(); i += kCopy) {
    std::vector<std::string> ids;
    for (size_t k = i; k < std::min(wrong.size(), i + kCopy); ++k) ids.push_back(wrong[k].second);
    std::vector<std::optional<Record>> records(ids.size());
    RETURN_IF_ERROR(from.Read(context(), Views(ids), records));
    WriteBatch batch;
    batch.origin = "|" + options_.hop;
    std::vector<uint64_t> wanted;
    for (const auto& r : records) {
      if (!r) continue;
      batch.Put(r->document);
      batch.ops.back().min_revision = r->revision;
      wanted.push_back(r->revision);
    }
    ASSIGN_OR_RETURN(const WriteResult result, WriteReplica(batch));
    for (size_t k = 0; k < wanted.size(); ++k) {
      if (result.outcomes[k].revision != wanted[k]) touch.push_back(result.outcomes[k].id);
    }
  }
  if (!touch.empty()) RETURN_IF_ERROR(Outrun(touch));
  return OkStatus();
}

Status ReplicaFollower::Outrun(const std::vector<std::string>& ids) {
  ASSIGN_OR_RETURN(const auto own, replica_.Subscribe(context(), {}));
  uint64_t floor = floor_.load();
  while (floor < own->resume_from() && !floor_.compare_exchange_weak(floor, own->resume_from())) {
  }
  for (const std::string& id : ids) {
    ASSIGN_OR_RETURN(const std::optional<Record> record, Get(primary_, context(), id));
    if (!record) continue;
    WriteOp op{WriteKind::kPut, id, record->document, Presence::kAny, record->revision};
    op.min_revision = floor_.load();
    RETURN_IF_ERROR(options_.fence());
    const Status s = WriteOne(primary_, context(), op).status();
    // Somebody else has written it meanwhile, which does as well.
    if (!s.ok() && s.code() != StatusCode::kFailedPrecondition) return s;
  }
  return OkStatus();
}

}  // namespace strata::replicate
