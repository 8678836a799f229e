#include "core/exact_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace strata {
namespace {

// The nearest double to the sum, by partial sums that do not overlap (Shewchuk, "Adaptive
// Precision Floating-Point Arithmetic", 1997; the last rounding as in Python's math.fsum).
double Nearest(const std::vector<double>& numbers) {
  std::vector<double> parts;
  for (double x : numbers) {
    size_t kept = 0;
    for (double y : parts) {
      if (std::abs(x) < std::abs(y)) std::swap(x, y);
      const double high = x + y;
      const double low = y - (high - x);
      if (low != 0) parts[kept++] = low;
      x = high;
    }
    parts.resize(kept);
    parts.push_back(x);
  }
  if (parts.empty()) return 0;
  size_t n = parts.size() - 1;
  double high = parts[n];
  double low = 0;
  while (n > 0) {
    const double x = high;
    const double y = parts[--n];
    high = x + y;
    low = y - (high - x);
    if (low != 0) break;
  }
  if (n > 0 && ((low < 0 && parts[n - 1] < 0) || (low > 0 && parts[n - 1] > 0))) {
    const double twice = low * 2;
    const double x = high + twice;
    if (twice == x - high) high = x;
  }
  return high;
}

ExactSum SumOf(const std::vector<double>& numbers) {
  ExactSum s;
  for (const double d : numbers) s.Add(Number(d));
  return s;
}

TEST(ExactSum, EqualsTheNearestDoubleInEveryOrderAndGrouping) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20000; ++round) {
    const int spread = std::vector<int>{2, 20, 70, 200, 900}[random() % 5];
    const int centre = static_cast<int>(random() % 200) - 100;
    std::vector<double> numbers(random() % 40);
    for (double& d : numbers) {
      const int exponent =
          centre + static_cast<int>(random() % static_cast<uint64_t>(spread)) - spread / 2 - 52;
      d = std::ldexp(static_cast<double>(random() >> (11 + random() % 53)), exponent);
      if (random() % 2 == 0) d = -d;
      if (random() % 8 == 0) d = std::floor(std::fmod(d, 1e15));
      if (random() % 64 == 0) d = std::ldexp(static_cast<double>(random() % 9), -1074);
    }
    // What cancels.
    for (size_t i = 0; i + 1 < numbers.size(); ++i) {
      if (random() % 16 == 0) numbers[i + 1] = -numbers[i];
    }
    const double want = Nearest(numbers);
    const double got = SumOf(numbers).Total().ToDouble();
    ASSERT_EQ(got, want) << round;
    std::shuffle(numbers.begin(), numbers.end(), random);
    const size_t cut = numbers.empty() ? 0 : random() % numbers.size();
    const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(cut);
    ExactSum a = SumOf({numbers.begin(), middle});
    a.Merge(SumOf({middle, numbers.end()}));
    ASSERT_EQ(a.Total().ToDouble(), want) << round;
    ASSERT_EQ(a.Total(), SumOf(numbers).Total()) << round;
  }
}

TEST(ExactSum, IntegersStayExact) {
  ExactSum s;
  s.Add(int64_t{1} << 62);
  s.Add(int64_t{1} << 62);
  s.Add(int64_t{1});
  EXPECT_EQ(s.Total().ToString(), "9223372036854775809");
  s.Add(0.5);
  EXPECT_EQ(s.Total().ToDouble(), 9223372036854775808.0);
  s.Add(-0.5);
  EXPECT_EQ(s.Total().ToString(), "9223372036854775809");
  for (int i = 0; i < 3; ++i) s.Add(INT64_MIN);
  EXPECT_EQ(s.Total().ToDouble(), -18446744073709551615.0);
  ExactSum tenths;
  for (int i = 0; i < 10; ++i) tenths.Add(0.1);
  EXPECT_EQ(tenths.Total().ToString(), "1");
}

TEST(ExactSum, WhatIsBeyondTheRangeIsTheLargest) {
  ExactSum s;
  for (int i = 0; i < 3; ++i) s.Add(1.7e308);
  EXPECT_EQ(s.Total().ToDouble(), 1.7976931348623157e308);
  for (int i = 0; i < 3; ++i) s.Add(-1.7e308);
  EXPECT_EQ(s.Total().ToString(), "0");
  s.Add(-4.9e-324);
  EXPECT_EQ(s.Total().ToDouble(), -4.9e-324);
}

}  // namespace
}  // namespace strata
