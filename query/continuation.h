// Continuations: opaque texts that say where a page of rows ended. Versioned, checked, and good for
// one query only.
#ifndef STRATA_QUERY_CONTINUATION_H_
#define STRATA_QUERY_CONTINUATION_H_

#include <string>
#include <string_view>

#include "core/status.h"

namespace strata {

// `query_text`: canonical, with parameters bound.
std::string EncodeContinuation(std::string_view query_text, std::string_view position);
// InvalidArgument for a damaged text, another version, or another query.
StatusOr<std::string> DecodeContinuation(std::string_view query_text,
                                         std::string_view continuation);
Status BadContinuation();

}  // namespace strata

#endif  // STRATA_QUERY_CONTINUATION_H_
