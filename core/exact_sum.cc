#include "core/exact_sum.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace strata {

// Two's complement; bit 0 stands for 2^kLowest. 1074 bits of fraction, 1024 before it, 64 for the
// number of terms, and the sign.
struct ExactSum::Wide {
  static constexpr size_t kLimbs = 35;
  std::array<uint64_t, kLimbs> limbs{};

  void Add(__int128 term, int exponent) {
    const auto bit = static_cast<size_t>(exponent - kLowest);
    const uint64_t sign = term < 0 ? ~uint64_t{0} : 0;
    const auto low = static_cast<uint64_t>(term);
    const auto high = static_cast<uint64_t>(term >> 64);
    const unsigned shift = bit % 64;
    const auto across = [&](uint64_t above, uint64_t below) {
      return shift == 0 ? above : above << shift | below >> (64 - shift);
    };
    const uint64_t words[] = {across(low, 0), across(high, low), across(sign, high)};
    const size_t first = bit / 64;
    AddWords(first, [&](size_t i) { return i - first < 3 ? words[i - first] : sign; });
  }
  void Add(const Wide& other) {
    AddWords(0, [&](size_t i) { return other.limbs[i]; });
  }
  // word(i) to limb i, from `first` on.
  template <typename Word>
  void AddWords(size_t first, const Word& word) {
    uint64_t carry = 0;
    for (size_t i = first; i < kLimbs; ++i) {
      const unsigned __int128 sum = static_cast<unsigned __int128>(limbs[i]) + word(i) + carry;
      limbs[i] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
  }

  bool negative() const { return limbs[kLimbs - 1] >> 63 != 0; }
  void Negate() {
    uint64_t carry = 1;
    for (uint64_t& l : limbs) {
      l = ~l + carry;
      carry = carry != 0 && l == 0 ? 1 : 0;
    }
  }
  // The 64 bits from `bit` upwards.
  uint64_t From(size_t bit) const {
    const size_t i = bit / 64;
    const unsigned shift = bit % 64;
    const uint64_t above = i + 1 < kLimbs && shift != 0 ? limbs[i + 1] << (64 - shift) : 0;
    return limbs[i] >> shift | above;
  }
  bool AnyBelow(size_t bit) const {
    for (size_t i = 0; i < bit / 64; ++i) {
      if (limbs[i] != 0) return true;
    }
    return bit % 64 != 0 && limbs[bit / 64] << (64 - bit % 64) != 0;
  }
};

// What p points to, made when it is missing.
template <typename T>
static T& Made(std::unique_ptr<T>* p) {
  if (*p == nullptr) *p = std::make_unique<T>();
  return **p;
}

ExactSum::ExactSum() = default;
ExactSum::ExactSum(ExactSum&&) noexcept = default;
ExactSum& ExactSum::operator=(ExactSum&&) noexcept = default;
ExactSum::~ExactSum() = default;

void ExactSum::SetWindow(int exponent) { exponent_ = std::max(exponent - kBelow, kLowest); }

void ExactSum::AddWide(__int128 term, int exponent) {
  // A number of few digits may reach below the window with zeros only.
  const int below = exponent_ - exponent;
  if (below > 0 && below < 53) {
    const __int128 shifted = term >> below;
    __int128 sum = 0;
    if (shifted << below == term && !__builtin_add_overflow(window_, shifted, &sum)) {
      window_ = sum;
      return;
    }
  }
  Made(&wide_).Add(window_, exponent_);
  // Numbers like this one may follow.
  SetWindow(exponent);
  window_ = term << (exponent - exponent_);
}

void ExactSum::Merge(const ExactSum& other) {
  integers_ += other.integers_;
  if (other.window_ != 0) {
    if (exponent_ == kUnset) exponent_ = other.exponent_;
    __int128 sum = 0;
    if (exponent_ == other.exponent_ && !__builtin_add_overflow(window_, other.window_, &sum)) {
      window_ = sum;
    } else {
      Made(&wide_).Add(other.window_, other.exponent_);
    }
  }
  if (other.wide_ != nullptr) Made(&wide_).Add(*other.wide_);
}

Number ExactSum::Total() const {
  if (window_ == 0 && wide_ == nullptr) {
    if (integers_ >= INT64_MIN && integers_ <= INT64_MAX)
      return Number(static_cast<int64_t>(integers_));
    if (integers_ >= 0 && integers_ <= UINT64_MAX) return Number(static_cast<uint64_t>(integers_));
    return Number(static_cast<double>(integers_));
  }
  Wide sum = wide_ != nullptr ? *wide_ : Wide();
  if (window_ != 0) sum.Add(window_, exponent_);
  sum.Add(integers_, 0);
  const bool negative = sum.negative();
  if (negative) sum.Negate();
  size_t top = Wide::kLimbs;
  while (top > 0 && sum.limbs[top - 1] == 0) --top;
  if (top == 0) return Number(int64_t{0});
  const size_t highest = 64 * top - 1 - static_cast<size_t>(std::countl_zero(sum.limbs[top - 1]));
  constexpr size_t kOne = -kLowest;  // the bit of 2^0
  if (highest < kOne + 64 && !sum.AnyBelow(kOne)) {
    const uint64_t whole = sum.From(kOne);
    if (!negative) return Number(whole);
    if (whole <= uint64_t{1} << 63) return Number(static_cast<int64_t>(~whole + 1));
  }
  // 53 bits, and the rest by halves to even.
  const size_t last = highest < 53 ? 0 : highest - 52;
  uint64_t m = sum.From(last) & ((uint64_t{1} << 53) - 1);
  if (last > 0 && (sum.From(last - 1) & 1) != 0 && (sum.AnyBelow(last - 1) || (m & 1) != 0)) ++m;
  const double d = std::ldexp(static_cast<double>(m), static_cast<int>(last) + kLowest);
  const double finite = std::isfinite(d) ? d : 1.7976931348623157e308;
  return Number(negative ? -finite : finite);
}

}  // namespace strata
