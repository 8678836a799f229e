// ExactSum: a sum of numbers that is rounded once, when it is asked for. So neither the order of
// the numbers nor the way in which partial sums are merged shows in the result.
//
// Numbers of like size are added in one 128-bit integer; what does not fit goes to a fixed-point
// number as wide as the range of a double (the "long accumulator" of Kulisch, "Computer Arithmetic
// and Validity", 2008, chapter 8).
#ifndef STRATA_CORE_EXACT_SUM_H_
#define STRATA_CORE_EXACT_SUM_H_

#include <bit>
#include <cstdint>
#include <memory>

#include "core/number.h"

namespace strata {

class ExactSum {
 public:
  ExactSum();
  ExactSum(ExactSum&&) noexcept;
  ExactSum& operator=(ExactSum&&) noexcept;
  ~ExactSum();

  void Add(int64_t v) { integers_ += v; }
  // Requires: finite.
  void Add(double v) {
    const uint64_t bits = std::bit_cast<uint64_t>(v);
    const int biased = static_cast<int>(bits >> 52 & 0x7FF);
    uint64_t m = bits & ((uint64_t{1} << 52) - 1);
    int exponent = kLowest;
    if (biased != 0) [[likely]] {
      m |= uint64_t{1} << 52;
      exponent += biased - 1;
    }
    if (m == 0) return;
    if (exponent_ == kUnset) SetWindow(exponent);
    const int shift = exponent - exponent_;
    __int128 term = static_cast<__int128>(m);
    if (bits >> 63 != 0) term = -term;
    __int128 sum = 0;
    if (shift < 0 || shift > kMaxShift || __builtin_add_overflow(window_, term << shift, &sum)) {
      AddWide(term, exponent);
    } else {
      window_ = sum;
    }
  }
  void Add(const Number& n) {
    switch (n.kind()) {
      case Number::Kind::kInt:
        return Add(n.int_value());
      case Number::Kind::kUint:
        integers_ += n.uint_value();
        return;
      case Number::Kind::kDouble:
        return Add(n.ToDouble());
    }
  }
  void Merge(const ExactSum& other);

  // The sum itself when it is an integer in the range of int64 or uint64, else the nearest double
  // (of two the even one; beyond the range the largest).
  Number Total() const;

 private:
  static constexpr int kLowest = -1074;  // a double's last bit stands for 2^kLowest or more
  static constexpr int kUnset = INT32_MAX;
  static constexpr int kBelow = 24;     // bits kept free below the first number's last bit
  static constexpr int kMaxShift = 64;  // so that a term fits
  struct Wide;

  void SetWindow(int exponent);
  void AddWide(__int128 term, int exponent);

  __int128 integers_ = 0;  // cannot overflow: there are no 2^63 numbers
  __int128 window_ = 0;    // times 2^exponent_
  int exponent_ = kUnset;
  std::unique_ptr<Wide> wide_;
};

}  // namespace strata

#endif  // STRATA_CORE_EXACT_SUM_H_
