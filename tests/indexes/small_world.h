// Documents, queries and sets of indexes over few names and few values, so that conditions match,
// keys repeat and sorts have ties.
#ifndef STRATA_TESTS_INDEXES_SMALL_WORLD_H_
#define STRATA_TESTS_INDEXES_SMALL_WORLD_H_

#include <string>
#include <vector>

#include "query/query.h"
#include "tests/support/random_json.h"

namespace strata::testing {

class SmallWorld {
 public:
  explicit SmallWorld(uint64_t seed) : random_(seed) {}
  int Below(int n) { return random_.Below(n); }

  std::string Id(int ids);  // "k17", or a number
  std::string DocumentText(const std::string& id_json);
  Query AnyQuery();
  // The "indexes" option: one to five, each of a random kind. Unique ones have the id's twin "key"
  // among their paths.
  std::string Indexes();

 private:
  std::string Value(bool nested);
  Node Literal();
  Node Property();
  Node Condition(int depth);

  RandomJson random_;
};

}  // namespace strata::testing

#endif  // STRATA_TESTS_INDEXES_SMALL_WORLD_H_
