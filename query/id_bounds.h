// What a query's conditions say about the ids that can match: the access path that every base store
// has.
#ifndef STRATA_QUERY_ID_BOUNDS_H_
#define STRATA_QUERY_ID_BOUNDS_H_

#include <optional>
#include <string>
#include <vector>

#include "query/query.h"

namespace strata {

struct IdBounds {
  // These ids only, sorted, without repetition.
  std::optional<std::vector<std::string>> ids;
  std::string from;                // inclusive
  std::optional<std::string> end;  // exclusive; none: to the last

  bool bounded() const { return ids.has_value() || !from.empty() || end.has_value(); }
  bool Contains(std::string_view id) const { return id >= from && (!end || id < *end); }
  // "ids (2)", "id range", "scan": for explain.
  std::string AccessName() const;
};

// From eq, in, prefix, between and the comparisons of strings on `id` among the conjuncts. A
// superset of the ids that match, so the conditions are still to be asked.
IdBounds IdBoundsOf(const std::vector<Node>& conjuncts);

}  // namespace strata

#endif  // STRATA_QUERY_ID_BOUNDS_H_
