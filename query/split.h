// SplitBuilder: what a plan takes of a query and what it leaves, for plans that cannot take all.
//
// The split rule: any subset of the leading conjuncts may be taken; then a prefix of the stages;
// but while a conjunct is left over, only a sort may be taken, or a select that keeps every field
// that the leftovers read.
#ifndef STRATA_QUERY_SPLIT_H_
#define STRATA_QUERY_SPLIT_H_

#include <vector>

#include "query/plan.h"
#include "query/query.h"

namespace strata {

struct Split {
  std::vector<Node> taken_conjuncts;
  std::vector<Node> taken_stages;
  Query residual;

  // Fills in taken and left.
  void Describe(ExplainNode* n) const;
};

class SplitBuilder {
 public:
  explicit SplitBuilder(const Query& q);

  // Takes the i-th conjunct: the plan applies it exactly.
  void TakeConjunct(size_t i) { taken_[i] = true; }
  // Takes the next stage if the rule allows it. Requires: all conjuncts have been decided.
  bool TakeStage();
  // The stage that TakeStage would take, or null.
  const Node* next_stage() const;

  Split Finish() const;

 private:
  const Query query_;
  std::vector<bool> taken_;
  size_t stages_taken_ = 0;
};

}  // namespace strata

#endif  // STRATA_QUERY_SPLIT_H_
