// LivePipeline: a pipeline whose description may change while it is used.
//
//   ASSIGN_OR_RETURN(auto live, LivePipeline::Open("pipeline.json", registry));
//   ASSIGN_OR_RETURN(std::shared_ptr<Store> store, live->Get("packages"));   // valid for ever
//   …
//   Status s = live->Reload(ctx);   // the file has changed
//
// A reload keeps every stage whose own options and inner stores are what they were, with its data,
// caches and counters. Operations that are under way are waited for, new ones wait meanwhile, and
// then everybody is on the new pipeline; subscriptions go on behind the last change. A transaction
// that was open is Aborted when it commits: run it again. When anything is wrong with the new
// description, or a stage of it cannot be opened, nothing changes. A stage that holds files and
// whose options changed is such a one, for the running one holds them: open the pipeline anew.
#ifndef STRATA_PIPELINE_LIVE_PIPELINE_H_
#define STRATA_PIPELINE_LIVE_PIPELINE_H_

#include <memory>
#include <string>
#include <string_view>

#include "pipeline/pipeline.h"

namespace strata {

// Safe for concurrent use.
class LivePipeline {
 public:
  // As Pipeline::Open.
  static StatusOr<std::unique_ptr<LivePipeline>> Open(const std::string& file,
                                                      const StageRegistry& registry);
  static StatusOr<std::unique_ptr<LivePipeline>> FromText(std::string_view text,
                                                          const std::string& base_dir,
                                                          const StageRegistry& registry);
  ~LivePipeline();

  // The store of that name, in whatever pipeline is the current one. It may outlive this object.
  // Its operations give Unavailable while no such store is described.
  StatusOr<std::shared_ptr<Store>> Get(std::string_view name) const;

  // Reads the file again. Errors: as Open, and the context's while operations do not end.
  Status Reload(const Context& ctx);
  Status Reload(const Context& ctx, std::string_view text);

  std::shared_ptr<const Pipeline> current() const;

 private:
  class Shared;
  class LiveStore;
  class LivePlan;
  class LiveTransaction;
  class LiveSubscription;

  LivePipeline(std::string file, std::string base_dir, const StageRegistry& registry,
               std::shared_ptr<Pipeline> first);

  const std::string file_;
  const std::string base_dir_;
  const StageRegistry& registry_;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace strata

#endif  // STRATA_PIPELINE_LIVE_PIPELINE_H_
