// Documents as text for people (pretty) and for comparing (canonical).
#ifndef STRATA_CORE_JSON_PRINT_H_
#define STRATA_CORE_JSON_PRINT_H_

#include <string>

#include "core/document.h"

namespace strata {

// Members sorted by name, numbers and strings in their one shortest spelling: equal values, equal
// texts. (As RFC 8785, but names sort by UTF-8 bytes and integers keep all their digits.)
std::string CanonicalJson(Value v);
// Indented by two spaces; numbers and strings as they stand.
std::string PrettyJson(Value v);

}  // namespace strata

#endif  // STRATA_CORE_JSON_PRINT_H_
