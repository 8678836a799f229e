// Syntax tree to canonical text: ParseQuery(PrintQuery(root)) == root. The cache key, the wire form
// and what explain prints.
#ifndef STRATA_QUERY_PRINT_H_
#define STRATA_QUERY_PRINT_H_

#include <string>

#include "query/ast.h"

namespace strata {

// A whole query. Requires: `and`, or `or` of two or more.
std::string PrintQuery(const Node& root);
// One node in call form: eq(price,900).
std::string PrintNode(const Node& n);

}  // namespace strata

#endif  // STRATA_QUERY_PRINT_H_
