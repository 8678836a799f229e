// Stage types and their registry: what a pipeline's "type" may be.
//
// Registration is explicit (RegisterMemory(registry)): static initialisers vanish from statically
// linked services.
#ifndef STRATA_STORE_STAGE_H_
#define STRATA_STORE_STAGE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "store/executor.h"
#include "store/option_table.h"
#include "store/store.h"

namespace strata {

// What a stage may use while it is built and for as long as it lives.
struct BuildContext {
  std::shared_ptr<Executor> executor;
  IdGenerator* ids = nullptr;
  const Clock* clock = nullptr;
};

enum class Children : uint8_t { kNone, kOne, kMany };

struct StageType {
  std::string name;
  std::string doc;     // one line
  std::string target;  // the Bazel target that holds it
  Children children = Children::kNone;
  std::vector<OptionSpec> options;
  // What the configuration's order rules need to know.
  bool volatile_data = false;  // a base whose data is gone when the process ends
  std::string
      exclusive_option;       // the option whose value only one stage may have (a folder on disk)
  bool testing_only = false;  // belongs into tests; a warning elsewhere

  // Makes the option struct, for ReadOptions to fill in.
  std::function<std::shared_ptr<void>()> new_options;
  // Builds the store. `info.children` are built already.
  std::function<StatusOr<std::shared_ptr<Store>>(const void* options, StoreInfo info,
                                                 const BuildContext& context)>
      build;
};

// Fills in options, new_options and build from typed ones.
template <typename T>
StageType MakeStageType(std::string name, std::string doc, std::string target, Children children,
                        const OptionTable<T>& table,
                        StatusOr<std::shared_ptr<Store>> (*build)(const T&, StoreInfo,
                                                                  const BuildContext&)) {
  StageType type;
  type.name = std::move(name);
  type.doc = std::move(doc);
  type.target = std::move(target);
  type.children = children;
  type.options = table.specs();
  type.new_options = [] { return std::make_shared<T>(); };
  type.build = [build](const void* options, StoreInfo info, const BuildContext& context) {
    return build(*static_cast<const T*>(options), std::move(info), context);
  };
  return type;
}

// Filled before use, then safe for concurrent reading.
class StageRegistry {
 public:
  // Internal for a name that is taken.
  Status Register(StageType type);
  const StageType* Find(std::string_view name) const;
  std::vector<std::string> Names() const;  // sorted

 private:
  std::map<std::string, StageType, std::less<>> types_;
};

}  // namespace strata

#endif  // STRATA_STORE_STAGE_H_
