#include "core/trace.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>

#include "core/json_text.h"

namespace strata {
namespace {

double Micros(std::chrono::nanoseconds d) { return static_cast<double>(d.count()) / 1000; }

}  // namespace

uint64_t NextSpanId() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void SpanList::Ended(Span span) {
  MutexLock lock(mutex_);
  if (spans_.size() < max_) {
    spans_.push_back(std::move(span));
  } else {
    ++dropped_;
  }
}

std::vector<Span> SpanList::spans() const {
  MutexLock lock(mutex_);
  std::vector<Span> out = spans_;
  // Ids are given at the start.
  std::sort(out.begin(), out.end(), [](const Span& a, const Span& b) { return a.id < b.id; });
  return out;
}

uint64_t SpanList::dropped() const {
  MutexLock lock(mutex_);
  return dropped_;
}

std::string SpansText(const std::vector<Span>& spans) {
  std::map<uint64_t, int> depths;
  std::string out;
  for (const Span& s : spans) {
    const auto parent = depths.find(s.parent);
    const int depth = parent == depths.end() ? 0 : parent->second + 1;
    depths[s.id] = depth;
    char time[48];
    std::snprintf(time, sizeof time, "%.3f ms", Micros(s.duration) / 1000);
    out += std::string(2 * static_cast<size_t>(depth), ' ') +
           Concat(s.operation, "  ", s.stage, "  ", time);
    if (s.code != StatusCode::kOk) out += Concat("  ", CodeName(s.code));
    out += "\n";
  }
  return out;
}

std::string SpansJson(const std::vector<Span>& spans) {
  std::string out = "[";
  for (const Span& s : spans) {
    char times[96];
    std::snprintf(times, sizeof times, "\"start_us\":%.1f,\"duration_us\":%.1f",
                  Micros(s.start - spans.front().start), Micros(s.duration));
    if (out.size() > 1) out += ',';
    out += Concat("{\"id\":", std::to_string(s.id), ",\"parent\":", std::to_string(s.parent),
                  ",\"trace_id\":", JsonString(s.trace_id), ",\"stage\":", JsonString(s.stage),
                  ",\"operation\":", JsonString(s.operation), ",", times,
                  ",\"code\":", JsonString(CodeName(s.code)), "}");
  }
  return out + "]";
}

}  // namespace strata
