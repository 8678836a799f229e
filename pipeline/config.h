// A pipeline's JSON text, checked: expanded, resolved, options read, order looked at. Nothing is
// opened here.
#ifndef STRATA_PIPELINE_CONFIG_H_
#define STRATA_PIPELINE_CONFIG_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/stage.h"

namespace strata {

// A file that asks for more is refused. The depth leaves room in a JSON text, of at most 256
// levels, for the canonical form, which takes two for each stage.
inline constexpr size_t kMaxStages = 1024;     // of a file; also the most stores
inline constexpr size_t kMaxStageDepth = 100;  // stages on one another, with the base

// One stage of the resolved tree. Children come before their parents in PipelineConfig::stages.
struct StageConfig {
  std::string pointer;              // "/stores/packages/0"
  std::string path;                 // "packages/0 (forward)"
  const StageType* type = nullptr;  // owned by the registry
  std::shared_ptr<const void> options;
  std::string canonical;         // of the options, JSON
  std::vector<size_t> children;  // places in PipelineConfig::stages
  std::string member;            // of a type that gives several stores: which one; "": its own
  bool shared_below = false;     // see StoreInfo
  // The most that its change feed gives, as far as its type tells; what is opened may give less.
  ChangeFeed feed = ChangeFeed::kNone;
};

struct PipelineConfig {
  std::vector<StageConfig> stages;
  std::vector<std::pair<std::string, size_t>>
      stores;                      // name and outermost stage, in the order of the file
  std::vector<std::string> serve;  // names
  ConfigProblems warnings;

  // The resolved configuration in one normal form, which is a pipeline file again: every option
  // with its value, inner stores written out where they stand but for those that have a name.
  std::string Canonical() const;
  // The stores as trees, outermost first: types, options that differ from their defaults, and what
  // is known of their capabilities before they are opened.
  std::string TreeText() const;
};

// What a binary that links everything knows: lets a smaller one say which target is missing.
struct KnownStage {
  std::string_view type;
  std::string_view target;
};
std::span<const KnownStage> ProjectStages();

// Checks everything and gives all problems in one InvalidArgument:
//   packages.json: 2 problems
//     /stores/packages/0/capcity   unknown option "capcity" of cache; did you mean "capacity"?
//     …
// `name`: for messages. `base_dir`: what relative paths are relative to.
StatusOr<PipelineConfig> CheckPipeline(std::string_view text, std::string_view name,
                                       const std::string& base_dir, const StageRegistry& registry);

// "FILE: N problems" and a line for each.
std::string DescribeProblems(std::string_view name, const ConfigProblems& problems,
                             std::string_view noun = "problem");

// A JSON Schema (2020-12) of pipeline files with the registry's stages, for editors.
std::string PipelineJsonSchema(const StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_PIPELINE_CONFIG_H_
