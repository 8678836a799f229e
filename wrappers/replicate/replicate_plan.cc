#include "wrappers/replicate/replicate_plan.h"

#include <charconv>

#include "core/sync.h"
#include "query/continuation.h"
#include "store/ops.h"

namespace strata::replicate {
namespace {

// Rows of one store. Where it stands is only known there.
class PlacedCursor final : public Cursor {
 public:
  PlacedCursor(std::shared_ptr<const Plan> plan, std::unique_ptr<Cursor> inner, size_t place,
               ExplainNode explain)
      : plan_(std::move(plan)),
        inner_(std::move(inner)),
        place_(place),
        explain_(std::move(explain)) {}
  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    return inner_->Next(ctx, max_rows, batch);
  }
  std::string Position() const override {
    return std::to_string(place_) + ";" + inner_->Position();
  }
  ExplainNode Explain() const override {
    ExplainNode n = explain_;
    n.children.push_back(inner_->Explain());
    return n;
  }

 private:
  const std::shared_ptr<const Plan> plan_;  // before the cursor that it made
  const std::unique_ptr<Cursor> inner_;
  const size_t place_;
  const ExplainNode explain_;
};

class ReplicatePlan final : public Plan {
 public:
  ReplicatePlan(const std::vector<std::shared_ptr<Store>>& members, const Query& query, AskSome ask,
                std::string stage)
      : members_(members),
        query_(query),
        ask_(std::move(ask)),
        stage_(std::move(stage)),
        plans_(members.size()) {}

  // The plan for the store at `place`, made when it is wanted first. Of several who make it at
  // once, all get the one that was there first.
  StatusOr<std::shared_ptr<const Plan>> At(const Context& ctx, size_t place) const {
    {
      MutexLock lock(mutex_);
      if (plans_[place] != nullptr) return plans_[place];
    }
    ASSIGN_OR_RETURN(auto plan, PrepareComplete(*members_[place], ctx, query_));
    MutexLock lock(mutex_);
    if (plans_[place] == nullptr) {
      plans_[place] = std::move(plan);
      last_ = place;
    }
    return plans_[place];
  }

  const Query& residual() const override { return nothing_; }

  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    std::unique_ptr<Cursor> cursor;
    const auto open = [&](size_t place, const OpenOptions& inner_options) -> Status {
      ASSIGN_OR_RETURN(auto plan, At(ctx, place));
      ASSIGN_OR_RETURN(auto inner, plan->Open(ctx, inner_options));
      cursor = std::make_unique<PlacedCursor>(std::move(plan), std::move(inner), place,
                                              Node("answered by one store"));
      return OkStatus();
    };
    if (options.position.empty()) {
      RETURN_IF_ERROR(ask_([&](size_t place) { return open(place, options); }));
      return cursor;
    }
    const char* const begin = options.position.data();
    const char* const end = begin + options.position.size();
    size_t place = 0;
    const auto r = std::from_chars(begin, end, place);
    if (r.ec != std::errc() || r.ptr == end || *r.ptr != ';' || place >= members_.size())
      return BadContinuation();
    OpenOptions inner_options = options;
    inner_options.position = std::string(r.ptr + 1, end);
    RETURN_IF_ERROR(open(place, inner_options));
    return cursor;
  }

  ExplainNode Explain() const override {
    ExplainNode n = Node("answered by one store, for example");
    std::shared_ptr<const Plan> plan;
    {
      MutexLock lock(mutex_);
      plan = plans_[last_];
    }
    if (plan != nullptr) n.children.push_back(plan->Explain());
    return n;
  }

 private:
  ExplainNode Node(std::string operation) const {
    ExplainNode n;
    n.stage = stage_;
    n.operation = std::move(operation);
    return n;
  }

  const std::vector<std::shared_ptr<Store>>& members_;
  const Query query_;
  const AskSome ask_;
  const std::string stage_;
  const Query nothing_;
  mutable Mutex mutex_;
  mutable std::vector<std::shared_ptr<const Plan>> plans_ STRATA_GUARDED_BY(mutex_);
  mutable size_t last_ STRATA_GUARDED_BY(mutex_) = 0;
};

}  // namespace

StatusOr<std::unique_ptr<Plan>> PrepareSomewhere(const std::vector<std::shared_ptr<Store>>& members,
                                                 const Context& ctx, const Query& query,
                                                 const AskSome& ask, std::string stage) {
  auto plan = std::make_unique<ReplicatePlan>(members, query, ask, std::move(stage));
  // What is wrong with the query is said now.
  RETURN_IF_ERROR(ask([&](size_t place) { return plan->At(ctx, place).status(); }));
  return plan;
}

}  // namespace strata::replicate
