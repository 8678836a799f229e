#include "tools/app.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace strata::tools {
namespace {

std::string Refused(const std::string& text) {
  return std::string(Message(ParseParams({text}).status()));
}

TEST(Params, AreValuesOfTheQueryLanguage) {
  const auto values = ParseParams({"12", "string:12", "(1,2)", "(string:1,string:2)", "", "a%26b"});
  ASSERT_TRUE(values.ok()) << values.status();
  const std::vector<Node> expected = {
      Node::Num(Number(int64_t{12})),
      Node::Str("12"),
      Node::Array({Node::Num(Number(int64_t{1})), Node::Num(Number(int64_t{2}))}),
      Node::Array({Node::Str("1"), Node::Str("2")}),
      Node::Str(""),
      Node::Str("a&b")};
  EXPECT_EQ(*values, expected);
}

TEST(Params, WhatIsNoValueIsRefusedWithTheWayToWriteIt) {
  EXPECT_EQ(Refused("a&b"),
            "$1: \"a&b\" is no RQL value: \"&\" joins conditions; as a text it is written "
            "string:a%26b");
  EXPECT_EQ(Refused("(1,2"),
            "$1: \"(1,2\" is no RQL value: \"(\" is not closed; as a text it is written "
            "string:%281%2C2");
  EXPECT_EQ(
      Refused("a b"),
      "$1: \"a b\" is no RQL value: white space must be written %20 (and so on); as a text it "
      "is written string:a%20b");
  EXPECT_EQ(Refused("$2"), "$1: a parameter cannot stand for a parameter");
  for (const char* bad : {"a|", "a=b", "=gt=1", "a,b", "(a=1)", "(f(x),b)", "($1,2)", "1)",
                          "date:x", "(1)(2)", "f(x)"})
    EXPECT_EQ(ParseParams({bad}).status().code(), StatusCode::kInvalidArgument) << bad;
}

TEST(WriteJson, SaysThatADocumentWasDeleted) {
  EXPECT_EQ(WriteJson({.id = "a", .revision = 7, .deleted = true}), R"({"id":"a","deleted":true})");
  EXPECT_EQ(WriteJson({.id = "a", .revision = 7, .created = true}),
            R"({"id":"a","revision":7,"created":true})");
}

TEST(Interruption, IsForgotten) {
  EXPECT_TRUE(InterruptibleContext().Check().ok());
  for (int i = 0; i < 3; ++i) {
    const Context before = InterruptibleContext();
    raise(SIGINT);
    EXPECT_TRUE(Interrupted());
    EXPECT_EQ(InterruptibleContext().Check().code(), StatusCode::kCancelled);
    ForgetInterruption();
    EXPECT_FALSE(Interrupted());
    EXPECT_TRUE(InterruptibleContext().Check().ok());
    EXPECT_EQ(before.Check().code(), StatusCode::kCancelled);
  }
}

}  // namespace
}  // namespace strata::tools
