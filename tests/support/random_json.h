// Random JSON with everything that makes trouble: escapes, odd numbers, nesting, equal names in
// other orders.
#ifndef STRATA_TESTS_SUPPORT_RANDOM_JSON_H_
#define STRATA_TESTS_SUPPORT_RANDOM_JSON_H_

#include <cstdint>
#include <random>
#include <string>

namespace strata::testing {

// A seed from the environment (STRATA_SEED) or a fresh one, printed, so that a failure can be run
// again.
uint64_t PrintedSeed();

class RandomJson {
 public:
  explicit RandomJson(uint64_t seed) : random_(seed) {}
  // Any value, minified, at most `depth` levels.
  std::string Any(int depth = 3);
  std::string Object(int depth = 3);
  std::string String();
  std::string Number();
  // 0 <= n < limit.
  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint64_t>(limit)); }
  std::mt19937_64& engine() { return random_; }

 private:
  std::mt19937_64 random_;
};

}  // namespace strata::testing

#endif  // STRATA_TESTS_SUPPORT_RANDOM_JSON_H_
