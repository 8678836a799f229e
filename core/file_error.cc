#include "core/file_error.h"

#include <cerrno>
#include <system_error>

namespace strata {

Status FileError(std::string_view failed, int error) {
  const std::string message = Concat(failed, ": ", std::system_category().message(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ResourceExhausted(message);
    case ENOENT:
      return NotFound(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return PermissionDenied(message);
    default:
      return Unavailable(message);
  }
}

}  // namespace strata
