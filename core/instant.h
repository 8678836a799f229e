// Instant: a moment in time with nanoseconds, as RFC 3339 writes it.
#ifndef STRATA_CORE_INSTANT_H_
#define STRATA_CORE_INSTANT_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strata {

struct Instant {
  int64_t seconds = 0;  // since 1970-01-01T00:00:00Z
  int32_t nanos = 0;    // 0..999,999,999

  friend auto operator<=>(const Instant&, const Instant&) = default;

  static Instant FromUnixMillis(int64_t millis) {
    const int64_t seconds = millis >= 0 ? millis / 1000 : (millis - 999) / 1000;
    return {seconds, static_cast<int32_t>(millis - seconds * 1000) * 1000000};
  }
  // "2009-11-21T00:21:00Z", with a fraction only when there is one. Requires: years 0 to 9999.
  std::string ToString() const;
};

// A complete RFC 3339 date-time with a zone; nothing for anything else (also for fields out of
// range).
std::optional<Instant> ParseRfc3339(std::string_view text);
// Also takes shorter forms: 2009, 2009-11, 2009-11-21, 2009-11-21T00:21, without a zone: UTC.
std::optional<Instant> ParseDate(std::string_view text);
// Milliseconds since 1970 as a decimal number, with up to six digits of fraction; within years 0 to
// 9999.
std::optional<Instant> ParseEpochMillis(std::string_view text);

}  // namespace strata

#endif  // STRATA_CORE_INSTANT_H_
