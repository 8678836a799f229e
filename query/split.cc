#include "query/split.h"

#include "query/print.h"

namespace strata {

SplitBuilder::SplitBuilder(const Query& q) : query_(q), taken_(q.conjuncts().size(), false) {}

const Node* SplitBuilder::next_stage() const {
  return stages_taken_ < query_.stages().size() ? &query_.stages()[stages_taken_] : nullptr;
}

bool SplitBuilder::TakeStage() {
  const Node* stage = next_stage();
  if (stage == nullptr) return false;
  std::vector<Path> read;
  bool everything = false;
  bool left_over = false;
  for (size_t i = 0; i < taken_.size(); ++i) {
    if (taken_[i]) continue;
    left_over = true;
    CollectPaths(query_.conjuncts()[i], &read, &everything);
  }
  if (left_over && !stage->is(Op::kSort)) {
    if (!stage->is(Op::kSelect) || everything) return false;
    for (const Path& p : read) {
      bool kept = false;
      for (const Node& a : stage->args()) kept = kept || PathOf(a).IsPrefixOf(p);
      if (!kept) return false;
    }
  }
  ++stages_taken_;
  return true;
}

Split SplitBuilder::Finish() const {
  Split s;
  std::vector<Node> left;
  for (size_t i = 0; i < taken_.size(); ++i) {
    const Node& n = query_.conjuncts()[i];
    if (taken_[i]) {
      s.taken_conjuncts.push_back(n);
    } else {
      left.push_back(n);
    }
  }
  const auto& stages = query_.stages();
  s.taken_stages.assign(stages.begin(), stages.begin() + stages_taken_);
  s.residual = Query::Of(std::move(left), {stages.begin() + stages_taken_, stages.end()});
  return s;
}

void Split::Describe(ExplainNode* n) const {
  for (const auto* list : {&taken_conjuncts, &taken_stages}) {
    for (const Node& t : *list) n->taken.push_back(PrintNode(t));
  }
  for (const auto* list : {&residual.conjuncts(), &residual.stages()}) {
    for (const Node& t : *list) n->left.push_back(PrintNode(t));
  }
}

}  // namespace strata
