#include "core/context.h"

namespace strata {

const Context& Context::Background() {
  static const Context* const kBackground = new Context();
  return *kBackground;
}

Context Context::WithDeadline(TimePoint deadline) const {
  Context c = *this;
  if (deadline < c.deadline_) c.deadline_ = deadline;
  return c;
}

Context Context::WithTimeout(std::chrono::nanoseconds timeout) const {
  return WithDeadline(std::chrono::steady_clock::now() + timeout);
}

Context Context::WithCancel(const CancelSource& source) const {
  Context c = *this;
  c.cancel_ = source.flag_;
  return c;
}

Context Context::WithPrincipal(std::string_view name) const {
  Context c = *this;
  c.labels_ = std::make_shared<const Labels>(Labels{std::string(name), std::string(trace_id())});
  return c;
}

Context Context::WithTrace(std::string_view trace_id) const {
  Context c = *this;
  c.labels_ =
      std::make_shared<const Labels>(Labels{std::string(principal()), std::string(trace_id)});
  return c;
}

Context Context::WithSpans(SpanSink* sink) const {
  Context c = *this;
  c.spans_ = sink;
  return c;
}

Context Context::Under(uint64_t span) const {
  Context c = *this;
  c.span_ = span;
  return c;
}

Status Context::CheckBoth() const {
  if (cancelled()) return Status(StatusCode::kCancelled, "the call was cancelled");
  if (has_deadline() && std::chrono::steady_clock::now() >= deadline_) {
    return Status(StatusCode::kDeadlineExceeded, "the deadline passed");
  }
  return OkStatus();
}

}  // namespace strata
