// IndexCatalog: the indexes of a store that queries may use, as of one moment.
#ifndef STRATA_STORE_INDEX_CATALOG_H_
#define STRATA_STORE_INDEX_CATALOG_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "store/index_spec.h"
#include "store/index_stats.h"

namespace strata {

struct CatalogIndex {
  IndexSpec spec;
  uint32_t number = 0;  // the store's own name for it
  std::shared_ptr<const IndexStats> stats;
};

using CatalogIndexPtr = std::shared_ptr<const CatalogIndex>;

// Microseconds that a base store takes, for the planner. They need to be right only in proportion;
// bench/query_bench shows them.
struct AccessCosts {
  double scan_row = 0.1;      // to pass and check one document in order of id
  double index_entry = 0.05;  // to pass one index entry
  double fetch = 0.15;        // to get and check one document by its id
  double seek = 0.5;          // to begin anywhere
  bool covering = false;      // whether the index holds the values of its paths
  bool counted = true;        // whether the number of documents is known
};

// Immutable; shared between threads.
struct IndexCatalog {
  std::vector<CatalogIndexPtr> indexes;
  uint64_t epoch = 0;  // changes whenever an index comes or goes or is analyzed
  bool Has(uint32_t number) const {
    for (const CatalogIndexPtr& i : indexes) {
      if (i->number == number) return true;
    }
    return false;
  }
  const CatalogIndex* Find(std::string_view name) const {
    for (const CatalogIndexPtr& i : indexes) {
      if (i->spec.name == name) return i.get();
    }
    return nullptr;
  }
};

}  // namespace strata

#endif  // STRATA_STORE_INDEX_CATALOG_H_
