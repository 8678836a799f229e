#include "wrappers/fulltext/xapian_errors.h"

#include <xapian.h>

#include <algorithm>
#include <iterator>
#include <new>
#include <string>

#include "core/abseil.h"

namespace strata::fulltext {
namespace {

Status FromXapian(const Xapian::Error& error, std::string_view doing) {
  const std::string message = Concat(
      "full-text index: ", doing, ": ", error.get_type(), std::string(": "), error.get_msg(),
      error.get_error_string() == nullptr ? "" : Concat(" (", error.get_error_string(), ")"));
  const std::string_view type = error.get_type();
  if (type == "DatabaseCorruptError") return DataLoss(message);
  const char* system = error.get_error_string();
  if (system != nullptr) {
    const bool full = std::string_view(system).find("No space") != std::string_view::npos;
    return full ? ResourceExhausted(message) : Unavailable(message);
  }
  // What the machine did not refuse, but Xapian makes no sense of. After a failed commit the
  // database may be closed, which says nothing of what is on disk.
  static constexpr std::string_view kDamage[] = {
      "DatabaseError",        "DatabaseOpeningError", "DatabaseNotFoundError",
      "DatabaseVersionError", "RangeError",           "SerialisationError"};
  const bool write = error.get_msg().starts_with("Modifications failed");
  if (!write && std::find(std::begin(kDamage), std::end(kDamage), type) != std::end(kDamage))
    return DataLoss(message);
  return type == "InvalidArgumentError" ? InvalidArgument(message) : Unavailable(message);
}

}  // namespace

Status Guarded(std::string_view doing, const std::function<Status()>& action) {
  try {
    return action();
  } catch (const Xapian::Error& e) {
    return FromXapian(e, doing);
  } catch (const Stopped& stopped) {
    return stopped.why;
  } catch (const std::bad_alloc&) {
    return ResourceExhausted(Concat("full-text index: ", doing, ": out of memory"));
  }
}

}  // namespace strata::fulltext
