#include "wrappers/replicate/primary_watch.h"

#include <algorithm>

#include "wrappers/replicate/probe.h"

namespace strata::replicate {
namespace {

constexpr std::chrono::seconds kLook(5);
// A store that nobody writes to any more is not called lost for ever.
constexpr std::chrono::minutes kRemembered(1);

// Other failures are the caller's: his condition, his document, his deadline.
bool IsTheStores(StatusCode code) {
  return code == StatusCode::kUnavailable || code == StatusCode::kInternal ||
         code == StatusCode::kDataLoss;
}

}  // namespace

void PrimaryWatch::Wrote(const Status& s) {
  if (s.ok()) {
    if (write_failed_.load(std::memory_order_relaxed)) write_failed_.store(false);
    return;
  }
  if (!IsTheStores(s.code())) return;
  MutexLock lock(mutex_);
  ++failures_;
  write_trouble_ = Describe(s);
  failed_at_ = std::chrono::steady_clock::now();
  write_failed_.store(true);
}

StatusOr<uint64_t> PrimaryWatch::LastChange(const Context& ctx) const {
  ASSIGN_OR_RETURN(const auto feed, primary_.Subscribe(ctx, {}));
  RETURN_IF_ERROR(Probe(primary_, ctx));
  return feed->resume_from() - 1;
}

ReplicaState PrimaryWatch::Look() {
  const StatusOr<uint64_t> last = LastChange(Context::Background().WithTimeout(kLook));
  ReplicaState state;
  MutexLock lock(mutex_);
  if (last.ok()) {
    last_ = std::max(last_, *last);
    if (write_failed_.load() && std::chrono::steady_clock::now() - failed_at_ < kRemembered)
      state.trouble = write_trouble_;
  } else {
    ++failures_;
    state.trouble = Describe(last.status());
  }
  state.health = state.trouble.empty() ? ReplicaHealth::kFollowing : ReplicaHealth::kLost;
  state.applied = last_;
  state.failures = failures_;
  return state;
}

}  // namespace strata::replicate
