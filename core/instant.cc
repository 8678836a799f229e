#include "core/instant.h"

#include <cstdio>

namespace strata {
namespace {

constexpr int64_t kMinSeconds = -62167219200;  // 0000-01-01T00:00:00Z
constexpr int64_t kMaxSeconds = 253402300799;  // 9999-12-31T23:59:59Z

// Days from 1970-01-01, proleptic Gregorian (the algorithm of H. Hinnant's "chrono-compatible
// low-level date algorithms", days_from_civil and civil_from_days).
int64_t DaysFromCivil(int64_t y, int m, int d) {
  y -= m <= 2;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t yoe = y - era * 400;
  const int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + doe - 719468;
}

void CivilFromDays(int64_t z, int64_t* y, int* m, int* d) {
  z += 719468;
  const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const int64_t doe = z - era * 146097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  *d = static_cast<int>(doy - (153 * mp + 2) / 5 + 1);
  *m = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  *y = yoe + era * 400 + (*m <= 2);
}

int DaysInMonth(int64_t y, int m) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
  return m == 2 && leap ? 29 : kDays[m - 1];
}

class Scanner {
 public:
  explicit Scanner(std::string_view s) : s_(s) {}
  bool done() const { return at_ == s_.size(); }
  bool Take(char c) {
    if (done() || s_[at_] != c) return false;
    ++at_;
    return true;
  }
  // Exactly n digits within [low, high].
  bool Digits(int n, int low, int high, int* out) {
    if (s_.size() - at_ < static_cast<size_t>(n)) return false;
    int v = 0;
    for (int i = 0; i < n; ++i) {
      const char c = s_[at_ + i];
      if (c < '0' || c > '9') return false;
      v = v * 10 + (c - '0');
    }
    at_ += n;
    *out = v;
    return v >= low && v <= high;
  }
  // One to nine digits behind a point, as nanoseconds; further digits must be there but are
  // dropped.
  bool Fraction(int32_t* nanos) {
    int digits = 0;
    int32_t v = 0;
    for (; !done() && s_[at_] >= '0' && s_[at_] <= '9'; ++at_, ++digits) {
      if (digits < 9) v = v * 10 + (s_[at_] - '0');
    }
    for (int i = digits; i < 9; ++i) v *= 10;
    *nanos = v;
    return digits > 0;
  }

 private:
  std::string_view s_;
  size_t at_ = 0;
};

std::optional<Instant> Parse(std::string_view text, bool complete) {
  Scanner s(text);
  int year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  int32_t nanos = 0;
  int64_t offset = 0;
  const auto finish = [&]() -> std::optional<Instant> {
    if (!s.done() || day > DaysInMonth(year, month)) return std::nullopt;
    const int64_t t =
        DaysFromCivil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    if (t < kMinSeconds || t > kMaxSeconds) return std::nullopt;
    return Instant{t, nanos};
  };
  if (!s.Digits(4, 0, 9999, &year)) return std::nullopt;
  if (s.done() && !complete) return finish();
  if (!s.Take('-') || !s.Digits(2, 1, 12, &month)) return std::nullopt;
  if (s.done() && !complete) return finish();
  if (!s.Take('-') || !s.Digits(2, 1, 31, &day)) return std::nullopt;
  if (s.done() && !complete) return finish();
  if (!s.Take('T') && !s.Take('t')) return std::nullopt;
  if (!s.Digits(2, 0, 23, &hour) || !s.Take(':') || !s.Digits(2, 0, 59, &minute))
    return std::nullopt;
  if (s.Take(':')) {
    if (!s.Digits(2, 0, 59, &second)) return std::nullopt;
    if (s.Take('.') && !s.Fraction(&nanos)) return std::nullopt;
  } else if (complete) {
    return std::nullopt;
  }
  if (s.done()) return complete ? std::nullopt : finish();
  if (s.Take('Z') || s.Take('z')) return finish();
  const bool minus = s.Take('-');
  int h = 0, m = 0;
  if (!minus && !s.Take('+')) return std::nullopt;
  if (!s.Digits(2, 0, 23, &h) || !s.Take(':') || !s.Digits(2, 0, 59, &m)) return std::nullopt;
  offset = (minus ? -1 : 1) * (h * 3600 + m * 60);
  return finish();
}

}  // namespace

std::string Instant::ToString() const {
  int64_t days = seconds / 86400;
  int64_t rest = seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  int64_t y = 0;
  int m = 0, d = 0;
  CivilFromDays(days, &y, &m, &d);
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02dT%02d:%02d:%02d", static_cast<int>(y), m, d,
                static_cast<int>(rest / 3600), static_cast<int>(rest / 60 % 60),
                static_cast<int>(rest % 60));
  std::string out = buffer;
  if (nanos != 0) {
    std::snprintf(buffer, sizeof buffer, ".%09d", static_cast<int>(nanos));
    out += buffer;
    out.erase(out.find_last_not_of('0') + 1);
  }
  out += 'Z';
  return out;
}

std::optional<Instant> ParseRfc3339(std::string_view text) {
  // Most strings are told from dates by one character.
  if (text.size() < 20 || text[4] != '-') return std::nullopt;
  return Parse(text, true);
}

std::optional<Instant> ParseDate(std::string_view text) { return Parse(text, false); }

std::optional<Instant> ParseEpochMillis(std::string_view text) {
  size_t at = 0;
  const bool negative = !text.empty() && text[0] == '-';
  at += negative;
  int64_t millis = 0;
  const size_t first = at;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    if (at - first > 15) return std::nullopt;
    millis = millis * 10 + (text[at] - '0');
  }
  if (at == first) return std::nullopt;
  int64_t nanos = 0;
  if (at < text.size() && text[at] == '.') {
    const size_t point = at++;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
      nanos = nanos * 10 + (text[at] - '0');
    if (at - point - 1 < 1 || at - point - 1 > 6) return std::nullopt;
    for (size_t i = at - point - 1; i < 6; ++i) nanos *= 10;
  }
  if (at != text.size()) return std::nullopt;
  // Nanoseconds since 1970 do not fit 64 bits, so seconds and the rest are worked out apart.
  int64_t seconds = millis / 1000;
  int64_t rest = millis % 1000 * 1000000 + nanos;
  if (negative) {
    seconds = -seconds;
    rest = -rest;
    if (rest < 0) {
      rest += 1000000000;
      --seconds;
    }
  }
  if (seconds < kMinSeconds || seconds > kMaxSeconds) return std::nullopt;
  return Instant{seconds, static_cast<int32_t>(rest)};
}

}  // namespace strata
