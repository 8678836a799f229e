// A readonly stage above every composition, and below every wrapper.
#include "tests/conformance/composition.h"

namespace strata::testing {
namespace {

std::string Code(const Status& s) { return std::string(CodeName(s.code())); }

std::string All(Store& store) {
  const auto rows = Collect(store, Context::Background(), "");
  if (!rows.ok()) return Describe(rows.status());
  std::string out;
  for (const Document& d : *rows) out += Shown(d) + "\n";
  return out;
}

// Every way to write is refused, and none has an effect on what can be read.
void ExpectRefusals(Store& store) {
  const Context& ctx = Context::Background();
  const std::string before = All(store);
  const Document changed = Doc(R"({"id":"a","n":2,"b":"x"})");
  const Document fresh = Doc(R"({"id":"new","n":2,"b":"x"})");
  for (const Document& d : {changed, fresh}) {
    EXPECT_EQ(Code(Put(store, ctx, d).status()), "PERMISSION_DENIED");
    WriteBatch batch;
    batch.Put(d).Delete("b");
    EXPECT_EQ(Code(store.Write(ctx, batch).status()), "PERMISSION_DENIED");
  }
  EXPECT_EQ(Code(Create(store, ctx, fresh).status()), "PERMISSION_DENIED");
  // A transaction may read. Some stages write when it commits.
  auto t = store.Begin(ctx, {});
  ASSERT_TRUE(t.ok()) << Describe(t.status());
  EXPECT_EQ(Get(**t, ctx, "a")->has_value(), Get(store, ctx, "a")->has_value());
  Status refused = Put(**t, ctx, changed).status();
  if (refused.ok()) refused = Put(**t, ctx, fresh).status();
  if (refused.ok()) refused = (*t)->Commit(ctx).status();
  EXPECT_EQ(Code(refused), "PERMISSION_DENIED");
  t->reset();
  EXPECT_EQ(All(store), before);
  EXPECT_FALSE(Get(store, ctx, "new")->has_value());
}

class ReadonlySuite : public ConformanceTest {
 protected:
  ReadonlySuite() : ConformanceTest(R"("r":[{"type":"readonly"},"s"],)") {}
  Store& readonly() { return other("r"); }
};

TEST_P(ReadonlySuite, ReadsAllAndWritesNothing) {
  for (const char* text : {R"({"id":"a","n":1,"b":"x"})", R"({"id":"b","n":7,"a":"red shoes"})",
                           R"({"id":"c","n":9})"}) {
    ASSERT_TRUE(Put(store(), ctx(), Doc(text)).ok());
  }
  Capabilities expected = store().capabilities();
  EXPECT_TRUE(expected.writable);
  expected.writable = false;
  EXPECT_EQ(readonly().capabilities(), expected);

  auto changes = readonly().Subscribe(ctx(), {});
  ASSERT_TRUE(changes.ok()) << Describe(changes.status());
  ExpectRefusals(readonly());
  EXPECT_EQ(Code(Update(readonly(), ctx(), "a", Doc(R"({"n":2})")).status()), "PERMISSION_DENIED");
  EXPECT_EQ(Code(Delete(readonly(), ctx(), "a").status()), "PERMISSION_DENIED");

  // What is written beside it is seen, and the first that subscribers hear of.
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"d","n":8})")).ok());
  const auto batch = (*changes)->Next(ctx().WithTimeout(std::chrono::seconds(20)));
  ASSERT_TRUE(batch.ok()) << Describe(batch.status());
  EXPECT_EQ(batch->changes.at(0).id, "d");
  EXPECT_EQ(All(readonly()), All(store()));
  const auto large = Collect(readonly(), ctx(), "n=gt=7&sort(-n)&values(id)");
  ASSERT_TRUE(large.ok()) << Describe(large.status());
  ASSERT_EQ(large->size(), 2u);
  EXPECT_EQ((*large)[0].text(), "\"c\"");
  EXPECT_EQ(Get(readonly(), ctx(), "b")->value().revision,
            Get(store(), ctx(), "b")->value().revision);
}

INSTANTIATE_CONFORMANCE(ReadonlySuite);

using OverReadonlySuite = ConformanceTest;

TEST_P(OverReadonlySuite, ARefusedWriteLeavesNothingAnywhere) {
  // What is written below by others comes later there.
  if (store().capabilities().freshness < Freshness::kLatest) GTEST_SKIP() << "reads may be behind";
  Store& below = other("below");
  // For "inherit", whose ids belong to all types, they are of the store's type.
  for (const char* text :
       {R"({"id":"a","n":1,"b":"x","$type":"Toy"})", R"({"id":"b","n":7,"$type":"Toy"})"}) {
    ASSERT_TRUE(Put(below, ctx(), Doc(text)).ok());
  }
  const std::string before = All(below);
  EXPECT_FALSE(store().capabilities().writable);
  ExpectRefusals(store());
  EXPECT_EQ(All(below), before);
}

INSTANTIATE_TEST_SUITE_P(All, OverReadonlySuite, ::testing::ValuesIn(OverReadonly()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace strata::testing
