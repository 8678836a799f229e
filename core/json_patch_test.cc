#include "core/json_patch.h"

#include <gtest/gtest.h>

namespace strata {
namespace {

Document Doc(std::string_view text) { return Document::Parse(text).value(); }

TEST(MergePatch, FollowsTheRfc) {
  // The table of RFC 7396, appendix A.
  const char* const kCases[][3] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", R"(null)", R"(null)"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
      {R"({"n":1.10,"m":{"k":1e3}})", R"({"m":{"j":2}})", R"({"n":1.10,"m":{"k":1e3,"j":2}})"},
  };
  for (const auto& [target, patch, expected] : kCases) {
    EXPECT_EQ(MergePatch(Doc(target), Doc(patch))->text(), expected) << target << " " << patch;
  }
}

TEST(MergePatch, ManyMembersCostLittleAndTooMuchIsRefused) {
  std::string a = "{", b = "{";
  for (int i = 0; i < 100000; ++i) {
    a += (i > 0 ? ",\"a" : "\"a") + std::to_string(i) + "\":1";
    b += (i > 0 ? ",\"b" : "\"b") + std::to_string(i) + "\":1";
  }
  const auto merged = MergePatch(Doc(a + "}"), Doc(b + "}"));
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->root().size(), 200000u);
  const std::string big(40 << 20, 'x');
  EXPECT_EQ(
      MergePatch(Doc("{\"a\":\"" + big + "\"}"), Doc("{\"b\":\"" + big + "\"}")).status().code(),
      StatusCode::kResourceExhausted);
}

TEST(JsonPatch, FollowsTheRfc) {
  const char* const kCases[][3] = {
      {R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])",
       R"({"foo":"bar","baz":"qux"})"},
      {R"({"foo":["bar","baz"]})", R"([{"op":"add","path":"/foo/1","value":"qux"}])",
       R"({"foo":["bar","qux","baz"]})"},
      {R"({"foo":["bar"]})", R"([{"op":"add","path":"/foo/-","value":["abc"]}])",
       R"({"foo":["bar",["abc"]]})"},
      {R"({"baz":"qux","foo":"bar"})", R"([{"op":"remove","path":"/baz"}])", R"({"foo":"bar"})"},
      {R"({"foo":["a","b","c"]})", R"([{"op":"remove","path":"/foo/1"}])", R"({"foo":["a","c"]})"},
      {R"({"a":1})", R"([{"op":"replace","path":"/a","value":1.10}])", R"({"a":1.10})"},
      {R"({"a":{"b":1},"c":{}})", R"([{"op":"move","from":"/a/b","path":"/c/d"}])",
       R"({"a":{},"c":{"d":1}})"},
      {R"({"a":[1,2,3]})", R"([{"op":"move","from":"/a/0","path":"/a/2"}])", R"({"a":[2,3,1]})"},
      {R"({"a":1})", R"([{"op":"copy","from":"/a","path":"/b"}])", R"({"a":1,"b":1})"},
      {R"({"a/b":1,"m~n":2})",
       R"([{"op":"test","path":"/a~1b","value":1.0},{"op":"remove","path":"/m~0n"}])",
       R"({"a/b":1})"},
  };
  for (const auto& [target, patch, expected] : kCases) {
    const auto got = ApplyJsonPatch(Doc(target), Doc(patch));
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->text(), expected);
  }
}

TEST(JsonPatch, RefusesWithThePlace) {
  const auto error = [](std::string_view target, std::string_view patch) {
    return Describe(ApplyJsonPatch(Doc(target), Doc(patch)).status());
  };
  EXPECT_EQ(error("{}", R"([{"op":"remove","path":"/x"}])"),
            "INVALID_ARGUMENT: /0: there is no member \"x\"");
  EXPECT_EQ(error(R"({"a":[1]})", R"([{"op":"add","path":"/a/2","value":1}])"),
            "INVALID_ARGUMENT: /0: there is no element \"2\" in an array of 1");
  EXPECT_EQ(error(R"({"a":1})", R"([{"op":"test","path":"/a","value":2}])"),
            "FAILED_PRECONDITION: /0: the test does not hold: found 1");
  EXPECT_EQ(error(R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":"/a/b/c"}])"),
            "INVALID_ARGUMENT: /0: a value cannot be moved into itself");
  EXPECT_EQ(error("{}", R"([{"op":"fly","path":"/x"}])"),
            "INVALID_ARGUMENT: /0: \"op\" must be add, remove, replace, move, copy or test, found "
            "\"fly\"");
}

TEST(WithMember, SetsOneInItsPlaceOrInFront) {
  EXPECT_EQ(WithMember(Doc("{}"), "id", "\"x\"").text(), R"({"id":"x"})");
  EXPECT_EQ(WithMember(Doc(R"({"a":1})"), "id", "\"x\"").text(), R"({"id":"x","a":1})");
  EXPECT_EQ(WithMember(Doc(R"({"a":1,"id":2})"), "id", "\"x\"").text(), R"({"a":1,"id":"x"})");
}

}  // namespace
}  // namespace strata
