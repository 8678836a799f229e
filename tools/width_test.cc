#include "tools/width.h"

#include <gtest/gtest.h>

namespace strata::tools {
namespace {

TEST(TerminalWidth, CountsColumns) {
  EXPECT_EQ(TerminalWidth(""), 0u);
  EXPECT_EQ(TerminalWidth("abc"), 3u);
  EXPECT_EQ(TerminalWidth("äöü"), 3u);
  EXPECT_EQ(TerminalWidth("漢字"), 4u);
  EXPECT_EQ(TerminalWidth("한글"), 4u);
  EXPECT_EQ(TerminalWidth("ＡＢ"), 4u);                // full-width letters
  EXPECT_EQ(TerminalWidth("ｱｲ"), 2u);                  // half-width ones
  EXPECT_EQ(TerminalWidth("\u1112\u1161\u11ab"), 2u);  // one syllable of three letters
  EXPECT_EQ(TerminalWidth("e\u0301\u0323"), 1u);       // with two marks
  EXPECT_EQ(TerminalWidth("a\u200bb\ufeff"), 2u);      // spaces of no width
  EXPECT_EQ(TerminalWidth("─…α"), 3u);                 // ambiguous
  EXPECT_EQ(TerminalWidth("😀"), 2u);
  EXPECT_EQ(TerminalWidth("\u2764\ufe0f"), 1u);          // a variation selector adds nothing
  EXPECT_EQ(TerminalWidth("\U00020000\U0003fffd"), 4u);  // ideographs beyond the first plane
  EXPECT_EQ(TerminalWidth("\U000e0100\U0010ffff"), 1u);  // a selector; the last code point
}

// Each end of some ranges, and what lies beside it.
TEST(TerminalWidth, RangesEndWhereTheyShould) {
  EXPECT_EQ(TerminalWidth("\u02ff\u0300\u036f\u0370"), 2u);
  EXPECT_EQ(TerminalWidth("\u10ff\u1100\u115f\u1160"), 5u);
  EXPECT_EQ(TerminalWidth("\u2e7f\u2e80\u303e\u303f\u3040\u3041"), 9u);
  EXPECT_EQ(TerminalWidth("\uabff\uac00\ud7a3\ud7a4"), 6u);
  EXPECT_EQ(TerminalWidth("\uff00\uff01\uff60\uff61"), 6u);
}

TEST(FitColumns, EndsBeforeWhatDoesNotFit) {
  EXPECT_EQ(FitColumns("abc", 2), "ab");
  EXPECT_EQ(FitColumns("abc", 3), "abc");
  EXPECT_EQ(FitColumns("漢字", 3), "漢");
  EXPECT_EQ(FitColumns("漢字", 4), "漢字");
  EXPECT_EQ(FitColumns("e\u0301x", 1), "e\u0301");
  EXPECT_EQ(FitColumns("漢", 0), "");
  EXPECT_EQ(FitColumns("", 0), "");
}

}  // namespace
}  // namespace strata::tools
