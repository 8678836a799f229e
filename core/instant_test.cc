#include "core/instant.h"

#include <gtest/gtest.h>

namespace strata {
namespace {

TEST(Instant, ReadsAndWritesRfc3339) {
  const auto same = [](const char* text, const char* expected) {
    const auto i = ParseRfc3339(text);
    ASSERT_TRUE(i) << text;
    EXPECT_EQ(i->ToString(), expected);
  };
  same("2009-11-21T00:21:00Z", "2009-11-21T00:21:00Z");
  same("2009-11-21T00:21:00.5+02:00", "2009-11-20T22:21:00.5Z");
  same("1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z");
  same("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z");
  for (const char* bad :
       {"2009-02-30T00:00:00Z", "2009-13-01T00:00:00Z", "2009-11-21T24:00:00Z", "2009-11-21",
        "2009-11-21T00:21:00", "2009-11-21T00:21Z", "9999-12-31T23:59:59-01:00",
        "2009-11-21T00:21:00.Z", "2009-11-21T00:21:00Zx"}) {
    EXPECT_FALSE(ParseRfc3339(bad)) << bad;
  }
}

TEST(Instant, ReadsShorterDatesAsUtc) {
  EXPECT_EQ(ParseDate("2009")->ToString(), "2009-01-01T00:00:00Z");
  EXPECT_EQ(ParseDate("2009-05")->ToString(), "2009-05-01T00:00:00Z");
  EXPECT_EQ(ParseDate("2009-11-21T00:21:00.21")->ToString(), "2009-11-21T00:21:00.21Z");
  EXPECT_FALSE(ParseDate("9"));
  EXPECT_FALSE(ParseDate(""));
  EXPECT_FALSE(ParseDate("2009/01/01"));
}

TEST(Instant, ReadsEpochMilliseconds) {
  EXPECT_EQ(ParseEpochMillis("0")->ToString(), "1970-01-01T00:00:00Z");
  EXPECT_EQ(ParseEpochMillis("-1")->ToString(), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(ParseEpochMillis("1500.25")->ToString(), "1970-01-01T00:00:01.50025Z");
  EXPECT_FALSE(ParseEpochMillis(""));
  EXPECT_FALSE(ParseEpochMillis("x"));
  EXPECT_FALSE(ParseEpochMillis("999999999999999999"));
}

}  // namespace
}  // namespace strata
