// What conformance does not say of how an aggregate divides records: which part is touched, what a
// missing part means, and where conditions go.
#include "tests/wrappers/stack.h"

namespace strata::testing {
namespace {

const Context& Ctx() { return Context::Background(); }

std::string Two(const std::string& more = "") {
  return R"("a":"memory:","b":"memory:","c":"memory:",)"
         R"("s":{"type":"aggregate","inners":["a","b","c"],)"
         R"("properties":["*",["price","stock"],["text"]])" +
         more + "}";
}

uint64_t RevisionIn(Stack& stack, std::string_view store, std::string_view id) {
  const auto r = Get(stack[store], Ctx(), id);
  return r.ok() && *r ? (*r)->revision : 0;
}

TEST(Aggregate, AWriteTouchesThePartsThatItNamesAndErasesNoOther) {
  Stack stack(Two());
  ASSERT_TRUE(
      Put(stack.s(), Ctx(), Doc(R"({"id":"x","name":"n","price":5,"stock":2,"text":"t"})")).ok());
  EXPECT_EQ(Get(stack["a"], Ctx(), "x")->value().document.text(), R"({"id":"x","name":"n"})");
  EXPECT_EQ(Get(stack["b"], Ctx(), "x")->value().document.text(),
            R"({"id":"x","price":5,"stock":2})");
  const uint64_t b = RevisionIn(stack, "b", "x"), c = RevisionIn(stack, "c", "x");
  const auto w = Update(stack.s(), Ctx(), "x", Doc(R"({"price":6})"));
  ASSERT_TRUE(w.ok()) << Describe(w.status());
  EXPECT_GT(RevisionIn(stack, "b", "x"), b);
  EXPECT_EQ(RevisionIn(stack, "c", "x"), c);
  EXPECT_EQ(RevisionIn(stack, "a", "x"), w->revision);
  EXPECT_EQ(Get(stack.s(), Ctx(), "x")->value().document.text(),
            R"({"id":"x","name":"n","price":6,"stock":2,"text":"t"})");
  // The last member of a part takes its document with it.
  ASSERT_TRUE(Update(stack.s(), Ctx(), "x", Doc(R"({"text":null})")).ok());
  EXPECT_EQ(RevisionIn(stack, "c", "x"), 0u);
  ASSERT_TRUE(Delete(stack.s(), Ctx(), "x").ok());
  for (const char* part : {"a", "b", "c"}) EXPECT_EQ(*Count(stack[part], Ctx()), 0u);
}

TEST(Aggregate, AMissingPartFollowsThePolicy) {
  for (const bool inner : {false, true}) {
    Stack stack(Two(inner ? R"(,"missing":"inner")" : ""));
    ASSERT_TRUE(Put(stack["a"], Ctx(), Doc(R"({"id":"x","name":"n"})")).ok());
    ASSERT_TRUE(Put(stack["b"], Ctx(), Doc(R"({"id":"x","price":1})")).ok());
    ASSERT_TRUE(Put(stack["b"], Ctx(), Doc(R"({"id":"orphan","price":1})")).ok());
    EXPECT_EQ(Get(stack.s(), Ctx(), "x")->has_value(), !inner);
    EXPECT_FALSE(Get(stack.s(), Ctx(), "orphan")->has_value());
    EXPECT_EQ(Rows(Collect(stack.s(), Ctx(), "price=1&values(id)")), inner ? "" : R"("x")");
    EXPECT_EQ(*Count(stack.s(), Ctx()), inner ? 0u : 1u);
    ASSERT_TRUE(Put(stack["c"], Ctx(), Doc(R"({"id":"x"})")).ok());
    EXPECT_EQ(Rows(Collect(stack.s(), Ctx(), "name=n")), R"({"id":"x","name":"n","price":1})");
    // Nothing of what a part holds beyond its own members is shown.
    ASSERT_TRUE(Put(stack["c"], Ctx(), Doc(R"({"id":"x","name":"not mine","text":"t"})")).ok());
    EXPECT_EQ(Get(stack.s(), Ctx(), "x")->value().document.text(),
              R"({"id":"x","name":"n","price":1,"text":"t"})");
  }
}

TEST(Aggregate, ConditionsGoToTheirOwners) {
  Stack stack(R"("a":{"type":"memory","indexes":[{"path":"name"}]},)"
              R"("b":{"type":"memory","indexes":[{"path":"price"}]},)"
              R"("s":{"type":"aggregate","inners":["a","b"],"properties":["*",["price"]]})");
  for (int i = 0; i < 2000; ++i) {
    const std::string n = std::to_string(i);
    ASSERT_TRUE(Put(stack.s(), Ctx(),
                    Doc("{\"id\":\"i" + n + "\",\"name\":\"n" + std::to_string(i % 100) +
                        "\",\"price\":" + std::to_string(i % 50) + "}"))
                    .ok());
  }
  const auto explain = [&](std::string_view rql) {
    const auto plan = PrepareComplete(stack.s(), Ctx(), *Query::Parse(rql));
    return ExplainText((*plan)->Explain());
  };
  // Both owners narrow, and their rows are joined.
  const std::string both = explain("name=n7&price=7");
  EXPECT_NE(both.find("b (memory)"), both.npos) << both;
  EXPECT_NE(both.find("a (memory)"), both.npos) << both;
  EXPECT_EQ(*Count(stack.s(), Ctx(), *Query::Parse("name=n7&price=7")), 20u);
  EXPECT_EQ(*Count(stack.s(), Ctx(), *Query::Parse("name=n7&price=8")), 0u);
  // One that keeps nearly all is asked of what the other leaves.
  const std::string one = explain("id=i7&price=gt=0");
  EXPECT_EQ(one.find("b (memory)"), one.npos) << one;
  // Across owners: above.
  EXPECT_EQ(*Count(stack.s(), Ctx(), *Query::Parse("or(name=n1,price=2)")), 60u);
  // A record without the part that a condition reads may satisfy it by its id.
  ASSERT_TRUE(Put(stack.s(), Ctx(), Doc(R"({"id":"bare"})")).ok());
  EXPECT_EQ(*Count(stack.s(), Ctx(), *Query::Parse("or(id=bare,price=2)")), 41u);
  // What only the part that owns all else is asked goes there whole.
  const std::string whole = explain("name=n7&count()");
  EXPECT_EQ(whole.find("join"), whole.npos) << whole;
}

TEST(Aggregate, WhatTheAnchorHoldsOfOthersMembersIsNotShown) {
  Stack stack(Two());
  ASSERT_TRUE(Put(stack["a"], Ctx(), Doc(R"({"price":1,"id":"x","name":"n","stock":7})")).ok());
  EXPECT_EQ(Get(stack.s(), Ctx(), "x")->value().document.text(), R"({"id":"x","name":"n"})");
  ASSERT_TRUE(Put(stack["b"], Ctx(), Doc(R"({"id":"x","price":2})")).ok());
  EXPECT_EQ(Get(stack.s(), Ctx(), "x")->value().document.text(),
            R"({"id":"x","name":"n","price":2})");
  EXPECT_EQ(Rows(Collect(stack.s(), Ctx(), "name=n")), R"({"id":"x","name":"n","price":2})");
  EXPECT_EQ(Rows(Collect(stack.s(), Ctx(), "price=1")), "");
  EXPECT_EQ(Rows(Collect(stack.s(), Ctx(), "price=2&select(id,stock)")), R"({"id":"x"})");
  // The next write clears it away.
  ASSERT_TRUE(Update(stack.s(), Ctx(), "x", Doc(R"({"name":"m"})")).ok());
  EXPECT_EQ(Get(stack["a"], Ctx(), "x")->value().document.text(), R"({"id":"x","name":"m"})");
}

TEST(Aggregate, TransactionsRollBackAllParts) {
  Stack stack(Two());
  ASSERT_TRUE(Put(stack.s(), Ctx(), Doc(R"({"id":"x","name":"n","price":1})")).ok());
  auto t = stack.s().Begin(Ctx(), {});
  ASSERT_TRUE(t.ok());
  ASSERT_TRUE(Update(**t, Ctx(), "x", Doc(R"({"price":2})")).ok());
  ASSERT_TRUE((*t)->Savepoint("p").ok());
  ASSERT_TRUE(Update(**t, Ctx(), "x", Doc(R"({"price":3,"text":"t"})")).ok());
  EXPECT_EQ(Rows(Collect(**t, Ctx(), "price=3")), R"({"id":"x","name":"n","price":3,"text":"t"})");
  ASSERT_TRUE((*t)->RollbackTo("p").ok());
  EXPECT_EQ(Rows(Collect(**t, Ctx(), "price=gt=0")), R"({"id":"x","name":"n","price":2})");
  const auto done = (*t)->Commit(Ctx());
  ASSERT_TRUE(done.ok()) << Describe(done.status());
  EXPECT_EQ(Get(stack.s(), Ctx(), "x")->value().document.text(),
            R"({"id":"x","name":"n","price":2})");
}

TEST(Aggregate, WrongOptionsAreSaid) {
  StageRegistry registry;
  ASSERT_TRUE(RegisterAll(registry).ok());
  const auto error = [&](const std::string& properties, const std::string& more = "") {
    const auto p = Pipeline::FromText(
        R"({"stores":{"s":{"type":"aggregate","inners":["memory:","memory:"],"properties":)" +
            properties + more + "}}}",
        ".", registry);
    return p.ok() ? "" : std::string(Message(p.status()));
  };
  EXPECT_EQ(error(R"(["*",["a"]])"), "");
  EXPECT_NE(error(R"([["b"],["a"]])").find("one part must be \"*\""), std::string::npos);
  EXPECT_NE(error(R"(["*","*"])").find("only one part can hold all other"), std::string::npos);
  EXPECT_NE(error(R"(["*",["a","a"]])").find("owned by part 1 already"), std::string::npos);
  EXPECT_NE(error(R"(["*",["id"]])").find("every part holds the id"), std::string::npos);
  EXPECT_NE(error(R"(["*",["a"],["b"]])").find("has 3 entries for 2 inner stores"),
            std::string::npos);
}

}  // namespace
}  // namespace strata::testing
