// The law: a search finds what a look at every stored text finds, with the same analyser.
#include "tests/wrappers/stack.h"
#include "wrappers/fulltext/text_oracle.h"

namespace strata::testing {
namespace {

const Context& ctx() { return Context::Background(); }

// `body`: the language of one of two fields; the other one's is English.
void SearchesFindWhatALookFinds(const std::string& body) {
#ifdef STRATA_SANITIZED
  constexpr int kRounds = 60;
#else
  constexpr int kRounds = 600;
#endif
  const TextOracle oracle({{"title", "english"}, {"body", body}});
  RandomTexts random(oracle, PrintedSeed());
  Stack stack(R"("s":[{"type":"fulltext","path":"text","fields":{"title":{"weight":3},
                       "body":{"language":")" +
              body + R"("}},"terms":["kind"],"values":["year","kind"]},"memory:"])");
  TextModel model;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < 3; ++i) {
      const std::string id = "d" + std::to_string(random.Below(40));
      if (random.Chance(5)) {
        ASSERT_TRUE(Delete(stack.s(), ctx(), id).ok());
        model.erase(id);
        continue;
      }
      const Document d = random.NewDocument(id);
      ASSERT_TRUE(Put(stack.s(), ctx(), d).ok());
      model[id] = oracle.Read(d);
    }
    for (int i = 0; i < 5; ++i) {
      const TextQuestion asked = random.Ask();
      const auto rows = Collect(stack.s(), ctx(), asked.query);
      ASSERT_TRUE(rows.ok()) << asked.query.ToString() << Describe(rows.status());
      ASSERT_EQ(IdsOf(*rows), IdsOf(model, asked.holds)) << asked.query.ToString();
    }
  }
}

TEST(FulltextLaw, SearchesFindWhatALookAtEveryTextFinds) { SearchesFindWhatALookFinds("english"); }

TEST(FulltextLaw, SearchesInTwoLanguagesFindWhatALookAtEveryTextFinds) {
  SearchesFindWhatALookFinds("german");
}

}  // namespace
}  // namespace strata::testing
