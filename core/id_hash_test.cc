#include "core/id_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace strata {
namespace {

TEST(IdHash, AgreesWithEqualityWhateverTheLength) {
  for (size_t n = 0; n <= 300; ++n) {
    std::string a;
    for (size_t i = 0; i < n; ++i) a.push_back(static_cast<char>('a' + i * 7 % 26));
    const std::string same = a;
    EXPECT_TRUE(SameId(a, same)) << n;
    EXPECT_EQ(HashId(a), HashId(same)) << n;
    EXPECT_FALSE(SameId(a, a + "x")) << n;
    for (size_t i = 0; i < n; ++i) {
      std::string other = a;
      other[i] = '!';
      EXPECT_FALSE(SameId(a, other)) << n << " " << i;
      EXPECT_NE(HashId(a), HashId(other)) << n << " " << i;
    }
  }
}

// The tables take a shard from the highest bits and a place from the lowest.
TEST(IdHash, SpreadsIdsInOrderOverHighAndLowBits) {
  const std::string prefixes[] = {"", "p-", "user/", "0192d3c4-7a5b-7c6d-8e9f-"};
  for (const std::string& prefix : prefixes) {
    for (const int step : {1, 10, 1000, 4096}) {
      std::set<uint64_t> high, low;
      for (int i = 0; i < 4096; ++i) {
        const uint64_t h = HashId(prefix + std::to_string(100000000 + i * step));
        high.insert(h >> 52);
        low.insert(h & 4095);
      }
      // Of as many balls in as many bins 63 % of the bins are hit: 2,589, give or take 30.
      EXPECT_NEAR(static_cast<double>(high.size()), 2589, 150) << prefix << " " << step;
      EXPECT_NEAR(static_cast<double>(low.size()), 2589, 150) << prefix << " " << step;
    }
  }
}

}  // namespace
}  // namespace strata
