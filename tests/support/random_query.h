// Random syntax trees and queries, in the normal form that the parser makes.
#ifndef STRATA_TESTS_SUPPORT_RANDOM_QUERY_H_
#define STRATA_TESTS_SUPPORT_RANDOM_QUERY_H_

#include "query/query.h"
#include "tests/support/random_json.h"

namespace strata::testing {

class RandomQuery {
 public:
  explicit RandomQuery(uint64_t seed) : json_(seed) {}

  // Any tree, with unknown operators, odd names and every kind of literal: for printing and
  // parsing.
  Node Tree();
  // A bound query over the names of RandomJson, that means something: for answering.
  Query Answerable();
  Node Condition(int depth = 2);

 private:
  int Below(int n) { return json_.Below(n); }
  std::string Text();
  Node Literal();
  Node Value(int depth);
  Node PathNode();
  Node Call(int depth);

  RandomJson json_;
};

}  // namespace strata::testing

#endif  // STRATA_TESTS_SUPPORT_RANDOM_QUERY_H_
