// Tokens of a query to typed values, and values back to tokens.
#ifndef STRATA_QUERY_LITERAL_H_
#define STRATA_QUERY_LITERAL_H_

#include <string>
#include <string_view>

#include "core/status.h"
#include "query/ast.h"

namespace strata {

inline constexpr size_t kMaxRegexBytes = 1024;
inline constexpr int kMaxParam = 999;

// Decodes %XX. InvalidArgument for a bad escape or for bytes that are not UTF-8.
StatusOr<std::string> DecodePercent(std::string_view raw);
// Encodes every byte but letters, digits and - _ . ~
void AppendPercentEncoded(std::string* out, std::string_view text);

// A raw token in a value's place: a parameter, a typed value (`date:2009`), a bare number, date,
// true, false, null, or a string. Typing looks at the raw text, so `%31` is a string.
StatusOr<Node> ParseLiteral(std::string_view raw);
// A raw token in a text's place: a parameter, `string:…` or the text itself.
StatusOr<Node> ParseText(std::string_view raw);
// A raw token in a property's place: split at slashes; `string:…` is one step. Steps may not be
// empty.
StatusOr<Node> ParseProperty(std::string_view raw);

// Appends a literal so that ParseLiteral reads it back. Requires: no array, no call.
void AppendLiteral(std::string* out, const Node& n);

}  // namespace strata

#endif  // STRATA_QUERY_LITERAL_H_
