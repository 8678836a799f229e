// Time and identity as things that are handed in, so that tests can hold them still.
#ifndef STRATA_CORE_CLOCK_H_
#define STRATA_CORE_CLOCK_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "core/sync.h"

namespace strata {

// Safe for concurrent use.
class Clock {
 public:
  virtual ~Clock() = default;
  // Milliseconds since 1970-01-01T00:00:00Z.
  virtual int64_t UnixMillis() const = 0;

  static const Clock& System();
};

// Makes UUIDs of version 7 (RFC 9562, section 5.7): they sort by the time of their making, and two
// from one generator never come in the wrong order, also when the clock steps back. Safe for
// concurrent use.
class IdGenerator {
 public:
  explicit IdGenerator(const Clock& clock = Clock::System());
  std::string Next();

 private:
  const Clock& clock_;
  Mutex mutex_;
  uint64_t state_ STRATA_GUARDED_BY(mutex_);  // of the xorshift generator
  int64_t millis_ STRATA_GUARDED_BY(mutex_) = 0;
  uint32_t counter_ STRATA_GUARDED_BY(mutex_) = 0;
};

}  // namespace strata

#endif  // STRATA_CORE_CLOCK_H_
