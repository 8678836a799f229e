// Types over one store: who sees what, and what a write may not change.
#include "tests/wrappers/stack.h"
#include "wrappers/inherit/inherit_store.h"

namespace strata::testing {
namespace {

const Context& ctx() { return Context::Background(); }

constexpr char kCatalog[] =
    R"("disk":{"type":"memory","indexes":[{"path":"type"}]},
       "catalog":{"type":"inherit","inner":"disk","types":{"Product":{},"Toy":{"extends":"Product"},
                  "Tool":{"extends":["Product"]},"Kit":{"extends":["Toy","Tool"]},"Place":{}}})";

std::string Ids(Store& store, std::string_view rql = "") {
  const auto rows = Collect(store, ctx(), rql);
  if (!rows.ok()) return Describe(rows.status());
  std::string out;
  for (const Document& d : *rows) out += (out.empty() ? "" : " ") + StoredId(d);
  return out;
}

class Inherit : public ::testing::Test {
 protected:
  Inherit() : stack_(kCatalog) {
    for (const char* type : {"Product", "Toy", "Tool", "Kit", "Place"}) {
      std::string id(1, static_cast<char>(std::tolower(type[0])));
      if (std::string_view(type) == "Product") id = "pr";
      if (std::string_view(type) == "Tool") id = "to";
      EXPECT_TRUE(Create(stack_[type], ctx(), Doc("{\"id\":\"" + id + "\",\"n\":1}")).ok());
    }
  }
  Stack stack_;
};

TEST_F(Inherit, ASuperHoldsWhatItsSubtypesHold) {
  EXPECT_EQ(Ids(stack_["Product"]), "k pr t to");
  EXPECT_EQ(Ids(stack_["Toy"]), "k t");
  EXPECT_EQ(Ids(stack_["Tool"]), "k to");
  EXPECT_EQ(Ids(stack_["Kit"]), "k");
  EXPECT_EQ(Ids(stack_["Place"]), "p");
  EXPECT_EQ(Ids(stack_["catalog"]), "k p pr t to");
  // As what they are.
  EXPECT_EQ(Get(stack_["Product"], ctx(), "k")->value().document.text(),
            R"({"type":"Kit","id":"k","n":1})");
  // The restriction is below sort, limit and count.
  EXPECT_EQ(Ids(stack_["Toy"], "sort(-id)&limit(1)"), "t");
  EXPECT_EQ(*Count(stack_["Toy"], ctx()), 2u);
  EXPECT_EQ(Ids(stack_["Toy"], "or(id=pr,id=t)"), "t");
  const auto plan = PrepareComplete(stack_["Toy"], ctx(), *Query::Parse("n=1"));
  EXPECT_NE(ExplainText((*plan)->Explain()).find("index type"), std::string::npos)
      << ExplainText((*plan)->Explain());
}

TEST_F(Inherit, ATypeTouchesNothingThatIsNotItsOwn) {
  Store& toy = stack_["Toy"];
  EXPECT_FALSE(Get(toy, ctx(), "pr")->has_value());
  EXPECT_FALSE(Delete(toy, ctx(), "pr")->deleted);
  EXPECT_EQ(Code(Update(toy, ctx(), "pr", Doc("{\"n\":2}")).status()), "NOT_FOUND");
  EXPECT_EQ(Code(Put(toy, ctx(), Doc("{\"id\":\"pr\"}")).status()), "ALREADY_EXISTS");
  EXPECT_EQ(Code(Create(toy, ctx(), Doc("{\"id\":\"pr\"}")).status()), "ALREADY_EXISTS");
  auto t = toy.Begin(ctx(), {});
  EXPECT_FALSE(Get(**t, ctx(), "pr")->has_value());
  EXPECT_FALSE(Delete(**t, ctx(), "pr")->deleted);
  EXPECT_EQ(Code(Put(**t, ctx(), Doc("{\"id\":\"pr\"}")).status()), "ALREADY_EXISTS");
  EXPECT_EQ(Rows(Collect(**t, ctx(), "values(id)")), "\"k\" \"t\"");
  ASSERT_TRUE((*t)->Commit(ctx()).ok());
  EXPECT_EQ(Get(stack_["Product"], ctx(), "pr")->value().document.text(),
            R"({"type":"Product","id":"pr","n":1})");
}

TEST_F(Inherit, AWriteThroughTheSuperKeepsTheType) {
  Store& product = stack_["Product"];
  ASSERT_TRUE(Put(product, ctx(), Doc("{\"id\":\"k\",\"n\":2}")).ok());
  ASSERT_TRUE(Update(product, ctx(), "k", Doc("{\"m\":3}")).ok());
  ASSERT_TRUE(Update(product, ctx(), "k", Doc("{\"type\":null}")).ok());
  EXPECT_EQ(Get(stack_["Kit"], ctx(), "k")->value().document.text(),
            R"({"type":"Kit","id":"k","n":2,"m":3})");
  EXPECT_EQ(Code(Update(product, ctx(), "k", Doc("{\"type\":\"Toy\"}")).status()),
            "INVALID_ARGUMENT");
  // A new one may say what it is, within the store's types.
  ASSERT_TRUE(Create(product, ctx(), Doc("{\"id\":\"k2\",\"type\":\"Kit\"}")).ok());
  EXPECT_EQ(Ids(stack_["Kit"]), "k k2");
  const auto wrong = Create(stack_["Toy"], ctx(), Doc("{\"id\":\"x\",\"type\":\"Tol\"}"));
  EXPECT_EQ(Message(wrong.status()),
            "there is no type \"Tol\" here; did you mean \"Toy\"? (types: Kit Toy)");
  EXPECT_EQ(Code(Create(stack_["catalog"], ctx(), Doc("{\"id\":\"x\"}")).status()),
            "INVALID_ARGUMENT");
}

TEST_F(Inherit, OnlyRetypeChangesTheType) {
  auto* toys = dynamic_cast<Retyping*>(stack_.pipeline().FindStage("Toy").get());
  auto* products = dynamic_cast<Retyping*>(stack_.pipeline().FindStage("Product").get());
  ASSERT_NE(toys, nullptr);
  EXPECT_EQ(Code(toys->Retype(ctx(), "pr", "Toy").status()), "NOT_FOUND");
  EXPECT_EQ(Code(toys->Retype(ctx(), "t", "Product").status()), "INVALID_ARGUMENT");
  ASSERT_TRUE(products->Retype(ctx(), "pr", "Tool").ok());
  EXPECT_EQ(Ids(stack_["Tool"]), "k pr to");
}

TEST_F(Inherit, SubscriptionsFollowTheHierarchy) {
  SubscribeRequest request;
  request.query = *Query::Parse("n=gt=5");
  auto changes = stack_["Toy"].Subscribe(ctx(), request);
  ASSERT_TRUE(changes.ok()) << changes.status();
  ASSERT_TRUE(Put(stack_["Product"], ctx(), Doc("{\"id\":\"pr\",\"n\":9}")).ok());
  ASSERT_TRUE(Put(stack_["Kit"], ctx(), Doc("{\"id\":\"k\",\"n\":9}")).ok());
  auto* products = dynamic_cast<Retyping*>(stack_.pipeline().FindStage("Product").get());
  ASSERT_TRUE(products->Retype(ctx(), "k", "Tool").ok());
  std::string seen;
  for (int n = 0; n < 2;) {
    const auto b = (*changes)->Next(ctx().WithTimeout(std::chrono::seconds(20)));
    ASSERT_TRUE(b.ok()) << b.status();
    for (const Change& c : b->changes) {
      seen += c.id + std::to_string(static_cast<int>(c.kind)) + " ";
      ++n;
    }
  }
  EXPECT_EQ(seen, "k0 k2 ");
}

TEST(InheritConfig, SaysWhatIsWrongWithTypes) {
  StageRegistry registry;
  ASSERT_TRUE(RegisterAll(registry).ok());
  const auto message = [&](const std::string& stores) {
    const auto c = CheckPipeline("{\"stores\":{" + stores + "}}", "p", "/", registry);
    return c.ok() ? c->Canonical() : std::string(Message(c.status()));
  };
  EXPECT_EQ(message(R"("c":{"type":"inherit","inner":"memory:","types":{"A":{"extends":"B"},
                     "B":{"extends":["A"]},"C":{"extends":"AB"},"D":7}})"),
            R"(p: 4 problems
  /stores/c/types/A/extends   "A" extends itself through "B"
  /stores/c/types/B/extends   "B" extends itself through "A"
  /stores/c/types/C/extends   there is no type "AB"
  /stores/c/types/D           expected an object such as {"extends": "Product"}, found a number)");
  EXPECT_EQ(
      message(R"("a":"memory:","c":{"type":"inherit","inner":"a","types":{"a":{}}})"),
      "p: 1 problem\n  /stores/c   gives a store \"a\", but there is one of that name already");
  EXPECT_EQ(message(R"("c":[{"type":"cache"},{"type":"inherit","types":{"A":{}}},"memory:"])"),
            "p: 1 problem\n  /stores/c/1   \"inherit\" gives several stores: make it the outermost "
            "stage of a store of its own, and let others name what it gives");
  EXPECT_EQ(message(R"("c":[{"type":"inherit","types":{"A":{}}},"A"])"),
            "p: 1 problem\n  /stores/c/1   the store stands on itself: c -> A");
  EXPECT_EQ(message(R"("b":[{"type":"inherit","types":{"B":{}}},"memory:"],
                       "c":[{"type":"inherit","types":{"A":{}}},"B"])"),
            "p: 1 problem\n  /stores/c/0   stands over another \"inherit\" (/stores/b/0) with the "
            "same \"discriminator\"");
}

}  // namespace
}  // namespace strata::testing
