// The documents say what the code does: the table of operators, and the snippets of the README.
#include <gtest/gtest.h>

#include "pipeline/all_stages.h"
#include "pipeline/pipeline.h"
#include "query/operator_table.h"

namespace strata {
namespace {

std::string File(const std::string& name) { return ReadTextFile(name).value(); }

// What stands between the first `begin` behind `from` and the next `end`.
std::string Between(const std::string& text, const std::string& from, const std::string& begin,
                    const std::string& end) {
  const size_t marker = text.find(from);
  EXPECT_NE(marker, text.npos) << from;
  const size_t start = text.find(begin, marker) + begin.size();
  return text.substr(start, text.find(end, start) - start);
}

TEST(Docs, OperatorsAreThoseOfTheTable) {
  static constexpr const char* kRoles[] = {"condition", "stage", "scalar end", "within aggregate"};
  std::string table = "\n| operator | is a | meaning |\n| --- | --- | --- |\n";
  for (const OperatorSpec& o : AllOperators()) {
    table += "| `" + std::string(o.usage) + "` | " + kRoles[static_cast<int>(o.role)] + " | " +
             std::string(o.doc) + " |\n";
  }
  const std::string doc = File("docs/query.md");
  EXPECT_NE(doc.find(table), doc.npos) << "docs/query.md should end in:\n" << table;
}

TEST(Docs, TheReadmesSnippetsAreTheExamples) {
  const std::string readme = File("README.md");
  EXPECT_EQ(Between(readme, "<!-- tested: examples/consumer/quickstart.cc -->", "```cpp\n", "```"),
            File("examples/consumer/quickstart.cc"));
  EXPECT_EQ(Between(readme, "<!-- tested: examples/packages/pipeline.json -->", "```json\n", "```"),
            File("examples/packages/pipeline.json"));
}

// Every pipeline of docs/wrappers.md is one that can be opened.
TEST(Docs, ThePipelinesOfWrappersAreSound) {
  StageRegistry registry;
  ASSERT_TRUE(RegisterAll(registry).ok());
  const std::string doc = File("docs/wrappers.md");
  const std::string begin = "```json\n";
  int found = 0;
  for (size_t at = doc.find(begin); at != doc.npos; at = doc.find(begin, at + 1), ++found) {
    const size_t start = at + begin.size();
    const std::string text = doc.substr(start, doc.find("```", start) - start);
    const auto p = Pipeline::FromText(
        text, ::testing::TempDir() + "/wrappers" + std::to_string(found), registry);
    EXPECT_TRUE(p.ok()) << text << Describe(p.status());
    if (p.ok()) {
      EXPECT_TRUE((*p)->config().warnings.empty()) << text;
    }
  }
  EXPECT_EQ(found, 4);
}

// Each type is spoken of.
TEST(Docs, WrappersNamesEveryType) {
  StageRegistry registry;
  ASSERT_TRUE(RegisterAll(registry).ok());
  const std::string doc = File("docs/wrappers.md");
  for (const std::string& name : registry.Names()) {
    if (registry.Find(name)->children == Children::kNone) continue;
    const bool said =
        doc.find("## " + name + "\n") != doc.npos || doc.find("`" + name + "`") != doc.npos;
    EXPECT_TRUE(said) << name;
  }
}

}  // namespace
}  // namespace strata
