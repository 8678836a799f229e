// Text from outside to a document's memory: the only door to simdjson. For core/ only.
#ifndef STRATA_CORE_JSON_PARSE_H_
#define STRATA_CORE_JSON_PARSE_H_

#include <string_view>

#include "core/document_rep.h"
#include "core/status.h"

namespace strata::internal {

// Parses, checks and minifies `text` and builds its field index. The caller owns the result.
StatusOr<DocumentRep*> ParseJson(std::string_view text);

}  // namespace strata::internal

#endif  // STRATA_CORE_JSON_PARSE_H_
