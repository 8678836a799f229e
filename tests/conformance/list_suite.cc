// Which stacks the suites run over, and which ones cannot be built.
#include <cstdio>
#include <map>
#include <set>
#include <sstream>

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

// The stage types of a pair by the names of its composition, without their variants.
std::pair<std::string, std::string> TypesOf(const std::string& composition) {
  const size_t at = composition.find("__");
  const auto type = [](const std::string& name) {
    return name.starts_with("aggregate_") ? "aggregate" : name;
  };
  return {type(composition.substr(0, at)), type(composition.substr(at + 2))};
}

// The table of docs/wrappers.md: of an upper and a lower type, the answer and the reason.
using Orders = std::map<std::pair<std::string, std::string>, std::pair<std::string, std::string>>;
Orders DocumentedOrders() {
  Orders orders;
  std::istringstream doc(ReadTextFile("docs/wrappers.md").value());
  bool within = false;
  for (std::string line; std::getline(doc, line);) {
    if (line == "| above | below | `check` | because |") {
      within = true;
    } else if (within && line.starts_with("| `")) {
      std::vector<std::string> cells;
      for (size_t at = 2; at < line.size();) {
        const size_t end = line.find(" |", at);
        cells.push_back(line.substr(at, end - at));
        at = end + 3;
      }
      EXPECT_EQ(cells.size(), 4u) << line;
      const auto name = [](const std::string& cell) { return cell.substr(1, cell.size() - 2); };
      orders[{name(cells[0]), name(cells[1])}] = {cells[2], cells[3]};
    } else if (!line.starts_with("| ---")) {
      within = false;
    }
  }
  return orders;
}

TEST(Compositions, ForbiddenPairsAreRefusedWithTheDocumentedReason) {
  StageRegistry registry;
  ASSERT_TRUE(RegisterAll(registry).ok());
  const Orders documented = DocumentedOrders();
  std::set<std::pair<std::string, std::string>> refused;
  for (const Composition& c : ForbiddenCompositions()) {
    const auto types = TypesOf(c.name);
    refused.insert(types);
    const auto row = documented.find(types);
    ASSERT_NE(row, documented.end()) << c.name << " is missing in docs/wrappers.md";
    const auto p = Pipeline::FromText(c.config, ::testing::TempDir(), registry);
    EXPECT_EQ(Message(p.status()), "pipeline: 1 problem\n  /stores/s/0   \"" + types.first +
                                       "\" must be below \"" + types.second +
                                       "\": " + row->second.second)
        << c.name;
  }
  for (const auto& [types, said] : documented)
    EXPECT_EQ(refused.contains(types), said.first == "refuses") << types.first << types.second;
}

TEST(Compositions, DocumentedOrdersAreThoseOfTheTypes) {
  StageRegistry registry;
  ASSERT_TRUE(RegisterAll(registry).ok());
  Orders rules;
  for (const std::string& type : registry.Names()) {
    const OrderFacts& facts = registry.Find(type)->order;
    for (const auto& [above, why] : facts.must_be_below) rules[{type, above}] = {"refuses", why};
    for (const auto& [above, why] : facts.better_below) rules[{type, above}] = {"warns", why};
  }
  EXPECT_EQ(DocumentedOrders(), rules);
}

}  // namespace
}  // namespace strata::testing
