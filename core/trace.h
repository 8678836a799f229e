// Spans: what each stage did for a call, from when to when, beneath which other one.
//
//   SpanList spans;
//   Collect(store, ctx.WithSpans(&spans), query);   // every observed stage adds its spans
//
// A call without a sink pays for one comparison.
#ifndef STRATA_CORE_TRACE_H_
#define STRATA_CORE_TRACE_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/context.h"
#include "core/status.h"
#include "core/sync.h"

namespace strata {

struct Span {
  uint64_t id = 0;      // unique within the process
  uint64_t parent = 0;  // 0: the call itself
  std::string trace_id;
  std::string stage;      // "packages/0 (cache)"
  std::string operation;  // "read"
  std::chrono::steady_clock::time_point start;
  std::chrono::nanoseconds duration{0};
  StatusCode code = StatusCode::kOk;
};

// Safe for concurrent use: stages call from their own threads too.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  // Inner spans end before outer ones.
  virtual void Ended(Span span) = 0;
};

// Keeps the first `max` spans.
class SpanList final : public SpanSink {
 public:
  explicit SpanList(size_t max = 100000) : max_(max) {}
  void Ended(Span span) override;
  // In the order of their starts.
  std::vector<Span> spans() const;
  uint64_t dropped() const;

 private:
  const size_t max_;
  mutable Mutex mutex_;
  std::vector<Span> spans_ STRATA_GUARDED_BY(mutex_);
  uint64_t dropped_ STRATA_GUARDED_BY(mutex_) = 0;
};

// An indented tree, a line a span, with milliseconds.
std::string SpansText(const std::vector<Span>& spans);
// [{"id":…,"parent":…,"stage":…,"operation":…,"start_us":…,"duration_us":…,"code":…},…]; starts
// count from the first one.
std::string SpansJson(const std::vector<Span>& spans);

uint64_t NextSpanId();
inline StatusCode CodeOf(const Status& s) { return s.code(); }
template <typename T>
StatusCode CodeOf(const StatusOr<T>& r) {
  return r.status().code();
}

// Runs call(context) in a span, when the context has a sink.
template <typename Call>
auto Traced(const Context& ctx, std::string_view stage, std::string_view operation,
            const Call& call) -> decltype(call(ctx)) {
  if (ctx.spans() == nullptr) [[likely]]
    return call(ctx);
  Span span;
  span.id = NextSpanId();
  span.parent = ctx.span();
  span.trace_id = ctx.trace_id();
  span.stage = stage;
  span.operation = operation;
  span.start = std::chrono::steady_clock::now();
  auto result = call(ctx.Under(span.id));
  span.duration = std::chrono::steady_clock::now() - span.start;
  span.code = CodeOf(result);
  ctx.spans()->Ended(std::move(span));
  return result;
}

}  // namespace strata

#endif  // STRATA_CORE_TRACE_H_
