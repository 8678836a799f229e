#include "core/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json_text.h"

namespace strata {
namespace {

using ::testing::HasSubstr;

std::string Error(std::string_view text) {
  const auto d = Document::Parse(text);
  return d.ok() ? "accepted" : std::string(Message(d.status()));
}

TEST(Document, KeepsDigitsAndOrderAndDropsOnlySpace) {
  const auto d = Document::Parse(
      " { \"b\" : 1.10 , \"a\":[ 9223372036854775808, "
      "123456789012345678901234567890 ,1e3 ] }\n");
  ASSERT_TRUE(d.ok()) << d.status();
  EXPECT_EQ(d->text(),
            R"({"b":1.10,"a":[9223372036854775808,123456789012345678901234567890,1e3]})");
}

TEST(Document, FindsMembersAndElements) {
  const auto d = Document::Parse(
      R"({"a":1,"b\u0022c":{"x":[true,{"y":"z"}]},"":null,"a_name_of_more_than_sixteen_bytes":"v\n"})");
  ASSERT_TRUE(d.ok()) << d.status();
  EXPECT_EQ(d->Find("a").number(), Number(int64_t{1}));
  EXPECT_EQ(d->Find("b\"c").Find("x").At(1).Find("y").String(), "z");
  EXPECT_EQ(d->Find("").type(), Type::kNull);
  EXPECT_EQ(d->Find("a_name_of_more_than_sixteen_bytes").String(), "v\n");
  EXPECT_TRUE(d->Find("a_name_of_more_than_sixteen_bytes").StringEquals("v\n"));
  EXPECT_FALSE(d->Find("missing").exists());
  EXPECT_FALSE(d->Find("a").Find("b").exists());
  EXPECT_EQ(d->Find("b\"c").text(), R"({"x":[true,{"y":"z"}]})");
}

TEST(Document, AQuoteInWhatIsAskedForDoesNotReachAcrossValues) {
  const auto d = Document::Parse(R"({"a":"x","b":"y"})");
  EXPECT_FALSE(d->Find("a").StringEquals(R"(x","b":"y)"));
  EXPECT_FALSE(d->Find(R"(a":"x","b)").exists());
}

TEST(Document, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(Error("{\"a\":1 2}"),
            "at byte 7 (line 1, column 8): expected \",\" or \"}\", found \"2\"");
  EXPECT_EQ(Error("{\n \"a\":1,\n \"a\":2}"),
            "at byte 11 (line 3, column 2): the member \"a\" stands here for the second time");
  EXPECT_EQ(Error("{\"a\":1,\"\\u0061\":2}"),
            "at byte 7 (line 1, column 8): the member \"a\" stands here for the second time");
  EXPECT_EQ(Error(""), "at byte 0 (line 1, column 1): expected a value, found the end of the text");
  EXPECT_EQ(Error("{\"a\":1,}"),
            "at byte 7 (line 1, column 8): expected a member's name in quotes, found \"}\"");
  EXPECT_EQ(Error("[01]"),
            "at byte 1 (line 1, column 2): \"01\" is not a JSON number (or is beyond 1.8e308)");
  EXPECT_EQ(Error("[1e999]"),
            "at byte 1 (line 1, column 2): \"1e999\" is not a JSON number (or is beyond 1.8e308)");
  EXPECT_EQ(Error("[\"\xFF\"]"), "at byte 2 (line 1, column 3): the text is not valid UTF-8");
  EXPECT_EQ(Error("[\"\\ud800\"]"),
            "at byte 2 (line 1, column 3): a high surrogate without a low one behind it");
  EXPECT_EQ(Error("[\"a\nb\"]"),
            "at byte 3 (line 1, column 4): a control character in a string must be escaped");
  EXPECT_EQ(Error("nul"), "at byte 0 (line 1, column 1): expected a value, found \"n\"");
  EXPECT_EQ(Error("{} {}"),
            "at byte 3 (line 1, column 4): expected the end of the text, found \"{\"");
}

TEST(Document, ManyMembersWithOneRepeatedAreRefused) {
  std::string text = "{";
  for (int i = 0; i < 5000; ++i)
    text += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  const auto fine = Document::Parse(text + "\"last\":1}");
  ASSERT_TRUE(fine.ok());
  for (int i = 0; i < 5000; i += 7) {
    EXPECT_EQ(fine->Find("k" + std::to_string(i)).number(), Number(int64_t{i}));
  }
  EXPECT_THAT(Error(text + "\"k17\":1}"),
              HasSubstr("the member \"k17\" stands here for the second time"));
}

TEST(Document, NestsToTheLimitAndNoFurther) {
  const auto nested = [](int n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_EQ(Error(nested(kMaxDepth)), "accepted");
  EXPECT_THAT(Error(nested(kMaxDepth + 1)), HasSubstr("nested more than 256 deep"));
  EXPECT_THAT(Error(std::string(1000000, '[')), HasSubstr("nested more than 256 deep"));
}

TEST(Document, IndexIsSmallBesideTheText) {
  const auto d = Document::Parse(
      R"({"id":"p-000123","name":"Ultra-light travel laptop 14 inch","category":"laptop","price":899.99,"stock":42,)"
      R"("rating":4.5,"tags":["travel","light","usb-c"],"vendor":{"name":"Northwind","country":"DE","since":1998},)"
      R"("description":"A light machine for people who travel often and write a lot; eleven hours of battery, )"
      R"(a matte screen and a keyboard that does not wobble.","updated":"2024-05-17T09:30:00Z","active":true})");
  ASSERT_TRUE(d.ok());
  EXPECT_LE(d->IndexBytes(), d->text().size() * 6 / 10);
}

TEST(DocumentMembers, IterateInTheOrderOfTheText) {
  const auto d = Document::Parse(R"({"b":{"x":[1,2]},"\n":"s,}","a":[],"c":-1.5e3})");
  std::string seen;
  std::string scratch;
  for (MemberIterator m(d->root()); !m.done(); m.Next()) {
    seen += std::string(m.raw_name()) + "=" + std::string(m.value().text()) + ";";
    EXPECT_EQ(m.name_hash(), HashMemberName(m.name(&scratch)));
  }
  EXPECT_EQ(seen, R"("b"={"x":[1,2]};"\n"="s,}";"a"=[];"c"=-1.5e3;)");
}

}  // namespace
}  // namespace strata
