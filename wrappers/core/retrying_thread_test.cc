#include "wrappers/core/retrying_thread.h"

#include <gtest/gtest.h>

#include <vector>

namespace strata {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

TEST(RetryPause, GrowsUpToABoundAndBeginsAnewAfterATimeThatWentWell) {
  RetryPause pause;
  for (const int expected : {10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000, 5000})
    EXPECT_EQ(pause.After(milliseconds(1)), milliseconds(expected));
  EXPECT_EQ(pause.After(seconds(10)), milliseconds(5000));
  EXPECT_EQ(pause.After(seconds(11)), milliseconds(10));
  EXPECT_EQ(pause.After(milliseconds(1)), milliseconds(20));
}

// What has happened so far, and a way to wait for it.
class Attempts {
 public:
  void Add() {
    MutexLock lock(mutex_);
    times_.push_back(Clock::now());
    added_.NotifyAll();
  }
  std::vector<Clock::time_point> Await(size_t count) {
    const auto until = Clock::now() + seconds(60);
    MutexLock lock(mutex_);
    while (times_.size() < count && Clock::now() < until) added_.WaitUntil(mutex_, until);
    return times_;
  }

 private:
  Mutex mutex_;
  CondVar added_;
  std::vector<Clock::time_point> times_ STRATA_GUARDED_BY(mutex_);
};

TEST(RetryingThread, PausesEverLongerBetweenAttempts) {
  Attempts attempts, losses;
  RetryingThread thread(
      [&](const Context&) {
        attempts.Add();
        return Unavailable("down");
      },
      [&](const Status& why) {
        EXPECT_EQ(Describe(why), "UNAVAILABLE: down");
        losses.Add();
      });
  const auto began = attempts.Await(6);
  const auto lost = losses.Await(5);
  ASSERT_GE(began.size(), 6u);
  ASSERT_GE(lost.size(), 5u);
  // A busy machine makes a pause longer, never shorter.
  for (int i = 0; i < 5; ++i) EXPECT_GE(began[i + 1] - lost[i], milliseconds(10 << i)) << i;
}

TEST(RetryingThread, StopsWithinAnAttempt) {
  Attempts attempts, losses;
  Mutex mutex;
  CondVar never;
  RetryingThread thread(
      [&](const Context& ctx) {
        attempts.Add();
        MutexLock lock(mutex);
        while (!ctx.cancelled()) never.WaitUntil(mutex, Clock::now() + milliseconds(5));
        return ctx.Check();
      },
      [&](const Status&) { losses.Add(); });
  ASSERT_EQ(attempts.Await(1).size(), 1u);
  thread.Stop();
  EXPECT_TRUE(losses.Await(0).empty());  // who stops it does not lose anything
  EXPECT_EQ(attempts.Await(1).size(), 1u);
}

}  // namespace
}  // namespace strata
