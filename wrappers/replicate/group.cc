#include "wrappers/replicate/group.h"

#include <algorithm>
#include <utility>

#include "store/change_log.h"

namespace strata::replicate {

Group::Group(GroupOptions options, std::vector<Store*> members)
    : options_(std::move(options)), members_(std::move(members)), state_(options_.state) {}

Group::~Group() {
  std::shared_ptr<const Epoch> last;  // its threads end without the lock
  MutexLock lock(mutex_);
  last.swap(epoch_);
}

Status Group::Start() {
  ASSIGN_OR_RETURN(const GroupState state, state_.Open());
  if (state.primary >= size()) {
    return FailedPrecondition(Concat("the state ", options_.state, " names store ",
                                     std::to_string(state.primary), " as the primary, but ",
                                     std::to_string(size()), " are configured"));
  }
  for (const Store* member : members_) {
    if (member->capabilities().change_feed == ChangeFeed::kNone)
      return FailedPrecondition(
          Concat(member->info().stage, " gives no changes, so it cannot be in a group"));
  }
  Begin(state, 0);
  return OkStatus();
}

void Group::Begin(const GroupState& state, uint64_t losses) {
  auto epoch = std::make_shared<Epoch>();
  epoch->group = state;
  epoch->losses = losses;
  epoch->primary = &member(state.primary);
  epoch->watch = std::make_unique<PrimaryWatch>(*epoch->primary);
  uint64_t floor = floor_.load();
  while (floor < state.first_revision() &&
         !floor_.compare_exchange_weak(floor, state.first_revision())) {
  }
  FollowerOptions options;
  options.hop = options_.hop;
  options.verify = options_.verify;
  options.fence = [this] { return state_.Check(); };
  for (size_t i = 0; i < size(); ++i) {
    epoch->followers.push_back(
        i == state.primary ? nullptr
                           : std::make_unique<ReplicaFollower>(*epoch->primary, member(i), options,
                                                               state, floor_, [this] { News(); }));
  }
  MutexLock lock(mutex_);
  epoch_ = std::move(epoch);
  news_.NotifyAll();
}

// A copy's state has changed, or some time has passed.
void Group::News() {
  MutexLock lock(mutex_);
  news_.NotifyAll();
}

std::shared_ptr<const Epoch> Group::Current() const {
  MutexLock lock(mutex_);
  while (epoch_ == nullptr) news_.Wait(mutex_);
  return epoch_;
}

StatusOr<std::shared_ptr<const Epoch>> Group::ForWriting() {
  const auto epoch = Current();
  RETURN_IF_ERROR(state_.Check());
  size_t lost = 0;
  const ReplicaFollower* one = nullptr;
  for (const auto& f : epoch->followers) {
    if (f == nullptr || f->health() != ReplicaHealth::kLost) continue;
    ++lost;
    one = f.get();
  }
  if (one != nullptr && size() - lost < options_.needed) {
    const std::string trouble = one->State().trouble;  // what is behind its first line are frames
    return Unavailable(Concat(std::to_string(lost), " of ", std::to_string(size() - 1),
                              " copies are lost, so the write could not be acknowledged; nothing "
                              "was written (",
                              trouble.substr(0, trouble.find('\n')), ")"));
  }
  return epoch;
}

// OK when what was written in `epoch` may be acknowledged: enough stores have it, and behind that
// no other process had begun an epoch yet.
Status Group::Confirm(const Context& ctx, const Epoch& epoch, const WriteResult& result) {
  uint64_t last = 0;
  for (const WriteOutcome& o : result.outcomes) last = std::max(last, o.revision);
  if (last == 0) return OkStatus();
  RETURN_IF_ERROR(WaitForCopies(ctx, epoch, last));
  const Status fence = state_.Check();
  if (fence.ok()) return fence;
  return Unavailable(Concat("the write was made, but may be lost: ", Message(fence)));
}

// Waits until enough stores have what was written in `epoch` up to `last`, also when another store
// is made the primary meanwhile.
Status Group::WaitForCopies(const Context& ctx, const Epoch& epoch, uint64_t last) {
  const size_t needed = options_.needed;
  if (needed < 2) return OkStatus();
  const Context until = ctx.WithTimeout(options_.ack_timeout);
  MutexLock lock(mutex_);
  for (;;) {
    size_t have = 1, lost = 0;
    // None: a promotion is under way.
    if (epoch_ != nullptr) {
      if (epoch_->losses != epoch.losses) {
        return Unavailable(
            "another store was made the primary without all that the old one had; the write may be "
            "lost");
      }
      for (const auto& f : epoch_->followers) {
        if (f == nullptr) continue;
        have += f->applied() >= last;
        lost += f->health() == ReplicaHealth::kLost && f->applied() < last;
      }
      if (have >= needed) return OkStatus();
    }
    const Status s = lost > size() - needed ? Unavailable("copies were lost")
                                            : WaitWithContext(until, mutex_, news_);
    if (s.ok()) continue;
    unconfirmed_.fetch_add(1, std::memory_order_relaxed);
    return Unavailable(Concat("the write is on the primary and will reach the copies, but only ",
                              std::to_string(have), " of ", std::to_string(needed),
                              " stores have confirmed it: ", Message(s)));
  }
}

GroupReport Group::Report() const {
  const auto epoch = Current();
  GroupReport report;
  report.epoch = epoch->group.epoch;
  const ReplicaState primary = epoch->watch->Look();
  const uint64_t last = primary.applied;
  for (size_t i = 0; i < size(); ++i) {
    ReplicaReport m;
    m.place = i;
    m.stage = member(i).info().stage;
    m.primary = i == epoch->group.primary;
    if (m.primary) {
      m.state = primary;
    } else {
      m.state = epoch->followers[i]->State();
      m.lag = last > m.state.applied ? last - m.state.applied : 0;
    }
    report.members.push_back(std::move(m));
  }
  return report;
}

Status Group::Promote(const Context& ctx, size_t place, bool lossy) {
  if (options_.state.empty()) {
    return FailedPrecondition(
        "a promotion has to be remembered: give the stage a \"state\", the path of a file");
  }
  if (place >= size()) {
    return InvalidArgument(
        Concat("the stores of the group have the places 0 to ", std::to_string(size() - 1)));
  }
  // Nobody writes from here on; who is writing is waited for.
  ASSIGN_OR_RETURN(const Gate::Pass alone, promotion_.Enter(ctx, /*alone=*/true));
  RETURN_IF_ERROR(state_.Check());
  const auto old = Current();
  if (place == old->group.primary) return OkStatus();
  const ReplicaFollower& follower = *old->followers[place];
  const Status caught_up = CatchUp(ctx, *old, follower, lossy);
  if (!caught_up.ok() && !lossy) {
    return WithMessage(caught_up, Concat("the store has not all that the primary has: ",
                                         Message(caught_up), "; nothing was changed"));
  }
  GroupState next;
  next.primary = place;
  next.began = follower.applied() + 1;
  // Before anything follows the new primary: whoever reads the state now is fenced off.
  RETURN_IF_ERROR(state_.Advance(&next));
  {
    MutexLock lock(mutex_);
    epoch_.reset();  // `old` holds it
  }
  for (const auto& f : old->followers) {
    if (f != nullptr) f->Stop();
  }
  Begin(next, old->losses + (caught_up.ok() ? 0 : 1));
  return OkStatus();
}

// Waits until a copy has all that the primary has. `lossy`: not when it is lost.
Status Group::CatchUp(const Context& ctx, const Epoch& epoch, const ReplicaFollower& follower,
                      bool lossy) {
  ASSIGN_OR_RETURN(const auto feed, epoch.primary->Subscribe(ctx, {}));
  const uint64_t last = feed->resume_from() - 1;
  MutexLock lock(mutex_);
  while (follower.applied() < last) {
    if (follower.health() == ReplicaHealth::kLost && lossy) {
      return Unavailable(
          Concat("it lacks the changes behind ", std::to_string(follower.applied())));
    }
    RETURN_IF_ERROR(WaitWithContext(ctx, mutex_, news_));
  }
  return OkStatus();
}

Status Group::Verify(const Context& ctx) {
  const auto epoch = Current();
  std::vector<uint64_t> before;
  for (const auto& f : epoch->followers) {
    before.push_back(f == nullptr ? 0 : f->State().syncs);
    if (f != nullptr) f->Verify();
  }
  for (size_t i = 0; i < size(); ++i) {
    const auto& f = epoch->followers[i];
    if (f != nullptr) RETURN_IF_ERROR(AwaitComparison(ctx, i, *f, before[i]));
  }
  return OkStatus();
}

// Waits for the end of one that began behind the first `before`.
Status Group::AwaitComparison(const Context& ctx, size_t place, const ReplicaFollower& follower,
                              uint64_t before) {
  for (;;) {
    const ReplicaState s = follower.State();
    if (s.compared > before) return OkStatus();
    if (s.health == ReplicaHealth::kLost)
      return Unavailable(Concat(member(place).info().stage, ": ", s.trouble));
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(WaitWithContext(ctx, mutex_, news_));
  }
}

}  // namespace strata::replicate
