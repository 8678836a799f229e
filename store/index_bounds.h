// What a query's conditions say about the keys of an index.
#ifndef STRATA_STORE_INDEX_BOUNDS_H_
#define STRATA_STORE_INDEX_BOUNDS_H_

#include <optional>
#include <string>
#include <vector>

#include "query/query.h"
#include "store/index_spec.h"

namespace strata {

struct IndexBounds {
  std::vector<KeyRange> ranges;  // in order, disjoint; none: nothing can match
  // Of each conjunct: whether every document with a key in the ranges satisfies it, and no other.
  std::vector<bool> answered;
  std::vector<bool> used;  // of each conjunct: whether it narrowed the ranges
  size_t equal_parts = 0;  // leading parts that have one value
  size_t point_parts = 0;  // leading parts that have one value or several
  bool narrowed = false;   // some condition did
  bool one_key = false;    // all entries have the same key, so they are in order of id
};

// The bounds of bound conjuncts without parameters. Without a condition on the first part the range
// is the whole index.
IndexBounds BoundsOf(const IndexSpec& spec, const std::vector<Node>& conjuncts);

// How the order of an index serves a sort.
enum class IndexOrder : uint8_t { kNone, kForward, kReverse };
IndexOrder OrderOf(const IndexSpec& spec, const IndexBounds& bounds,
                   const std::vector<SortKey>& keys);

// The index key behind which a sort goes on whose last row had `sort_key`; none when it is damaged.
std::optional<std::string> IndexKeyOf(const IndexSpec& spec, const IndexBounds& bounds,
                                      const std::vector<SortKey>& keys, std::string_view sort_key);

}  // namespace strata

#endif  // STRATA_STORE_INDEX_BOUNDS_H_
