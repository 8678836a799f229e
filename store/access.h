// The planner: which way a base store goes to the documents that a query wants.
//
// Without a sort, rows come in order of id whatever the way, so limits and pages mean the same
// under every plan. Costs are microseconds by the store's AccessCosts and the indexes' statistics.
#ifndef STRATA_STORE_ACCESS_H_
#define STRATA_STORE_ACCESS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "query/id_bounds.h"
#include "query/query.h"
#include "query/sort_position.h"
#include "store/index_bounds.h"
#include "store/index_catalog.h"

namespace strata {

// What a plan needs of a base store.
struct AccessRequest {
  std::vector<Node> conjuncts;     // bound, without parameters
  std::optional<Node> sort;        // the order that the rows are to have; none: by id
  std::optional<uint64_t> wanted;  // rows after which the caller will stop
  const Node* end = nullptr;       // count(), min(p) or max(p) over the rows, when it is next
  std::optional<std::vector<Path>> read;  // the paths that are read at all; none: any may be
  std::vector<std::string> hint;          // of using(…)
};

struct IndexUse {
  CatalogIndexPtr index;
  IndexBounds bounds;
  double entries = 0;         // estimated
  std::vector<Node> because;  // the conditions that made the bounds
};

struct AccessPath {
  enum class Kind : uint8_t {
    kScan,        // in order of id, within `ids`
    kIndex,       // one index, in its order
    kIdSet,       // ids from one index, or where several agree, or from any of several; sorted
    kCountIndex,  // the number of entries
    kCountAll,    // the number of documents, known
    kEnd,         // the first document from an end of one index
  };
  Kind kind = Kind::kScan;
  IdBounds ids;
  std::vector<IndexUse> uses;
  bool unite = false;                    // kIdSet: any of them, not all
  IndexOrder order = IndexOrder::kNone;  // kIndex, kEnd
  bool sorted = false;                   // the rows have the order wanted
  bool covered = false;                  // rows hold only the index's paths and the id
  std::vector<Node> remaining;           // conditions to be asked of each document
  double cost = 0;                       // microseconds
  double rows = 0;                       // estimated result
  double examined = 0;                   // estimated documents or entries looked at

  std::string Describe() const;  // "index category,-price", "scan", …
};

struct AccessPlan {
  AccessPath chosen;
  std::vector<AccessPath> others;  // that were compared, the cheapest first
};

// Errors: InvalidArgument for a hint that names what is not there or cannot serve.
StatusOr<AccessPlan> ChooseAccess(const AccessRequest& request, const IndexCatalog& catalog,
                                  const AccessCosts& costs, double documents);

}  // namespace strata

#endif  // STRATA_STORE_ACCESS_H_
