#include "core/number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace strata {
namespace {

bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// 10^0 .. 10^22: the powers of ten that a double holds exactly.
constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// The end of the number grammar at p (which need not be followed by anything in particular), or
// null.
const char* ScanNumber(const char* p, const char* end) {
  if (p != end && *p == '-') ++p;
  if (p == end || !IsDigit(*p)) return nullptr;
  if (*p == '0') {
    ++p;
  } else {
    while (p != end && IsDigit(*p)) ++p;
  }
  if (p != end && *p == '.') {
    ++p;
    if (p == end || !IsDigit(*p)) return nullptr;
    while (p != end && IsDigit(*p)) ++p;
  }
  if (p != end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p != end && (*p == '+' || *p == '-')) ++p;
    if (p == end || !IsDigit(*p)) return nullptr;
    while (p != end && IsDigit(*p)) ++p;
  }
  return p;
}

uint64_t LoadEight(const char* p) {
  uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// How many of the eight bytes, from the first in memory, are digits.
int LeadingDigits(uint64_t eight) {
  const uint64_t t = eight ^ 0x3030303030303030ULL;  // a digit is 0 to 9 now
  const uint64_t other = ((t + 0x7676767676767676ULL) | t) & 0x8080808080808080ULL;
  return other == 0 ? 8 : __builtin_ctzll(other) / 8;
}

// The value of the first n of eight bytes, which are digits. Requires: 1 <= n <= 8. Pairs, then
// fours, then eight at once (Lemire, "Quickly parsing eight digits", 2018).
uint64_t DigitsValue(uint64_t eight, int n) {
  uint64_t t = (eight ^ 0x3030303030303030ULL) << (8 * (8 - n));
  t = t * 10 + (t >> 8);
  constexpr uint64_t kMask = 0x000000FF000000FFULL;
  return ((t & kMask) * 0x000F424000000064ULL + (t >> 16 & kMask) * 0x0000271000000001ULL) >> 32;
}

Number DecodeSlow(const char* text) {
  const char* end = text;
  while (IsDigit(*end) || *end == '-' || *end == '+' || *end == '.' || *end == 'e' || *end == 'E')
    ++end;
  double d = 0;
  const auto result = std::from_chars(text, end, d);
  if (result.ec == std::errc::result_out_of_range) {
    // from_chars does not say which way. Tiny goes to zero; huge is refused before a document is
    // made.
    d = std::strtod(std::string(text, end).c_str(), nullptr);
    if (!std::isfinite(d)) d = std::copysign(1.7976931348623157e308, d);
  }
  return Number(d);
}

std::strong_ordering CompareDoubles(double a, double b) {
  return a < b   ? std::strong_ordering::less
         : a > b ? std::strong_ordering::greater
                 : std::strong_ordering::equal;
}

std::strong_ordering CompareIntDouble(const Number& i, double d) {
  // A double holds these exactly.
  constexpr int64_t kExact = int64_t{1} << 53;
  if (i.is_int() && i.int_value() >= -kExact && i.int_value() <= kExact)
    return CompareDoubles(static_cast<double>(i.int_value()), d);
  // Number(double) turned every double that is an integer within range into one, so d has a
  // fraction (and then its floor is exact) or lies outside the range.
  if (d >= 18446744073709551616.0) return std::strong_ordering::less;
  if (d < -9223372036854775808.0) return std::strong_ordering::greater;
  const Number floor(static_cast<int64_t>(std::floor(d)));
  return i <= floor ? std::strong_ordering::less : std::strong_ordering::greater;
}

}  // namespace

Number::Number(double v) {
  if (v >= -9223372036854775808.0 && v < 9223372036854775808.0) {
    const int64_t i = static_cast<int64_t>(v);
    if (static_cast<double>(i) == v) {
      kind_ = Kind::kInt;
      int_ = i;
      return;
    }
  } else if (v >= 0 && v < 18446744073709551616.0) {
    kind_ = Kind::kUint;
    uint_ = static_cast<uint64_t>(v);
    return;
  }
  kind_ = Kind::kDouble;
  double_ = v;
}

Number Number::Decode(const char* text) {
  const char* p = text;
  const bool negative = *p == '-';
  p += negative;
  // Most numbers have up to seven digits, then perhaps a point and up to seven more. Their lengths
  // differ from one to the next, so there is no loop over them: eight bytes are looked at together.
  const uint64_t whole = LoadEight(p);
  const int whole_digits = LeadingDigits(whole);
  if (whole_digits < 8) [[likely]] {
    const int64_t i = static_cast<int64_t>(DigitsValue(whole, whole_digits));
    const char next = p[whole_digits];
    if (next != '.' && next != 'e' && next != 'E') return Number(negative ? -i : i);
    const uint64_t part = LoadEight(p + whole_digits + 1);
    const int part_digits = next == '.' ? LeadingDigits(part) : 0;
    const char behind = p[whole_digits + 1 + part_digits];
    if (part_digits > 0 && part_digits < 8 && behind != 'e' && behind != 'E') {
      // Both operands are exact, so one rounding gives the nearest double.
      const double power = kPowersOfTen[part_digits];
      const double d =
          (static_cast<double>(i) * power + static_cast<double>(DigitsValue(part, part_digits))) /
          power;
      return Number(negative ? -d : d);
    }
  }
  uint64_t m = 0;
  int digits = 0;
  while (IsDigit(*p)) {
    m = m * 10 + (*p - '0');
    ++p;
    ++digits;
  }
  if (digits > 19) {
    uint64_t u = 0;
    const bool integer = *p != '.' && *p != 'e' && *p != 'E';
    if (!negative && integer && std::from_chars(text, p, u).ec == std::errc()) return Number(u);
    return DecodeSlow(text);
  }
  if (*p != '.' && *p != 'e' && *p != 'E') {
    if (!negative) return Number(m);
    if (m <= uint64_t{1} << 63) return Number(static_cast<int64_t>(~m + 1));
    return Number(-static_cast<double>(m));
  }
  int exponent = 0;
  if (*p == '.') {
    ++p;
    while (IsDigit(*p)) {
      if (++digits > 19) return DecodeSlow(text);
      m = m * 10 + (*p - '0');
      ++p;
      --exponent;
    }
  }
  if (*p == 'e' || *p == 'E') {
    ++p;
    const bool minus = *p == '-';
    if (*p == '-' || *p == '+') ++p;
    int e = 0;
    while (IsDigit(*p)) {
      if (e > 9999) return DecodeSlow(text);
      e = e * 10 + (*p - '0');
      ++p;
    }
    exponent += minus ? -e : e;
  }
  // Clinger's fast path: both operands are exact, so one rounding gives the nearest double.
  if (m <= uint64_t{1} << 53 && exponent >= -22 && exponent <= 22) {
    double d = static_cast<double>(m);
    d = exponent < 0 ? d / kPowersOfTen[-exponent] : d * kPowersOfTen[exponent];
    return Number(negative ? -d : d);
  }
  return DecodeSlow(text);
}

std::optional<Number> Number::Parse(std::string_view text) {
  const char* end = text.data() + text.size();
  if (ScanNumber(text.data(), end) != end || text.empty()) return std::nullopt;
  // Decode wants something behind the text. Hardly any is longer than this.
  char near[64] = {};
  std::string far;
  const char* copy = near;
  if (text.size() + kReadBehind <= sizeof near) {
    std::memcpy(near, text.data(), text.size());
  } else {
    far = text;
    far.append(kReadBehind, '\0');
    copy = far.c_str();
  }
  const Number n = Decode(copy);
  if (n.kind_ == Kind::kDouble) {
    double d = 0;
    const auto r = std::from_chars(copy, copy + text.size(), d);
    if (r.ec == std::errc::result_out_of_range && std::abs(n.double_) > 1) return std::nullopt;
  }
  return n;
}

double Number::ToDouble() const {
  switch (kind_) {
    case Kind::kInt:
      return static_cast<double>(int_);
    case Kind::kUint:
      return static_cast<double>(uint_);
    case Kind::kDouble:
      return double_;
  }
  return 0;
}

std::string Number::ToString() const {
  char buffer[32];
  std::to_chars_result r{};
  switch (kind_) {
    case Kind::kInt:
      r = std::to_chars(buffer, buffer + sizeof buffer, int_);
      break;
    case Kind::kUint:
      r = std::to_chars(buffer, buffer + sizeof buffer, uint_);
      break;
    case Kind::kDouble:
      r = std::to_chars(buffer, buffer + sizeof buffer, double_);
      break;
  }
  return std::string(buffer, r.ptr);
}

std::strong_ordering operator<=>(const Number& a, const Number& b) {
  using Kind = Number::Kind;
  if (a.kind_ == b.kind_) {
    switch (a.kind_) {
      case Kind::kInt:
        return a.int_ <=> b.int_;
      case Kind::kUint:
        return a.uint_ <=> b.uint_;
      case Kind::kDouble:
        return CompareDoubles(a.double_, b.double_);
    }
  }
  if (a.kind_ == Kind::kDouble) return 0 <=> CompareIntDouble(b, a.double_);
  if (b.kind_ == Kind::kDouble) return CompareIntDouble(a, b.double_);
  // One is above 2^63, the other is an int64.
  return a.kind_ == Kind::kUint ? std::strong_ordering::greater : std::strong_ordering::less;
}

}  // namespace strata
