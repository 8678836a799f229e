// A slow, strict reader of JSON that says exactly what is wrong and where.
#ifndef STRATA_CORE_JSON_DIAGNOSE_H_
#define STRATA_CORE_JSON_DIAGNOSE_H_

#include <string_view>

#include "core/status.h"

namespace strata {

// OK when `text` is one JSON value within this library's rules (core/document.h); else
// InvalidArgument such as
//   at byte 7 (line 1, column 8): expected "," or "}", found "2"
Status DiagnoseJson(std::string_view text);

// "byte 7 (line 1, column 8)": columns count bytes.
std::string DescribeOffset(std::string_view text, size_t offset);

}  // namespace strata

#endif  // STRATA_CORE_JSON_DIAGNOSE_H_
