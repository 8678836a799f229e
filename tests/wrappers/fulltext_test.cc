// What a full-text stage finds, shows and refuses.
#include <map>

#include "tests/wrappers/stack.h"
#include "wrappers/fulltext/fulltext_store.h"

namespace strata::testing {
namespace {

const Context& ctx() { return Context::Background(); }

constexpr char kBooks[] = R"("m":"memory:","s":[{"type":"fulltext","path":"text",
    "fields":{"title":{"weight":5},"body":{}},"terms":["kind"],"values":["year","kind"]},"m"])";

class Fulltext : public ::testing::Test {
 protected:
  Fulltext() : stack_(kBooks) {
    for (
        const char* text :
        {R"({"id":"a","title":"The art of computer programming","body":"Fundamental algorithms","year":1968,"kind":"book"})",
         R"({"id":"b","title":"Introduction to algorithms","body":"A computer science textbook","year":1990,"kind":"book"})",
         R"({"id":"c","title":"Cooking","body":"Not one algorithm, but many recipes <b>","year":2001,"kind":"book"})",
         R"({"id":7,"title":"Programming pearls","body":"Columns on programming","year":1986,"kind":"article"})"}) {
      EXPECT_TRUE(Put(stack_.s(), ctx(), Doc(text)).ok());
    }
  }
  std::string Ids(std::string rql) {
    for (size_t at; (at = rql.find(' ')) != rql.npos;) rql.replace(at, 1, "%20");
    const auto rows = Collect(stack_.s(), ctx(), rql);
    if (!rows.ok()) return Describe(rows.status());
    std::string out;
    for (const Document& d : *rows) out += (out.empty() ? "" : " ") + StoredId(d);
    return out;
  }
  Stack stack_;
};

TEST_F(Fulltext, FindsWordsPhrasesPrefixesAndNearOnes) {
  EXPECT_EQ(Ids("fulltext(algorithm)"), "a b c");
  EXPECT_EQ(Ids("fulltext(title,algorithm)"), "b");
  EXPECT_EQ(Ids("fulltext(computer programming)"), "a");
  EXPECT_EQ(Ids("fulltext(%22computer science%22)"), "b");
  EXPECT_EQ(Ids("fulltext(%22science computer%22)"), "");
  EXPECT_EQ(Ids("fulltext(computer NEAR textbook)"), "b");
  EXPECT_EQ(Ids("fulltext(algorithm NOT cooking)"), "a b");
  EXPECT_EQ(Ids("fulltext(cooking OR pearls)"), "7 c");
  EXPECT_EQ(Ids("fulltext(program%2A)"), "7 a");
  EXPECT_EQ(Ids("fulltext(programing~)"), "7 a");
  EXPECT_EQ(Ids("fulltext(coking~1)"), "c");
  EXPECT_EQ(Ids("fulltext(nothing)"), "");
}

TEST_F(Fulltext, StandsAnywhereInAnExpression) {
  EXPECT_EQ(Ids("fulltext(algorithm)&year=lt=1995"), "a b");
  EXPECT_EQ(Ids("or(fulltext(pearls),year=2001)"), "7 c");
  EXPECT_EQ(Ids("not(fulltext(algorithm))"), "7");
  EXPECT_EQ(Ids("fulltext(algorithm)&or(fulltext(cooking),kind=article)"), "c");
  EXPECT_EQ(Ids("fulltext(programming)&kind=article"), "7");
  EXPECT_EQ(Ids("fulltext(algorithm)&sort(-year)&limit(2)"), "c b");
  EXPECT_EQ(Rows(Collect(stack_.s(), ctx(), "fulltext(algorithm)&count()")), "3");
  EXPECT_EQ(Rows(Collect(stack_.s(), ctx(), "fulltext(programming)&aggregate(kind,as(n,count()))")),
            R"({"kind":"article","n":1} {"kind":"book","n":1})");
  const auto plan = PrepareComplete(stack_.s(), ctx(), *Query::Parse("fulltext($1)&year=ge=$2"));
  ASSERT_TRUE(plan.ok());
  OpenOptions options;
  const std::vector<Node> params = {Lit("algorithm"), Lit(1990)};
  options.params = params;
  EXPECT_EQ(Rows(CollectRows(**plan, ctx(), options)).size(),
            Rows(Collect(stack_.s(), ctx(), "fulltext(algorithm)&year=ge=1990")).size());
}

TEST_F(Fulltext, ShowsScoresAndSnippets) {
  EXPECT_EQ(Ids("fulltext(algorithm)&sort(-score)"), "b c a");
  EXPECT_EQ(Ids("fulltext(algorithm)&sort(-score)&limit(1)"), "b");
  EXPECT_EQ(Ids("fulltext(algorithm)&sort(-score)&limit(1,1)"), "c");
  EXPECT_EQ(Rows(Collect(stack_.s(), ctx(),
                         "fulltext(algorithm)&sort(-score)&limit(1)&select(id,snippet)")),
            R"({"id":"b","snippet":"Introduction to <b>algorithms</b>"})");
  const auto rows = Collect(stack_.s(), ctx(), "fulltext(recipes)&select(id,score,snippet)");
  ASSERT_TRUE(rows.ok());
  EXPECT_GT((*rows)[0].Find("score").number().ToDouble(), 0);
  EXPECT_EQ((*rows)[0].Find("snippet").String(),
            "Not one algorithm, but many <b>recipes</b> &lt;b&gt;");
  // A document that asked for neither has neither.
  EXPECT_EQ(Rows(Collect(stack_.s(), ctx(), "fulltext(pearls)&sort(-score)&select(id)")),
            R"({"id":7})");
  // Pages by score go on where the last one ended.
  std::string all, after;
  for (int i = 0; i < 3; ++i) {
    const auto plan =
        PrepareComplete(stack_.s(), ctx(),
                        *Query::Parse("fulltext(algorithm)&sort(-score)" +
                                      (after.empty() ? "" : "&after(" + after + ")")));
    const auto cursor = (*plan)->Open(ctx(), {});
    ASSERT_TRUE(cursor.ok()) << cursor.status();
    RowBatch batch;
    ASSERT_TRUE((*cursor)->Next(ctx(), 1, &batch).ok());
    for (const Document& d : batch.rows) all += StoredId(d);
    after = (*cursor)->Position();
  }
  EXPECT_EQ(all, "bca");
}

TEST_F(Fulltext, ATransactionFindsWhatItWrote) {
  auto t = stack_.s().Begin(ctx(), {});
  ASSERT_TRUE(Put(**t, ctx(), Doc(R"({"id":"x","title":"More algorithms"})")).ok());
  ASSERT_TRUE(Update(**t, ctx(), "b", Doc(R"({"title":"Changed"})")).ok());
  ASSERT_TRUE(Delete(**t, ctx(), "c").ok());
  EXPECT_EQ(Rows(Collect(**t, ctx(), "fulltext(algorithm)&values(id)")), R"("a" "x")");
  EXPECT_EQ(Rows(Collect(**t, ctx(), "fulltext(algorithm)&sort(-score)&values(id)")).size(), 7u);
  EXPECT_EQ(Ids("fulltext(algorithm)"), "a b c");
  ASSERT_TRUE((*t)->Commit(ctx()).ok());
  EXPECT_EQ(Ids("fulltext(algorithm)"), "a x");
}

TEST_F(Fulltext, CountsValuesAndSuggestsSpellings) {
  auto* admin = dynamic_cast<FulltextAdmin*>(stack_.pipeline().FindStage("s").get());
  ASSERT_NE(admin, nullptr);
  const auto facets = admin->Facets(ctx(), "programming OR algorithm", "kind", 10);
  ASSERT_TRUE(facets.ok()) << facets.status();
  ASSERT_EQ(facets->size(), 2u);
  EXPECT_EQ((*facets)[0].value, "\"book\"");
  EXPECT_EQ((*facets)[0].count, 3u);
  EXPECT_EQ(Code(admin->Facets(ctx(), "x", "title", 10).status()), "INVALID_ARGUMENT");
  EXPECT_EQ(Ids("fulltext(algorithm)"), "a b c");
  const auto plan = PrepareComplete(stack_.s(), ctx(), *Query::Parse("fulltext(algoritms)"));
  EXPECT_NE(ExplainText((*plan)->Explain()).find("did you mean \"algorithms\"?"), std::string::npos)
      << ExplainText((*plan)->Explain());
  EXPECT_TRUE(admin->Check(ctx()).ok()) << admin->Check(ctx());
}

TEST_F(Fulltext, ConditionsNarrowTheSearch) {
  EXPECT_EQ(Ids("fulltext(algorithm)"), "a b c");  // waits until there is an index to be asked
  const auto plan = PrepareComplete(
      stack_.s(), ctx(), *Query::Parse("fulltext(algorithm)&kind=book&year=gt=1980&title=Cooking"));
  const std::string text = ExplainText((*plan)->Explain());
  EXPECT_NE(text.find("narrowed: eq(kind,book)"), std::string::npos) << text;
  EXPECT_NE(text.find("gt(year,1980)"), std::string::npos) << text;
  EXPECT_EQ(Ids("fulltext(algorithm)&in(kind,(book,paper))&year=gt=1980"), "b c");
  EXPECT_EQ(Ids("fulltext(algorithm)&in(kind,(book,paper))&year=gt=1980&sort(-score)"), "b c");
}

TEST_F(Fulltext, ExplainGoesDownToTheStoreThatIsRead) {
  const auto planned = [&](std::string_view rql) {
    return ExplainText((*PrepareComplete(stack_.s(), ctx(), *Query::Parse(rql)))->Explain());
  };
  const auto run = [&](std::string_view rql) {
    const auto plan = PrepareComplete(stack_.s(), ctx(), *Query::Parse(rql));
    const auto cursor = (*plan)->Open(ctx(), {});
    RowBatch batch;
    while ((*cursor)->Next(ctx(), 10, &batch).ok() && batch.end == EndReason::kMore) {
    }
    return ExplainText((*cursor)->Explain());
  };
  // By then the index is whole.
  EXPECT_EQ(run("fulltext(programming)&id=a&sort(-score)"),
            "text search, best first [s/0 (fulltext)]  taken: fulltext(programming)&eq(id,a)"
            "&sort(-score)  order: -score  (rows 1, examined 2, batches 1)\n"
            "  read by id [m (memory)]  (rows 2, examined 2)\n");
  EXPECT_EQ(planned("fulltext(programming)&id=a&sort(-score)"),
            "text search, best first [s/0 (fulltext)]  taken: fulltext(programming)&eq(id,a)"
            "&sort(-score)  order: -score  about 2 rows\n"
            "  read by id [m (memory)]\n");
  const auto has = [](const std::string& text, std::string_view line) {
    EXPECT_NE(text.find(line), text.npos) << text;
  };
  has(planned("fulltext(algorithm)&sort(id)"), "\n  read by id [m (memory)]\n");
  has(planned("fulltext($1)&sort(-score)"), "\n  read by id [m (memory)]\n");
  // Where text is only one of two ways, the inner store says its own.
  has(planned("or(fulltext(pearls),year=2001)"), "\n  scan");
  has(planned("or(fulltext(pearls),year=2001)"), " [m (memory)]");
  has(run("fulltext(algorithm)&sort(id)"), " [m (memory)]");
  const auto t = stack_.s().Begin(ctx(), {});
  ASSERT_TRUE(t.ok());
  const auto plan = PrepareComplete(**t, ctx(), *Query::Parse("fulltext(algorithm)&sort(-score)"));
  has(ExplainText((*plan)->Explain()), "\n  read by id [m (memory)]\n");
}

TEST(FulltextSearch, ExplainNamesEveryStageBeneath) {
  Stack stack(R"("s":[{"type":"fulltext","path":"text","fields":{"t":{}}},
                      {"type":"forward"},"memory:"])");
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"a","t":"one"})")).ok());
  const auto plan = PrepareComplete(stack.s(), ctx(), *Query::Parse("fulltext(one)&sort(-score)"));
  const std::string text = ExplainText((*plan)->Explain());
  EXPECT_NE(text.find("\n  read by id [s/1 (forward)]\n"
                      "    read by id, as far as asked [s/2 (memory)]\n"),
            text.npos)
      << text;
}

TEST_F(Fulltext, HostileTextCostsLittleAndIsRefused) {
  const auto code = [&](const std::string& text) {
    const Query q = Query::Of({Node::Call(Op::kFulltext, {Node::Str(text)})}, {});
    const auto rows = Collect(stack_.s(), ctx(), q);
    return rows.ok() ? "OK" : Code(rows.status());
  };
  EXPECT_EQ(code(""), "INVALID_ARGUMENT");
  EXPECT_EQ(code("()"), "INVALID_ARGUMENT");
  EXPECT_EQ(code(std::string(2000, 'x')), "INVALID_ARGUMENT");
  std::string many;
  for (int i = 0; i < 33; ++i) many += "w" + std::to_string(i) + " ";
  EXPECT_EQ(code(many), "INVALID_ARGUMENT");
  EXPECT_EQ(code("a*"), "OK");
  EXPECT_EQ(code("*"), "INVALID_ARGUMENT");
  EXPECT_EQ(code("~x"), "INVALID_ARGUMENT");
  EXPECT_EQ(code("x~9"), "INVALID_ARGUMENT");
  EXPECT_EQ(code("(x~ y)"), "INVALID_ARGUMENT");
  EXPECT_EQ(code(std::string(400, '(') + "x" + std::string(400, ')')), "OK");
  EXPECT_EQ(code("\"\xC3\xA9t\xC3\xA9 NEAR/99999999 x"), "OK");
  EXPECT_EQ(code("a AND"), "INVALID_ARGUMENT");
  EXPECT_EQ(Ids("fulltext(titl,x)"),
            "INVALID_ARGUMENT: fulltext: \"titl\" is not indexed as text; did you mean \"title\"? "
            "(fields: title body)\n  in s/0 (fulltext): open fulltext(titl,x)");
  std::string conditions = "fulltext(x)";
  for (int i = 0; i < 20; ++i) conditions += "&fulltext(x)";
  EXPECT_EQ(Ids(conditions).substr(0, 16), "INVALID_ARGUMENT");
}

TEST(FulltextSearch, ADeadlineEndsAMatch) {
  Stack stack(R"("s":[{"type":"fulltext","path":"text","fields":{"t":{}}},"memory:"])");
  std::string text;
  for (int i = 0; i < 200; ++i) text += "b a ";
  std::vector<Document> documents;
  for (int i = 0; i < 4000; ++i)
    documents.push_back(Doc("{\"id\":" + std::to_string(i) + ",\"t\":\"" + text + "\"}"));
  ASSERT_TRUE(Load(stack.s(), ctx(), documents).ok());
  const Query query = *Query::Parse("fulltext(%22a%20a%22)&sort(-score)");
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), query)), "");
  // All documents are looked at for the phrase, and none is found.
  const Context soon = ctx().WithTimeout(std::chrono::milliseconds(1));
  EXPECT_EQ(Code(Collect(stack.s(), soon, query).status()), "DEADLINE_EXCEEDED");
}

TEST(FulltextSearch, WordsMayStandInFieldsOfSeveralLanguages) {
  Stack stack(R"("s":[{"type":"fulltext","path":"text",
      "fields":{"title":{},"body":{"language":"german"},"code":{"language":"none"}}},"memory:"])");
  ASSERT_TRUE(Put(stack.s(), ctx(),
                  Doc(R"({"id":"a","title":"running shoes","body":"rote Häuser und der Rest"})"))
                  .ok());
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"b","title":"the shoe","code":"XK7"})")).ok());
  const auto ids = [&](std::string_view rql) {
    return Rows(Collect(stack.s(), ctx(), std::string(rql) + "&values(id)"));
  };
  EXPECT_EQ(ids("fulltext(shoes%20rote)"), R"("a")");
  EXPECT_EQ(ids("fulltext(run%20haus)"), R"("a")");
  EXPECT_EQ(ids("fulltext(the%20run%20der%20haus)"), R"("a")");
  EXPECT_EQ(ids("fulltext(shoes%20XK7)"), R"("b")");
  EXPECT_EQ(ids("fulltext(sho%2A%20rott~)"), R"("a")");
  EXPECT_EQ(ids("fulltext(shoes%20blau)"), "");
  EXPECT_EQ(ids("fulltext(title,shoes%20rote)"), "");
}

TEST(FulltextSearch, FacetsCountElementsAndShowLongTexts) {
  Stack stack(R"("s":[{"type":"fulltext","path":"text","fields":{"t":{}},"values":["v"]},
                      "memory:"])");
  const std::string one(250, 'x'), many(199, 'y');
  std::string tags;
  for (int i = 0; i < 100; ++i) tags += ",\"tag" + std::to_string(i) + "\"";
  for (const std::string& v :
       {std::string(R"(["x","y","x"])"), std::string(R"(["x",1])"), std::string("\"x\""),
        "\"" + one + "\"", "[\"" + one + "\"]", "\"" + many + "ä\"", "[\"x\",\"last\"" + tags + "]",
        std::string("[]")}) {
    ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"t":"w","v":)" + v + "}")).ok());
  }
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"t":"w"})")).ok());
  auto* admin = dynamic_cast<FulltextAdmin*>(stack.pipeline().FindStage("s").get());
  const auto counts = admin->Facets(ctx(), "w", "v", 1000);
  ASSERT_TRUE(counts.ok()) << counts.status();
  std::map<std::string, uint64_t> found;
  for (const auto& c : *counts) found[c.value] = c.count;
  EXPECT_EQ((*counts)[0].value, "\"x\"");
  EXPECT_EQ(found["\"x\""], 4u);
  EXPECT_EQ(found["\"y\""], 1u);
  EXPECT_EQ(found["1"], 1u);
  EXPECT_EQ(found[""], 1u);
  EXPECT_EQ(found["\"tag99\""], 1u);
  EXPECT_EQ(found["\"" + one.substr(0, 199) + "…\""], 2u);
  EXPECT_EQ(found["\"" + many + "…\""], 1u);
  EXPECT_EQ(found.size(), 107u);
  // Ranges narrow by what is kept of them.
  const auto range = Rows(Collect(stack.s(), ctx(), "fulltext(w)&v=ge=" + one + "&count()"));
  EXPECT_EQ(range, Rows(Collect(stack.s(), ctx(), "t=w&v=ge=" + one + "&count()")));
  const auto below = Rows(Collect(stack.s(), ctx(), "fulltext(w)&v=lt=" + one + "a&count()"));
  EXPECT_EQ(below, Rows(Collect(stack.s(), ctx(), "t=w&v=lt=" + one + "a&count()")));
}

}  // namespace
}  // namespace strata::testing
