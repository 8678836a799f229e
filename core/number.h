// Number: a JSON number decoded exactly: as int64 when it fits, else uint64, else the nearest
// double.
#ifndef STRATA_CORE_NUMBER_H_
#define STRATA_CORE_NUMBER_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strata {

class Number {
 public:
  enum class Kind : uint8_t { kInt, kUint, kDouble };

  constexpr Number() : kind_(Kind::kInt), int_(0) {}
  constexpr explicit Number(int64_t v) : kind_(Kind::kInt), int_(v) {}
  // Held as int64 when it fits.
  constexpr explicit Number(uint64_t v) : kind_(v >> 63 ? Kind::kUint : Kind::kInt), uint_(v) {}
  // Held as an integer when it is one in range (so 1.0 and 1 are one value). Requires: finite.
  explicit Number(double v);

  // Decodes text in JSON's number grammar up to its end or the first character that is no part of
  // it. Requires: valid grammar, and kReadBehind readable bytes behind it.
  static constexpr size_t kReadBehind = 16;
  static Number Decode(const char* text);
  // Checks the grammar; nothing when `text` as a whole is not a JSON number or is beyond the range
  // of a double.
  static std::optional<Number> Parse(std::string_view text);

  Kind kind() const { return kind_; }
  bool is_int() const { return kind_ == Kind::kInt; }
  int64_t int_value() const { return int_; }     // Requires: kInt
  uint64_t uint_value() const { return uint_; }  // Requires: kUint
  double ToDouble() const;

  // Shortest text that decodes to the same value.
  std::string ToString() const;

  // Exact, also between an integer and a double.
  friend std::strong_ordering operator<=>(const Number& a, const Number& b);
  friend bool operator==(const Number& a, const Number& b) { return (a <=> b) == 0; }

 private:
  Kind kind_;
  union {
    int64_t int_;
    uint64_t uint_;
    double double_;
  };
};

}  // namespace strata

#endif  // STRATA_CORE_NUMBER_H_
