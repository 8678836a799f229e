#include "core/status.h"

#include "absl/strings/cord.h"

namespace strata {
namespace {

constexpr char kFramesUrl[] = "strata/frames";

}  // namespace

std::string_view CodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "OK";
    case StatusCode::kCancelled:
      return "CANCELLED";
    case StatusCode::kUnknown:
      return "UNKNOWN";
    case StatusCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case StatusCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case StatusCode::kNotFound:
      return "NOT_FOUND";
    case StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case StatusCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    case StatusCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case StatusCode::kFailedPrecondition:
      return "FAILED_PRECONDITION";
    case StatusCode::kAborted:
      return "ABORTED";
    case StatusCode::kOutOfRange:
      return "OUT_OF_RANGE";
    case StatusCode::kUnimplemented:
      return "UNIMPLEMENTED";
    case StatusCode::kInternal:
      return "INTERNAL";
    case StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case StatusCode::kDataLoss:
      return "DATA_LOSS";
    case StatusCode::kUnauthenticated:
      return "UNAUTHENTICATED";
    case StatusCode::kDoNotUseReservedForFutureExpansionUseDefaultInSwitchInstead_:
      break;
  }
  return "UNKNOWN";
}

int HttpStatus(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return 200;
    case StatusCode::kCancelled:
      return 499;
    case StatusCode::kInvalidArgument:
      return 400;
    case StatusCode::kOutOfRange:
      return 416;
    case StatusCode::kUnauthenticated:
      return 401;
    case StatusCode::kPermissionDenied:
      return 403;
    case StatusCode::kNotFound:
      return 404;
    case StatusCode::kAlreadyExists:
      return 409;
    case StatusCode::kAborted:
      return 409;
    case StatusCode::kFailedPrecondition:
      return 412;
    case StatusCode::kResourceExhausted:
      return 429;
    case StatusCode::kUnimplemented:
      return 501;
    case StatusCode::kUnavailable:
      return 503;
    case StatusCode::kDeadlineExceeded:
      return 504;
    case StatusCode::kUnknown:
      return 500;
    case StatusCode::kInternal:
      return 500;
    case StatusCode::kDataLoss:
      return 500;
    case StatusCode::kDoNotUseReservedForFutureExpansionUseDefaultInSwitchInstead_:
      break;
  }
  return 500;
}

bool IsRetryable(StatusCode code) {
  return code == StatusCode::kAborted || code == StatusCode::kUnavailable;
}

bool DidNothing(StatusCode code) {
  switch (code) {
    case StatusCode::kAborted:
    case StatusCode::kAlreadyExists:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kInvalidArgument:
    case StatusCode::kNotFound:
    case StatusCode::kOutOfRange:
    case StatusCode::kPermissionDenied:
    case StatusCode::kUnauthenticated:
    case StatusCode::kUnimplemented:
      return true;
    case StatusCode::kOk:
    case StatusCode::kCancelled:
    case StatusCode::kDataLoss:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kInternal:
    case StatusCode::kResourceExhausted:
    case StatusCode::kUnavailable:
    case StatusCode::kUnknown:
    case StatusCode::kDoNotUseReservedForFutureExpansionUseDefaultInSwitchInstead_:
      break;
  }
  return false;
}

Status WithMessage(const Status& s, std::string_view message) {
  Status out(s.code(), A(message));
  s.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& data) { out.SetPayload(url, data); });
  return out;
}

Status AddFrame(const Status& s, std::string_view stage, std::string_view operation,
                std::string_view subject) {
  if (s.ok()) return s;
  Status out = s;
  absl::Cord frames;
  if (auto old = s.GetPayload(kFramesUrl)) frames = *old;
  if (subject.size() > 200) subject = subject.substr(0, 200);
  std::string line =
      Concat("  in ", stage, ": ", operation, subject.empty() ? "" : " ", subject, "\n");
  frames.Append(line);
  out.SetPayload(kFramesUrl, frames);
  return out;
}

std::string Frames(const Status& s) {
  auto frames = s.GetPayload(kFramesUrl);
  if (!frames) return "";
  std::string out(*frames);
  if (!out.empty()) out.pop_back();
  return out;
}

std::string Describe(const Status& s) {
  std::string out = Concat(CodeName(s.code()), ": ", Message(s));
  std::string frames = Frames(s);
  if (!frames.empty()) out += "\n" + frames;
  return out;
}

}  // namespace strata
