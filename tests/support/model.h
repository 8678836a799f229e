// The model oracle: an ordered map, and queries answered by brute force, written without any of the
// library's query engine (only documents and their order are shared). What it does is meant to be
// obvious, not fast.
#ifndef STRATA_TESTS_SUPPORT_MODEL_H_
#define STRATA_TESTS_SUPPORT_MODEL_H_

#include <map>
#include <string>
#include <vector>

#include "query/query.h"

namespace strata::testing {

bool ModelMatches(const Node& condition, Value row);

// The rows as texts, in order; a scalar query gives one. Requires: bound, without fulltext, rel,
// after and one.
std::vector<std::string> ModelAnswer(const std::map<std::string, Document>& documents,
                                     const Query& query);

}  // namespace strata::testing

#endif  // STRATA_TESTS_SUPPORT_MODEL_H_
