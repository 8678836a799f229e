#include "core/file_error.h"

#include <cerrno>
#include <system_error>

namespace strata {

Status FileError(std::string_view failed, int error) {
  const std::string message = Concat(failed, ": ", std::system_category().message(error));
  const bool no_room = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return no_room ? ResourceExhausted(message) : Unavailable(message);
}

}  // namespace strata
