// A plan that opens nothing before what was cut is finished.
#ifndef STRATA_WRAPPERS_AGGREGATE_GATED_PLAN_H_
#define STRATA_WRAPPERS_AGGREGATE_GATED_PLAN_H_

#include <memory>
#include <utility>

#include "query/plan.h"
#include "wrappers/aggregate/committer.h"

namespace strata::aggregate {

// Belongs to one thread at a time. The committer must outlive it.
class GatedPlan final : public Plan {
 public:
  GatedPlan(Committer& committer, std::unique_ptr<Plan> inner)
      : committer_(committer), inner_(std::move(inner)) {}

  const Query& residual() const override { return inner_->residual(); }
  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    // Opening may take long, and writers need not wait for it.
    RETURN_IF_ERROR(committer_.Enter(ctx, /*alone=*/false).status());
    return inner_->Open(ctx, options);
  }
  ExplainNode Explain() const override { return inner_->Explain(); }

 private:
  Committer& committer_;
  const std::unique_ptr<Plan> inner_;
};

}  // namespace strata::aggregate

#endif  // STRATA_WRAPPERS_AGGREGATE_GATED_PLAN_H_
