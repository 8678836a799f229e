// What conformance does not say of how an aggregate divides records: which part is touched, what a
// missing part means, and where conditions go.
#include <algorithm>
#include <functional>
#include <utility>

#include "tests/wrappers/stack.h"
#include "wrappers/core/forwarding_store.h"

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
  EXPECT_NE(one.find("\n  read by id [b (memory)]\n"), one.npos) << one;
  // Across owners: above.
  EXPECT_EQ(*Count(stack.s(), Ctx(), *Query::Parse("or(name=n1,price=2)")), 60u);
  // A record without the part that a condition reads may satisfy it by its id.
  ASSERT_TRUE(Put(stack.s(), Ctx(), Doc(R"({"id":"bare"})")).ok());
  EXPECT_EQ(*Count(stack.s(), Ctx(), *Query::Parse("or(id=bare,price=2)")), 41u);
  // What only the part that owns all else is asked goes there whole.
  const std::string whole = explain("name=n7&count()");
  EXPECT_EQ(whole.find("join"), whole.npos) << whole;
}

TEST(Aggregate, ExplainShowsThePartsThatAreReadById) {
  Stack stack(Two());
  for (const char* text : {R"({"id":"x","name":"n","price":1})", R"({"id":"y","name":"n"})"})
    ASSERT_TRUE(Put(stack.s(), Ctx(), Doc(text)).ok());
  const auto plan = PrepareComplete(stack.s(), Ctx(), *Query::Parse("name=n"));
  const std::string planned = ExplainText((*plan)->Explain());
  EXPECT_NE(planned.find("\n  read by id [b (memory)]\n  read by id [c (memory)]\n"), planned.npos)
      << planned;
  const auto cursor = (*plan)->Open(Ctx(), {});
  RowBatch batch;
  while ((*cursor)->Next(Ctx(), 1, &batch).ok() && batch.end == EndReason::kMore) {
  }
  const std::string run = ExplainText((*cursor)->Explain());
  EXPECT_NE(run.find("\n  read by id [b (memory)]  (rows 1, examined 2)\n"
                     "  read by id [c (memory)]  (rows 0, examined 2)\n"),
            run.npos)
      << run;
  EXPECT_EQ(run.find("read by id [a (memory)]"), run.npos) << run;
  // Only what the query needs is read.
  const auto some = PrepareComplete(stack.s(), Ctx(), *Query::Parse("name=n&select(id,price)"));
  const std::string less = ExplainText((*some)->Explain());
  EXPECT_NE(less.find("read by id [b (memory)]"), less.npos) << less;
  EXPECT_EQ(less.find("[c (memory)]"), less.npos) << less;
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

TEST(Aggregate, SlowPartsAreReadAtOnce) {
  const std::string slow = R"([{"type":"slow","delay":"5ms"},)";
  Stack stack(R"("a":"memory:","b":"memory:","c":"memory:","s":{"type":"aggregate","inners":[)" +
              slow + "\"a\"]," + slow + R"("b"],"c"],"properties":["*",["price"],["text"]]})");
  ASSERT_TRUE(Put(stack["a"], Ctx(), Doc(R"({"id":"x","name":"n"})")).ok());
  ASSERT_TRUE(Put(stack["b"], Ctx(), Doc(R"({"id":"x","price":1})")).ok());
  ASSERT_TRUE(Put(stack["c"], Ctx(), Doc(R"({"id":"x","text":"t"})")).ok());
  ASSERT_TRUE(Put(stack["a"], Ctx(), Doc(R"({"id":"y","name":"m"})")).ok());
  const std::string x = R"({"id":"x","name":"n","price":1,"text":"t"})";
  // The first read finds out that they are slow.
  for (int reads = 0; reads < 4; ++reads) {
    EXPECT_EQ(stack.Figure("parallel_reads"), std::max(0, reads - 1));
    const std::string_view ids[] = {"x", "none", "y"};
    std::optional<Record> out[3];
    const Status read = stack.s().Read(Ctx(), ids, out);
    ASSERT_TRUE(read.ok()) << Describe(read);
    EXPECT_EQ(out[0]->document.text(), x);
    EXPECT_FALSE(out[1].has_value());
    EXPECT_EQ(out[2]->document.text(), R"({"id":"y","name":"m"})");
  }
  // Within a transaction and of a write, too.
  const auto w = Update(stack.s(), Ctx(), "x", Doc(R"({"price":2})"));
  ASSERT_TRUE(w.ok()) << Describe(w.status());
  EXPECT_EQ(stack.Figure("parallel_reads"), 4);
  EXPECT_EQ(Get(stack.s(), Ctx(), "x")->value().document.text(),
            R"({"id":"x","name":"n","price":2,"text":"t"})");
  // One slow part is not worth another thread.
  bool one_by_one = false;
  for (int tries = 0; tries < 5 && !one_by_one; ++tries) {  // a busy machine may delay the fast one
    Stack one(R"("s":{"type":"aggregate","inners":[)" + slow +
              R"("memory:"],"memory:"],"properties":["*",["price"]]})");
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(Get(one.s(), Ctx(), "x")->has_value());
    one_by_one = one.Figure("parallel_reads") == 0;
  }
  EXPECT_TRUE(one_by_one);
}

// A part without transactions, as a remote store may be. `before_write` is called once.
class Voteless final : public ForwardingStore {
 public:
  Voteless(StoreInfo info, std::function<void()>* before_write)
      : ForwardingStore(std::move(info)), before_write_(*before_write) {}
  Capabilities capabilities() const override {
    Capabilities c = inner().capabilities();
    c.isolation = Isolation::kNone;
    return c;
  }
  StatusOr<std::unique_ptr<Transaction>> Begin(const Context&, const TransactionOptions&) override {
    return Unimplemented("no transactions here");
  }
  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    if (const auto call = std::exchange(before_write_, nullptr)) call();
    return ForwardingStore::Write(ctx, batch);
  }

 private:
  std::function<void()>& before_write_;
};

class WithVotelessPart : public ::testing::Test {
 protected:
  // "left" is in a, "right" and "more" are in b, which cannot vote.
  void Open(const std::string& before_a = "") {
    ASSERT_TRUE(RegisterAll(registry_).ok());
    StageType voteless = *registry_.Find("forward");
    voteless.name = "voteless";
    voteless.build = [this](const void*, StoreInfo info,
                            const BuildContext&) -> StatusOr<std::shared_ptr<Store>> {
      return std::make_shared<Voteless>(std::move(info), &before_write_);
    };
    ASSERT_TRUE(registry_.Register(std::move(voteless)).ok());
    auto p = Pipeline::FromText(
        R"({"stores":{"a":"memory:","b":"memory:","s":{"type":"aggregate","inners":[[)" + before_a +
            R"("a"],[{"type":"voteless"},"b"]],"properties":["*",["right","more"]]}}})",
        ".", registry_);
    ASSERT_TRUE(p.ok()) << Describe(p.status());
    pipeline_ = *std::move(p);
  }
  Store& operator[](std::string_view name) { return *pipeline_->Find(name); }
  std::string Text(std::string_view store, std::string_view id) {
    const auto r = Get((*this)[store], Ctx(), id);
    return !r.ok() ? Describe(r.status()) : *r ? std::string((*r)->document.text()) : "-";
  }
  double Finished() {
    const auto stage = pipeline_->FindStage("s");
    for (const Metric& m : dynamic_cast<const Introspection&>(*stage).Metrics()) {
      if (m.name == "finished") return m.value;
    }
    return -1;
  }

  std::function<void()> before_write_;
  StageRegistry registry_;
  std::unique_ptr<Pipeline> pipeline_;
};

TEST_F(WithVotelessPart, WritesOfBothPartsWorkAndLessIsPromised) {
  Open();
  EXPECT_EQ((*this)["s"].capabilities().write_atomicity, WriteAtomicity::kDocument);
  EXPECT_EQ((*this)["s"].capabilities().isolation, Isolation::kNone);
  ASSERT_TRUE(Put((*this)["s"], Ctx(), Doc(R"({"id":"x","left":1,"right":1})")).ok());
  ASSERT_TRUE(Put((*this)["s"], Ctx(), Doc(R"({"id":"y","left":1,"right":1})")).ok());
  EXPECT_EQ(Text("s", "x"), R"({"id":"x","left":1,"right":1})");
  EXPECT_EQ(Rows(Collect((*this)["s"], Ctx(), "right=1&left=1&values(id)")), R"("x" "y")");
  const auto w = Update((*this)["s"], Ctx(), "x", Doc(R"({"right":2})"));
  ASSERT_TRUE(w.ok()) << Describe(w.status());
  EXPECT_EQ(Text("b", "x"), R"({"id":"x","right":2})");
  ASSERT_TRUE(Delete((*this)["s"], Ctx(), "x").ok());
  EXPECT_EQ(Text("a", "x") + Text("b", "x"), "--");
}

TEST_F(WithVotelessPart, ThatPartIsWrittenFirstAndGuarded) {
  Open();
  ASSERT_TRUE(Put((*this)["s"], Ctx(), Doc(R"({"id":"x","left":1,"right":1})")).ok());
  std::string a_then;
  before_write_ = [&] {
    a_then = Text("a", "x");
    ASSERT_TRUE(Put((*this)["b"], Ctx(), Doc(R"({"id":"x","right":7,"more":7})")).ok());
  };
  // Somebody writes into b between reading it and writing it.
  const auto w = Update((*this)["s"], Ctx(), "x", Doc(R"({"left":2,"right":2})"));
  ASSERT_TRUE(w.ok()) << Describe(w.status());
  EXPECT_EQ(a_then, R"({"id":"x","left":1})");
  EXPECT_EQ(Text("s", "x"), R"({"id":"x","left":2,"right":2,"more":7})");
  EXPECT_EQ(Finished(), 0);
  // Somebody creates there what nobody had.
  before_write_ = [&] {
    ASSERT_TRUE(Put((*this)["b"], Ctx(), Doc(R"({"id":"n","more":7})")).ok());
  };
  const auto u = Update((*this)["s"], Ctx(), "x", Doc(R"({"left":3})"));
  ASSERT_TRUE(u.ok()) << Describe(u.status());
  ASSERT_NE(before_write_, nullptr);  // nothing to write there
  ASSERT_TRUE(Put((*this)["s"], Ctx(), Doc(R"({"id":"n","left":1,"right":1})")).ok());
  EXPECT_EQ(before_write_, nullptr);
  EXPECT_EQ(Text("s", "n"), R"({"id":"n","left":1,"right":1})");
}

TEST_F(WithVotelessPart, APartThatFailsBehindItIsFinishedLater) {
  // A vote and a commit of the first write, then those of the second.
  Open(R"({"type":"fault","operation":"commit","every":4,"when":"before"},)");
  ASSERT_TRUE(Put((*this)["s"], Ctx(), Doc(R"({"id":"x","left":1,"right":1})")).ok());
  const auto w = Put((*this)["s"], Ctx(), Doc(R"({"id":"x","left":2,"right":2})"));
  EXPECT_EQ(Code(w.status()), "UNAVAILABLE");
  EXPECT_NE(Message(w.status()).find("half done"), std::string_view::npos) << w.status();
  EXPECT_EQ(Text("s", "x"), R"({"id":"x","left":2,"right":2})");
  EXPECT_EQ(Text("a", "x"), R"({"id":"x","left":2})");
  EXPECT_EQ(Finished(), 1);
}

}  // namespace
}  // namespace strata::testing
