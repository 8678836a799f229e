#include "core/status.h"

#include <gtest/gtest.h>

namespace strata {
namespace {

// The names of the codes below 17, which is all of them, that satisfy the condition.
std::string CodesThat(bool (*condition)(StatusCode)) {
  std::string out;
  for (int code = 0; code < 17; ++code) {
    const auto c = static_cast<StatusCode>(code);
    if (condition(c)) out += Concat(out.empty() ? "" : " ", CodeName(c));
  }
  return out;
}

TEST(Status, OnlyRefusalsHaveCertainlyDoneNothing) {
  EXPECT_EQ(CodesThat(DidNothing),
            "INVALID_ARGUMENT NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED FAILED_PRECONDITION "
            "ABORTED OUT_OF_RANGE UNIMPLEMENTED UNAUTHENTICATED");
}

TEST(Status, WhatPassesMayBeTriedAgain) {
  EXPECT_EQ(CodesThat(IsRetryable), "ABORTED UNAVAILABLE");
}

TEST(Status, AnotherMessageKeepsCodeAndFrames) {
  const Status inner = AddFrame(NotFound("no such thing"), "disk", "Read", "a1");
  const Status outer =
      AddFrame(WithMessage(inner, "nothing there"), "packages/0 (forward)", "Read", "");
  EXPECT_EQ(Describe(outer),
            "NOT_FOUND: nothing there\n  in disk: Read a1\n  in packages/0 (forward): Read");
}

}  // namespace
}  // namespace strata
