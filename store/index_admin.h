// IndexAdmin: what an operator may do with a base store's indexes. Safe for concurrent use.
#ifndef STRATA_STORE_INDEX_ADMIN_H_
#define STRATA_STORE_INDEX_ADMIN_H_

#include <memory>
#include <string>
#include <vector>

#include "core/context.h"
#include "store/index_spec.h"
#include "store/index_stats.h"
#include "store/query_log.h"

namespace strata {

// kBuilding: writes keep it up, queries do not use it yet. kFailed: two documents have a value that
// is to be unique, or a value is too long; `message` says which.
enum class IndexState : uint8_t { kBuilding, kReady, kFailed, kDropping };
std::string_view IndexStateName(IndexState state);

// Who asked for an index.
enum class IndexOrigin : uint8_t { kDeclared, kAdded, kAutomatic };
std::string_view IndexOriginName(IndexOrigin origin);

// NotFound with the nearest of the names, or all.
Status NoSuchIndex(std::string_view name, const std::vector<std::string>& names);

struct IndexReport {
  IndexSpec spec;
  IndexState state = IndexState::kReady;
  IndexOrigin origin = IndexOrigin::kDeclared;
  uint64_t done = 0;   // documents looked at, of a build
  uint64_t total = 0;  // documents to look at, about
  std::string message;
  std::shared_ptr<const IndexStats> stats;
  bool stats_known = true;  // false: from before a crash, and being counted again
  uint32_t number = 0;      // the store's own name for it
};

class IndexAdmin {
 public:
  virtual ~IndexAdmin() = default;
  virtual std::vector<IndexReport> Indexes() const = 0;
  // Begins to build it; Indexes() shows how far it is. AlreadyExists for a name that is taken.
  virtual Status CreateIndex(const IndexSpec& spec, IndexOrigin origin) = 0;
  // NotFound; FailedPrecondition for one that the configuration declares.
  virtual Status DropIndex(std::string_view name) = 0;
  // Waits until every build has ended.
  virtual Status WaitForIndexes(const Context& ctx) = 0;
  // Makes all statistics anew from the indexes.
  virtual Status Analyze(const Context& ctx) = 0;
  virtual QueryLog& queries() = 0;
};

}  // namespace strata

#endif  // STRATA_STORE_INDEX_ADMIN_H_
