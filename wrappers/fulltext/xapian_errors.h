// Xapian's exceptions as statuses: none leaves this folder. Internal to it.
#ifndef STRATA_WRAPPERS_FULLTEXT_XAPIAN_ERRORS_H_
#define STRATA_WRAPPERS_FULLTEXT_XAPIAN_ERRORS_H_

#include <functional>
#include <string_view>

#include "core/status.h"

namespace strata::fulltext {

// What ends a search from within, thrown through Xapian.
struct Stopped {
  Status why;
};

// Runs an action that may throw Xapian's errors, or Stopped. `doing` becomes part of the message.
// DataLoss for what says that the database is damaged, InvalidArgument for what was asked wrongly,
// ResourceExhausted for a full disk or memory, else Unavailable.
Status Guarded(std::string_view doing, const std::function<Status()>& action);

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_XAPIAN_ERRORS_H_
