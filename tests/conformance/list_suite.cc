// Which stacks the suites run over, and which ones cannot be built.
#include <cstdio>
#include <map>

#include "pipeline/all_stages.h"
#include "tests/conformance/composition.h"

namespace strata::testing {
namespace {

TEST(Compositions, AreListedWithCounts) {
  std::map<std::string, int> kinds;
  for (const Composition& c : AllCompositions()) {
    size_t depth = 0;
    for (size_t at = c.name.find("__"); at != c.name.npos; at = c.name.find("__", at + 2)) ++depth;
    const std::string kind = c.name.starts_with("production") ? "production stacks"
                             : depth == 0                     ? "bases"
                             : depth == 1                     ? "wrappers on a base"
                                                              : "pairs of wrappers";
    ++kinds[kind];
    std::printf("%s\n", c.name.c_str());
  }
  for (const auto& [kind, count] : kinds) std::printf("%d %s\n", count, kind.c_str());
  EXPECT_EQ(kinds["bases"], 3);
  EXPECT_EQ(kinds["production stacks"], 4);
  EXPECT_GT(kinds["pairs of wrappers"], 200);
}

TEST(Compositions, ForbiddenPairsAreRefusedWithTheReason) {
  StageRegistry registry;
  ASSERT_TRUE(RegisterAll(registry).ok());
  for (const Composition& c : ForbiddenCompositions()) {
    const auto p = Pipeline::FromText(c.config, ::testing::TempDir(), registry);
    ASSERT_FALSE(p.ok()) << c.name;
    EXPECT_NE(Message(p.status()).find("must be below"), std::string_view::npos)
        << c.name << ": " << p.status();
    std::printf("%s: %s\n", c.name.c_str(), std::string(Message(p.status())).c_str());
  }
}

}  // namespace
}  // namespace strata::testing
