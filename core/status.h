// Status: what an operation came to, as Abseil's Status with Strata's conventions.
//
//   StatusOr<Document> d = Document::Parse(text);
//   if (!d.ok()) return d.status();
//
// A message says what was found, where, and what was expected. Every status that leaves a stage
// gains one frame (AddFrame), so that a message printed at the top names the path that it took.
#ifndef STRATA_CORE_STATUS_H_
#define STRATA_CORE_STATUS_H_

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/abseil.h"

namespace strata {

using absl::OkStatus;
using absl::Status;
using absl::StatusCode;
template <typename T>
using StatusOr = absl::StatusOr<T>;

inline Status MakeStatus(StatusCode code, std::string_view m) { return Status(code, A(m)); }
inline Status InvalidArgument(std::string_view m) {
  return MakeStatus(StatusCode::kInvalidArgument, m);
}
inline Status NotFound(std::string_view m) { return MakeStatus(StatusCode::kNotFound, m); }
inline Status AlreadyExists(std::string_view m) {
  return MakeStatus(StatusCode::kAlreadyExists, m);
}
inline Status FailedPrecondition(std::string_view m) {
  return MakeStatus(StatusCode::kFailedPrecondition, m);
}
inline Status Aborted(std::string_view m) { return MakeStatus(StatusCode::kAborted, m); }
inline Status Unimplemented(std::string_view m) {
  return MakeStatus(StatusCode::kUnimplemented, m);
}
inline Status Unavailable(std::string_view m) { return MakeStatus(StatusCode::kUnavailable, m); }
inline Status ResourceExhausted(std::string_view m) {
  return MakeStatus(StatusCode::kResourceExhausted, m);
}
inline Status PermissionDenied(std::string_view m) {
  return MakeStatus(StatusCode::kPermissionDenied, m);
}
inline Status DataLoss(std::string_view m) { return MakeStatus(StatusCode::kDataLoss, m); }
inline Status Internal(std::string_view m) { return MakeStatus(StatusCode::kInternal, m); }

inline std::string_view Message(const Status& s) { return S(s.message()); }

// The same status with another message; frames are kept.
Status WithMessage(const Status& s, std::string_view message);

// "NOT_FOUND", as machines see it.
std::string_view CodeName(StatusCode code);
// The HTTP status for a code: 400, 404, 409, 412, …
int HttpStatus(StatusCode code);
// Whether the same call may succeed when it is made again.
bool IsRetryable(StatusCode code);
// Whether an operation that failed with this code has certainly had no effect: it was refused. Any
// other one may have failed on the way back, as when a connection breaks before the answer.
bool DidNothing(StatusCode code);

// Adds one frame {stage path, operation, subject} (subject: an id or a query; may be empty).
Status AddFrame(const Status& s, std::string_view stage, std::string_view operation,
                std::string_view subject);
// "INVALID_ARGUMENT: message\n  in disk: Read a1\n  in packages/0 (forward): Read a1", innermost
// first.
std::string Describe(const Status& s);
// The frames alone, one a line, innermost first; empty when there are none.
std::string Frames(const Status& s);

}  // namespace strata

#define STRATA_CAT_(a, b) a##b
#define STRATA_CAT(a, b) STRATA_CAT_(a, b)

// Returns from the function when the expression is not OK.
#define RETURN_IF_ERROR(expr)                               \
  do {                                                      \
    if (::strata::Status status_ = (expr); !status_.ok()) { \
      return status_;                                       \
    }                                                       \
  } while (false)

// ASSIGN_OR_RETURN(Document d, Document::Parse(text));
#define ASSIGN_OR_RETURN(lhs, expr) ASSIGN_OR_RETURN_(STRATA_CAT(result_, __LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_(result, lhs, expr) \
  auto result = (expr);                      \
  if (!result.ok()) return result.status();  \
  lhs = std::move(result).value()

#endif  // STRATA_CORE_STATUS_H_
