#include "core/projection.h"

#include <gtest/gtest.h>

#include <vector>

namespace strata {
namespace {

std::vector<Path> Paths(std::vector<std::vector<std::string>> steps) {
  std::vector<Path> out;
  for (auto& s : steps) out.push_back(Path(std::move(s)));
  return out;
}

TEST(Projection, KeepsAndDropsPaths) {
  const Document d =
      Document::Parse(R"({"a":{"b":1,"c":{"d":2}},"e":[10,20],"f":null,"\u0067\"":3})").value();
  const auto kept = [&](std::vector<std::vector<std::string>> paths) {
    return std::string(Projection(Paths(std::move(paths))).Keep(d).text());
  };
  const auto left = [&](std::vector<std::vector<std::string>> paths) {
    return std::string(Projection(Paths(std::move(paths))).Drop(d).text());
  };
  EXPECT_EQ(kept({{"f"}, {"a", "c", "d"}, {"nope", "x"}}), R"({"f":null,"a":{"c":{"d":2}}})");
  EXPECT_EQ(kept({{"e", "1"}, {"a", "nope"}}), R"({"e":{"1":20}})");
  EXPECT_EQ(kept({{"a"}, {"a", "b"}, {"g\""}}), R"({"a":{"b":1,"c":{"d":2}},"g\"":3})");
  EXPECT_EQ(kept({{"nope"}}), "{}");
  EXPECT_EQ(left({{"f"}, {"a", "c"}, {"e", "0"}}), R"({"a":{"b":1},"e":[20],"\u0067\"":3})");
  EXPECT_EQ(left({{"a"}, {"e"}, {"f"}, {"g\""}}), "{}");
  EXPECT_EQ(left({{"nope"}, {"e", "01"}}), d.text());
}

}  // namespace
}  // namespace strata
