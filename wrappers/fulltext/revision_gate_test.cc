#include "wrappers/fulltext/revision_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

namespace strata::fulltext {
namespace {

const Context& ctx() { return Context::Background(); }

bool Waits(RevisionGate& gate) {
  const Status s =
      gate.AwaitReaders(Context::Background().WithTimeout(std::chrono::milliseconds(20)));
  return s.code() == StatusCode::kDeadlineExceeded;
}

TEST(RevisionGate, WhoWritesWaitsForThoseWhoReadOlderRevisions) {
  RevisionGate gate;
  gate.Committed(5);
  std::optional<RevisionGate::Pass> old(gate.Enter(5));
  EXPECT_EQ(old->revision(), 5u);
  // What is written now becomes 6, and 5 stays.
  EXPECT_FALSE(Waits(gate));
  gate.Committed(6);
  const RevisionGate::Pass current = gate.EnterNewest();
  EXPECT_EQ(current.revision(), 6u);
  std::optional<RevisionGate::Pass> another(gate.Enter(5));
  EXPECT_EQ(another->revision(), 5u);
  EXPECT_TRUE(Waits(gate));
  // From now on nobody may need the old one.
  EXPECT_EQ(gate.Enter(5).revision(), 6u);
  old.reset();
  EXPECT_TRUE(Waits(gate));
  another.reset();
  EXPECT_FALSE(Waits(gate));
  EXPECT_FALSE(gate.HoldsUp());
  // A reader may have opened what the gate has not heard of yet.
  EXPECT_EQ(gate.Enter(7).revision(), 6u);
}

TEST(RevisionGate, WhoMayWriteDoesSoUntilTheNextCommit) {
  RevisionGate gate;
  gate.Committed(1);
  const RevisionGate::Pass first = gate.Enter(1);
  EXPECT_TRUE(gate.MayWrite());
  gate.Committed(2);
  EXPECT_FALSE(gate.MayWrite());
  {
    RevisionGate other;
    other.Committed(2);
    EXPECT_TRUE(other.MayWrite());
    const RevisionGate::Pass late = other.Enter(1);
    EXPECT_EQ(late.revision(), 2u);
    EXPECT_TRUE(other.MayWrite());
  }
}

TEST(RevisionGate, WhoLeavesWakesTheWriter) {
  RevisionGate gate;
  gate.Committed(1);
  std::optional<RevisionGate::Pass> old(gate.Enter(1));
  gate.Committed(2);
  std::atomic<bool> wrote{false};
  std::thread writer([&] {
    EXPECT_TRUE(gate.AwaitReaders(ctx()).ok());
    wrote = true;
  });
  while (!gate.HoldsUp()) std::this_thread::yield();
  EXPECT_FALSE(wrote);
  old.reset();
  writer.join();
  EXPECT_TRUE(wrote);
}

}  // namespace
}  // namespace strata::fulltext
