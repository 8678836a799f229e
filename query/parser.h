// Text to syntax tree.
//
//   StatusOr<Node> root = ParseQuery("category=laptop&price=lt=900&sort(-rating)&limit(10)");
//
// The root is always `and` or `or`. Errors are InvalidArgument with the byte offset and a caret
// line. Runs in time linear in the text.
#ifndef STRATA_QUERY_PARSER_H_
#define STRATA_QUERY_PARSER_H_

#include <string_view>

#include "core/status.h"
#include "query/ast.h"

namespace strata {

struct ParseLimits {
  size_t max_bytes = 64 << 10;  // of text
  int max_depth = 64;           // of parentheses
  int max_terms = 4096;         // comparisons and calls
  int max_list_values = 10000;  // in all lists together
};

StatusOr<Node> ParseQuery(std::string_view text, const ParseLimits& limits = {});

// "at byte 4: MESSAGE", then the text around it with a caret below.
Status ErrorAt(std::string_view text, size_t offset, std::string_view message);

}  // namespace strata

#endif  // STRATA_QUERY_PARSER_H_
