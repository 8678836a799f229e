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
#include "core/executor.h"
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

// What the configuration needs to know of a stage type to say whether it may stand where it stands.
struct OrderFacts {
  // Of a base: the change feed that it offers. Of a wrapper: the most that it passes on.
  ChangeFeed feed = ChangeFeed::kResumable;
  bool volatile_data = false;  // a base whose data is gone when the process ends
  bool needs_feed = false;     // cannot work over a store without a change feed
  // Its feed tells what was written through it, and nothing of what others write below it.
  bool own_feed = false;
  // Wrong when what is below is also written through another store, unless that gives changes.
  bool needs_news_of_others = false;
  // Of such a type: the option, and its value, with which it does not listen to them.
  std::pair<std::string, std::string> deaf_when = {};
  bool wasteful_over_volatile = false;  // gains nothing right above a volatile base
  // Types that have to stand above this one, or had better, with the reason.
  std::vector<std::pair<std::string, std::string>> must_be_below = {};
  std::vector<std::pair<std::string, std::string>> better_below = {};
  // The option that names a file or folder which only one stage of a pipeline may open.
  std::string exclusive_option = {};
  // The option whose value no two stages of this type over one base may share, be it on one line
  // or beside one another.
  std::string distinct_on_line = {};
  // The option whose value names a member that the base had better index.
  std::string wants_index_on = {};
  bool testing_only = false;  // belongs into tests; a warning elsewhere
  // What the first inner store is given, the others get too: such stages must not form a ring.
  bool first_feeds_others = false;
};

struct StageType {
  std::string name;
  std::string doc;     // one line
  std::string target;  // the Bazel target that holds it
  Children children = Children::kNone;
  std::vector<OptionSpec> options;
  OrderFacts order;
  // A second store, under an option of this name, that nobody else may use; it may be left out.
  // Built, it follows the inner one in `info.children`.
  std::string side_child;
  // The names of the further stores that one stage gives, for a type that does. Each is built by
  // `build` with its name in `info.member`.
  std::function<std::vector<std::string>(const void* options)> members;

  // Says what is wrong with options beyond what the table knows; may be empty. `inners`: how many
  // inner stores are configured.
  std::function<void(const void* options, size_t inners, const std::string& pointer,
                     ConfigProblems* problems)>
      check;

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
