// What a full-text stage finds, shows, refuses, and how it comes back.
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <map>
#include <thread>

#include "tests/wrappers/stack.h"
#include "wrappers/fulltext/fulltext_store.h"
#include "wrappers/fulltext/text_index.h"

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
  const auto plan = PrepareComplete(
      stack_.s(), ctx(), *Query::Parse("fulltext(algorithm)&kind=book&year=gt=1980&title=Cooking"));
  const std::string text = ExplainText((*plan)->Explain());
  EXPECT_NE(text.find("narrowed: eq(kind,book)"), std::string::npos) << text;
  EXPECT_NE(text.find("gt(year,1980)"), std::string::npos) << text;
  EXPECT_EQ(Ids("fulltext(algorithm)&in(kind,(book,paper))&year=gt=1980"), "b c");
  EXPECT_EQ(Ids("fulltext(algorithm)&in(kind,(book,paper))&year=gt=1980&sort(-score)"), "b c");
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

constexpr char kOnDisk[] = R"("d":{"type":"rocksdb","path":"d","durability":"async"},
    "s":[{"type":"fulltext","path":"text","fields":{"t":{}},"commit_after":"1h"},"d"])";

TEST(FulltextIndex, CatchesUpWithWhatHappenedMeanwhile) {
  Stack stack(kOnDisk);
  const auto count = [&](std::string_view word) {
    return Rows(Collect(stack.s(), ctx(), "fulltext(" + std::string(word) + ")&count()"));
  };
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(
        Put(stack.s(), ctx(), Doc("{\"id\":\"k" + std::to_string(i) + "\",\"t\":\"one\"}")).ok());
  EXPECT_EQ(count("one"), "100");
  // Around the stage: what is written there is only in the base.
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(
        Put(stack["d"], ctx(), Doc("{\"id\":\"k" + std::to_string(i) + "\",\"t\":\"two\"}")).ok());
  ASSERT_TRUE(Delete(stack["d"], ctx(), "k99").ok());
  stack.Reopen();
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"z","t":"three"})")).ok());
  EXPECT_EQ(count("two"), "50");
  EXPECT_EQ(count("one"), "49");
  EXPECT_EQ(stack.Figure("builds"), 0);
}

TEST(FulltextIndex, ADamagedOlderOrForeignIndexIsBuiltAnew) {
  Stack stack(kOnDisk);
  const auto hits = [&] { return Rows(Collect(stack.s(), ctx(), "fulltext(one)&count()")); };
  for (int i = 0; i < 300; ++i)
    ASSERT_TRUE(
        Put(stack.s(), ctx(), Doc("{\"id\":" + std::to_string(i) + ",\"t\":\"one\"}")).ok());
  EXPECT_EQ(hits(), "300");
  stack.Close();
  // Damage: the version file, which every opening reads.
  for (const auto& entry : std::filesystem::recursive_directory_iterator(stack.folder() / "text")) {
    if (entry.path().filename() == "iamglass")
      std::ofstream(entry.path(), std::ios::binary) << "not an index";
  }
  stack.Open();
  EXPECT_EQ(hits(), "300");
  EXPECT_EQ(stack.Figure("builds"), 1);
  // The data are gone, the index is not: it is ahead.
  stack.Close();
  std::filesystem::remove_all(stack.folder() / "d");
  stack.Open();
  EXPECT_EQ(hits(), "0");
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc("{\"id\":1,\"t\":\"one\"}")).ok());
  EXPECT_EQ(hits(), "1");
}

// Writes over parts of each of the index' lists of postings.
void Damage(const Stack& stack, size_t offset, size_t length, char with) {
  constexpr size_t kBlock = 8192;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(stack.folder() / "text")) {
    if (entry.path().filename() != "postlist.glass") continue;
    const size_t size = std::filesystem::file_size(entry.path());
    std::fstream file(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
    for (size_t at = 0; at + kBlock <= size; at += kBlock) {
      file.seekp(static_cast<std::streamoff>(at + offset));
      file << std::string(length, with);
    }
  }
}

void PutNumbered(Stack& stack, int count) {
  std::vector<Document> documents;
  for (int i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    documents.push_back(
        Doc("{\"id\":\"k" + n + "\",\"t\":\"one n" + n + " m" + std::to_string(i % 300) + "\"}"));
  }
  ASSERT_TRUE(Load(stack.s(), ctx(), documents).ok());
}

TEST(FulltextIndex, BytesThatChangedWhileItWasClosedAreFoundAndItIsBuiltAnew) {
  Stack stack(kOnDisk);
  const auto hits = [&](std::string_view word) {
    return Rows(Collect(stack.s(), ctx(), "fulltext(" + std::string(word) + ")&count()"));
  };
  PutNumbered(stack, 3000);
  EXPECT_EQ(hits("one"), "3000");
  stack.Reopen();
  EXPECT_EQ(hits("m7"), "10");
  EXPECT_EQ(stack.Figure("builds"), 0);
  stack.Close();
  Damage(stack, 4000, 200, '\0');
  stack.Open();
  for (int i = 0; i < 300; ++i) EXPECT_EQ(hits("m" + std::to_string(i)), "10") << i;
  EXPECT_EQ(stack.Figure("builds"), 1);
  // As after a crash, when nothing says what the bytes should be.
  stack.Close();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(stack.folder() / "text")) {
    if (entry.path().filename() == "strata.seal") std::filesystem::remove(entry.path());
  }
  stack.Open();
  EXPECT_EQ(hits("m7"), "10");
  EXPECT_EQ(stack.Figure("builds"), 0);
  stack.Close();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(stack.folder() / "text")) {
    if (entry.path().filename() == "strata.seal") std::filesystem::remove(entry.path());
  }
  Damage(stack, 20, 4000, '\xFF');
  stack.Open();
  EXPECT_EQ(hits("m7"), "10");
  EXPECT_EQ(stack.Figure("builds"), 1);
}

TEST(FulltextIndex, DamageThatASearchMeetsFailsItAndBuildsTheIndexAnew) {
  Stack stack(kOnDisk);
  const auto hits = [&](std::string_view word) {
    return Rows(Collect(stack.s(), ctx(), "fulltext(" + std::string(word) + ")&count()"));
  };
  PutNumbered(stack, 3000);
  EXPECT_EQ(hits("m7"), "10");
  Damage(stack, 0, 8192, '\0');
  // A block that was read before may be kept.
  const std::string met = hits("n1500");
  EXPECT_EQ(met.substr(0, 9), "DATA_LOSS") << met;
  EXPECT_EQ(hits("m7"), "10");
  EXPECT_EQ(hits("n1500"), "1");
  EXPECT_EQ(stack.Figure("builds"), 2);
}

TEST(FulltextIndex, WhatAFailedCommitHeldIsIndexedAgain) {
  // In memory, so that only the index meets the limit.
  Stack stack(R"("s":[{"type":"fulltext","path":"text","fields":{"t":{}},"commit_after":"1h",
                       "max_wait":"2s"},"memory:"])");
  const auto hits = [&] { return Rows(Collect(stack.s(), ctx(), "fulltext(one)&count()")); };
  PutNumbered(stack, 1000);
  EXPECT_EQ(hits(), "1000");
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(
        Put(stack.s(), ctx(), Doc("{\"id\":\"f" + std::to_string(i) + "\",\"t\":\"one\"}")).ok());
  ASSERT_TRUE(Delete(stack.s(), ctx(), "k1").ok());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (stack.Figure("uncommitted") < 101 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  // No file of this process may grow: a full disk, but for the error's name.
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit none = {0, limit.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  const std::string first = hits(), second = hits();
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(first.substr(0, 11), "UNAVAILABLE") << first;
  EXPECT_EQ(second.substr(0, 11), "UNAVAILABLE") << second;
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"z","t":"one"})")).ok());
  EXPECT_EQ(hits(), "1100");
  EXPECT_EQ(stack.Figure("builds"), 1);
  auto* admin = dynamic_cast<FulltextAdmin*>(stack.pipeline().FindStage("s").get());
  EXPECT_TRUE(admin->Check(ctx()).ok()) << admin->Check(ctx());
}

TEST(FulltextIndex, ACheckComparesContents) {
  Stack stack(kOnDisk);
  PutNumbered(stack, 500);
  const auto check = [&] {
    auto* admin = dynamic_cast<FulltextAdmin*>(stack.pipeline().FindStage("s").get());
    return Describe(admin->Check(ctx()));
  };
  EXPECT_EQ(check(), "OK: ");
  stack.Close();
  // As many documents as before, one of them another.
  fulltext::TextSchema schema;
  schema.fields.push_back({"t", fulltext::PathFrom("t"), 1, "english", true});
  const auto change = [&](const char* document, const char* remove) {
    bool fresh = true;
    auto index = fulltext::TextIndex::Open((stack.folder() / "text").string(), schema, &fresh);
    ASSERT_TRUE(index.ok()) << index.status();
    ASSERT_FALSE(fresh);
    ASSERT_TRUE((*index)->Verify(ctx()).ok());
    ASSERT_TRUE((*index)->Put(Doc(document)).ok());
    ASSERT_TRUE((*index)->Remove(remove).ok());
    ASSERT_TRUE((*index)->Commit(*(*index)->next(), std::nullopt).ok());
  };
  change(R"({"id":"k7","t":"one n7 m7 too"})", "none");
  stack.Open();
  EXPECT_EQ(
      check(),
      "DATA_LOSS: the full-text index does not hold the document \"k7\" as it is; rebuild it");
  stack.Close();
  change(R"({"id":"k7","t":"one n7 m7"})", "none");
  stack.Open();
  EXPECT_EQ(check(), "OK: ");
  stack.Close();
  change(R"({"id":"other","t":"one n7 m7"})", "k8");
  stack.Open();
  EXPECT_EQ(
      check(),
      "DATA_LOSS: the full-text index does not hold the document \"k8\" as it is; rebuild it");
}

TEST(FulltextIndex, IsBuiltWhileWritesGoOn) {
  Stack stack(kOnDisk);
  std::vector<Document> documents;
  for (int i = 0; i < 3000; ++i)
    documents.push_back(Doc("{\"id\":\"k" + std::to_string(i) + "\",\"t\":\"one\"}"));
  ASSERT_TRUE(Load(stack["d"], ctx(), documents).ok());
  auto* admin = dynamic_cast<FulltextAdmin*>(stack.pipeline().FindStage("s").get());
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      const std::string id = "k" + std::to_string(i % 4000);
      if (i % 3 == 0) {
        ASSERT_TRUE(Delete(stack.s(), ctx(), id).ok());
      } else {
        ASSERT_TRUE(Put(stack.s(), ctx(), Doc("{\"id\":\"" + id + "\",\"t\":\"one\"}")).ok());
      }
    }
  });
  for (int n = 0; n < 3; ++n) {
    admin->Rebuild();
    ASSERT_TRUE(admin->WaitWhole(ctx()).ok());
  }
  stop = true;
  writer.join();
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "fulltext(one)&count()")),
            std::to_string(*Count(stack.s(), ctx())));
  EXPECT_TRUE(admin->Check(ctx()).ok()) << admin->Check(ctx());
}

TEST(FulltextIndex, SaysHowFarBehindItIsInsteadOfWaitingForEver) {
  Stack stack(R"("s":[{"type":"fulltext","path":"text","fields":{"t":{}},"max_wait":"100ms"},
                      {"type":"fault","every":1,"operation":"subscribe"},"memory:"])");
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"a","t":"one"})")).ok());
  const auto rows = Collect(stack.s(), ctx(), "fulltext(one)");
  EXPECT_EQ(Code(rows.status()), "UNAVAILABLE");
  EXPECT_NE(Message(rows.status()).find("is being built"), std::string_view::npos) << rows.status();
  EXPECT_NE(Message(rows.status()).find("injected fault"), std::string_view::npos) << rows.status();
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "t=one&count()")), "1");
}

}  // namespace
}  // namespace strata::testing
