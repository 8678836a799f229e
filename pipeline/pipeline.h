// Pipeline: configuration text to a running stack of stores.
//
//   StageRegistry registry;
//   RETURN_IF_ERROR(RegisterAll(registry));           // or only the stages that you link
//   StatusOr<std::unique_ptr<Pipeline>> p = Pipeline::Open("packages.json", registry);
//   std::shared_ptr<Store> packages = (*p)->Find("packages");
//
// Safe for concurrent use. The stores that it hands out stay usable after it is gone.
#ifndef STRATA_PIPELINE_PIPELINE_H_
#define STRATA_PIPELINE_PIPELINE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/config.h"
#include "pipeline/observed_store.h"
#include "store/introspection.h"

namespace strata {

class Pipeline {
 public:
  // Reads, checks and opens. NotFound when there is no such file; InvalidArgument with all problems
  // of the configuration; what a stage said when it could not be opened (then nothing stays open).
  // `registry` must outlive the pipeline.
  static StatusOr<std::unique_ptr<Pipeline>> Open(const std::string& file,
                                                  const StageRegistry& registry);
  static StatusOr<std::unique_ptr<Pipeline>> FromText(std::string_view text,
                                                      const std::string& base_dir,
                                                      const StageRegistry& registry,
                                                      std::string_view name = "pipeline");
  // Another pipeline that takes over each stage of `old` whose options and inner stores are the
  // same; such a stage keeps its old place in messages and counters. Nobody may use `old`
  // meanwhile.
  static StatusOr<std::unique_ptr<Pipeline>> After(const Pipeline& old, PipelineConfig config);
  ~Pipeline();

  // By name; null when there is none.
  std::shared_ptr<Store> Find(std::string_view name) const;
  // The stage itself, without what observes it: for maintenance such as a backup. Null for an
  // unknown name.
  std::shared_ptr<Store> FindBase(std::string_view name) const;
  // The outermost stage of that name, without what observes it: for what only that type can do.
  // Null for an unknown name.
  std::shared_ptr<Store> FindStage(std::string_view name) const;
  // The stages of that name from the outermost down, without what observes them. Empty for an
  // unknown name.
  std::vector<std::shared_ptr<Store>> StagesOf(std::string_view name) const;
  // As Find, but NotFound with the nearest name.
  StatusOr<std::shared_ptr<Store>> Get(std::string_view name) const;

  const PipelineConfig& config() const { return config_; }
  // The tree with effective capabilities, and counters when asked for.
  std::string InspectText(bool with_stats) const;
  std::string InspectJson(bool with_stats) const;
  // What all stages count, as Prometheus reads it.
  std::string MetricsText() const;

 private:
  explicit Pipeline(PipelineConfig config) : config_(std::move(config)) {}
  Status Build(const Pipeline* old);
  // The stage of `old` that can be the stage `index`; nothing when it has to be built.
  std::optional<size_t> Same(const Pipeline& old, size_t index,
                             const std::vector<bool>& taken) const;
  std::vector<Metric> StageMetrics(size_t index) const;
  std::string InspectStageJson(size_t index, bool with_stats) const;

  PipelineConfig config_;
  std::shared_ptr<Executor> executor_;  // stores keep it as long as they live
  std::shared_ptr<IdGenerator> ids_ = std::make_shared<IdGenerator>();  // so do they keep this
  std::vector<std::shared_ptr<Store>> raw_;                             // beside config_.stages
  std::vector<std::shared_ptr<Store>> stages_;                          // observed
  std::vector<std::shared_ptr<StageStats>> stats_;
};

// A whole file's text. NotFound or Unavailable; InvalidArgument for a directory.
StatusOr<std::string> ReadTextFile(const std::string& file);

}  // namespace strata

#endif  // STRATA_PIPELINE_PIPELINE_H_
