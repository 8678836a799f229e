#include "query/print.h"

#include <gtest/gtest.h>

#include "query/parser.h"
#include "tests/support/random_query.h"

namespace strata {
namespace {

#ifdef STRATA_SANITIZED
constexpr int kQueries = 50000;
#else
constexpr int kQueries = 1000000;
#endif

TEST(PrintQuery, ParsesBackToTheSameTree) {
  testing::RandomQuery random(testing::PrintedSeed());
  for (int i = 0; i < kQueries; ++i) {
    const Node tree = random.Tree();
    const std::string text = PrintQuery(tree);
    const StatusOr<Node> back = ParseQuery(text);
    ASSERT_TRUE(back.ok()) << text << "\n" << Message(back.status());
    ASSERT_TRUE(*back == tree) << text << "\nmade  " << AstToJson(tree) << "\nparsed "
                               << AstToJson(*back);
    ASSERT_EQ(PrintQuery(*back), text);
  }
}

}  // namespace
}  // namespace strata
