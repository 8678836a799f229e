// What the system said about a file, as a status.
#ifndef STRATA_CORE_FILE_ERROR_H_
#define STRATA_CORE_FILE_ERROR_H_

#include <string_view>

#include "core/status.h"

namespace strata {

// "cannot write the journal /x: No space left on device". `error` is an errno: ResourceExhausted
// where there is no room, else Unavailable.
Status FileError(std::string_view failed, int error);

}  // namespace strata

#endif  // STRATA_CORE_FILE_ERROR_H_
