#include "core/clock.h"

#include <random>

namespace strata {
namespace {

class SystemClock final : public Clock {
 public:
  int64_t UnixMillis() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace

const Clock& Clock::System() {
  static const SystemClock* const kClock = new SystemClock();
  return *kClock;
}

IdGenerator::IdGenerator(const Clock& clock) : clock_(clock) {
  std::random_device device;
  state_ = (uint64_t{device()} << 32 | device()) | 1;
}

std::string IdGenerator::Next() {
  uint64_t random;
  int64_t millis;
  uint32_t counter;
  {
    MutexLock lock(mutex_);
    const int64_t now = clock_.UnixMillis();
    // 12 bits of rand_a count within one millisecond; when they run out, time is borrowed from the
    // next one.
    if (now > millis_) {
      millis_ = now;
      counter_ = 0;
    } else if (++counter_ == 4096) {
      ++millis_;
      counter_ = 0;
    }
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    random = state_ * 0x2545F4914F6CDD1DULL;
    millis = millis_;
    counter = counter_;
  }
  const uint64_t high = static_cast<uint64_t>(millis) << 16 | 0x7000 | counter;
  const uint64_t low = (random & 0x3FFFFFFFFFFFFFFFULL) | 0x8000000000000000ULL;
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out(36, '-');
  int at = 0;
  for (int nibble = 0; nibble < 32; ++nibble) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) ++at;
    const uint64_t word = nibble < 16 ? high : low;
    out[at++] = kHex[word >> (60 - 4 * (nibble % 16)) & 15];
  }
  return out;
}

}  // namespace strata
