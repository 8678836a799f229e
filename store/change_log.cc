#include "store/change_log.h"

#include <algorithm>
#include <chrono>

#include "query/filter.h"

namespace strata {
namespace {

size_t Bytes(const Change& c) {
  return sizeof c + c.id.size() + c.before.text().size() + c.after.text().size();
}

class FilteredSubscription final : public Subscription {
 public:
  FilteredSubscription(std::unique_ptr<Subscription> inner, Filter filter)
      : inner_(std::move(inner)), filter_(std::move(filter)) {}

  StatusOr<ChangeBatch> Next(const Context& ctx) override {
    for (;;) {
      ASSIGN_OR_RETURN(ChangeBatch batch, inner_->Next(ctx));
      std::vector<Change> kept;
      for (Change& c : batch.changes) {
        const bool was = c.before && filter_.Matches(c.before.root());
        const bool is = c.after && filter_.Matches(c.after.root());
        if (!was && !is) continue;
        if (!was) {
          c.kind = ChangeKind::kCreate;
          c.before = Document();
        } else if (!is) {
          c.kind = ChangeKind::kDelete;
          c.after = Document();
        }
        kept.push_back(std::move(c));
      }
      batch.changes = std::move(kept);
      if (!batch.changes.empty() || batch.gap) return batch;
    }
  }

  uint64_t resume_from() const override { return inner_->resume_from(); }

 private:
  std::unique_ptr<Subscription> inner_;
  const Filter filter_;
};

}  // namespace

class ChangeLog::Reader final : public Subscription {
 public:
  Reader(std::shared_ptr<ChangeLog> log, uint64_t from, size_t max)
      : log_(std::move(log)), from_(from), max_(max) {}

  StatusOr<ChangeBatch> Next(const Context& ctx) override {
    ChangeBatch batch;
    MutexLock lock(log_->mutex_);
    for (;;) {
      RETURN_IF_ERROR(ctx.Check());
      if (from_ < log_->dropped_below_) {
        batch.gap = true;
        from_ = log_->changes_.empty() ? log_->next_ : log_->changes_.front().sequence;
        batch.resume_from = from_;
        return batch;
      }
      if (from_ < log_->next_) break;
      RETURN_IF_ERROR(WaitWithContext(ctx, log_->mutex_, log_->appended_));
    }
    auto it = std::lower_bound(log_->changes_.begin(), log_->changes_.end(), from_,
                               [](const Change& c, uint64_t s) { return c.sequence < s; });
    for (; it != log_->changes_.end() && batch.changes.size() < max_; ++it)
      batch.changes.push_back(*it);
    from_ = batch.changes.empty() ? log_->next_ : batch.changes.back().sequence + 1;
    batch.resume_from = from_;
    return batch;
  }

  uint64_t resume_from() const override { return from_; }

 private:
  std::shared_ptr<ChangeLog> log_;
  uint64_t from_;
  const size_t max_;
};

void ChangeLog::Lose(uint64_t next) {
  MutexLock lock(mutex_);
  next_ = dropped_below_ = std::max(next_, next);
  changes_.clear();
  bytes_ = 0;
  appended_.NotifyAll();
}

void ChangeLog::Append(std::vector<Change> changes) {
  if (changes.empty()) return;
  std::vector<Change> dropped;  // freed without the lock
  {
    MutexLock lock(mutex_);
    next_ = changes.back().sequence + 1;
    for (Change& c : changes) {
      bytes_ += Bytes(c);
      changes_.push_back(std::move(c));
    }
    while (changes_.size() > max_changes_ || (bytes_ > max_bytes_ && !changes_.empty())) {
      bytes_ -= Bytes(changes_.front());
      dropped_below_ = changes_.front().sequence + 1;
      dropped.push_back(std::move(changes_.front()));
      changes_.pop_front();
    }
  }
  appended_.NotifyAll();
}

StatusOr<std::unique_ptr<Subscription>> ChangeLog::Subscribe(const SubscribeRequest& request) {
  uint64_t from = 0;
  {
    MutexLock lock(mutex_);
    from = std::max<uint64_t>(1, request.from.value_or(next_));
    if (from > next_) {
      return InvalidArgument(Concat("the sequence ", std::to_string(from),
                                    " lies in the future; the next one is ",
                                    std::to_string(next_)));
    }
  }
  return FilterChanges(
      std::make_unique<Reader>(shared_from_this(), from, std::max<size_t>(1, request.max_changes)),
      request.query);
}

StatusOr<std::unique_ptr<Subscription>> FilterChanges(std::unique_ptr<Subscription> inner,
                                                      const Query& query) {
  if (!query.stages().empty()) {
    return InvalidArgument(
        Concat("a subscription takes conditions only, found ", query.stages()[0].name(), "(…)"));
  }
  if (query.conjuncts().empty()) return inner;
  ASSIGN_OR_RETURN(Filter filter, Filter::Compile(query.conjuncts()));
  return std::make_unique<FilteredSubscription>(std::move(inner), std::move(filter));
}

Status WaitWithContext(const Context& ctx, Mutex& mutex, CondVar& cond) {
  RETURN_IF_ERROR(ctx.Check());
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  cond.WaitUntil(mutex, std::min(soon, ctx.deadline()));
  return ctx.Check();
}

}  // namespace strata
