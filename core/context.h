// Context: what travels with a call: deadline, cancellation, trace, principal.
//
//   Context ctx = Context::Background().WithTimeout(std::chrono::seconds(2));
//   RETURN_IF_ERROR(ctx.Check());   // in loops that may run long
//
// A Context is a value; copies share the cancellation flag. Safe for concurrent use.
#ifndef STRATA_CORE_CONTEXT_H_
#define STRATA_CORE_CONTEXT_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "core/status.h"

namespace strata {

class SpanSink;

class CancelSource {
 public:
  CancelSource() : flag_(std::make_shared<std::atomic<bool>>(false)) {}
  void Cancel() { flag_->store(true, std::memory_order_release); }

 private:
  friend class Context;
  std::shared_ptr<std::atomic<bool>> flag_;
};

class Context {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // No deadline, never cancelled.
  static const Context& Background();

  Context WithDeadline(TimePoint deadline) const;
  Context WithTimeout(std::chrono::nanoseconds timeout) const;
  Context WithCancel(const CancelSource& source) const;
  Context WithPrincipal(std::string_view name) const;
  Context WithTrace(std::string_view trace_id) const;
  // Stages tell the sink what they do (core/trace.h). It must outlive all calls.
  Context WithSpans(SpanSink* sink) const;
  // The same within a span.
  Context Under(uint64_t span) const;

  // OK, or DeadlineExceeded or Cancelled. Reads the clock only when there is a deadline.
  Status Check() const {
    if (cancel_ == nullptr && !has_deadline()) [[likely]]
      return OkStatus();
    return CheckBoth();
  }
  bool has_deadline() const { return deadline_ != TimePoint::max(); }
  TimePoint deadline() const { return deadline_; }
  bool cancelled() const { return cancel_ && cancel_->load(std::memory_order_acquire); }
  std::string_view principal() const { return labels_ ? labels_->principal : std::string_view(); }
  std::string_view trace_id() const { return labels_ ? labels_->trace_id : std::string_view(); }
  SpanSink* spans() const { return spans_; }
  uint64_t span() const { return span_; }  // 0: none

 private:
  Status CheckBoth() const;

  struct Labels {
    std::string principal;
    std::string trace_id;
  };

  TimePoint deadline_ = TimePoint::max();
  std::shared_ptr<std::atomic<bool>> cancel_;
  std::shared_ptr<const Labels> labels_;
  SpanSink* spans_ = nullptr;
  uint64_t span_ = 0;
};

}  // namespace strata

#endif  // STRATA_CORE_CONTEXT_H_
