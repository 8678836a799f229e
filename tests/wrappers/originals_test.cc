// Faults of the stores that this project is modelled on (perstore, 2010 to 2014), each by its
// number in the inventory of them. Those that a stage's own tests cover already are not here.
#include <chrono>
#include <thread>

#include "store/auto_index.h"
#include "store/index_admin.h"
#include "tests/wrappers/stack.h"

namespace strata::testing {
namespace {

const Context& ctx() { return Context::Background(); }

std::string TextOf(const StatusOr<std::optional<Record>>& r) {
  if (!r.ok()) return Describe(r.status());
  return *r ? std::to_string((*r)->revision) + std::string((*r)->document.text()) : "nothing";
}

// ---- 2.5 cache ----

// 2.5: the cache was written before the master, so what the master refused was read nevertheless.
TEST(OriginalCache, WhatCouldNotBeStoredIsNotServed) {
  for (const char* when : {"before", "after"}) {
    Stack stack(Concat(R"("m":"memory:","s":[{"type":"cache","follow":"never"},
        {"type":"fault","every":1,"operation":"write","when":")",
                       when, R"("},"m"])"));
    const auto same = [&](const std::string& id) {
      EXPECT_EQ(TextOf(Get(stack.s(), ctx(), id)), TextOf(Get(stack["m"], ctx(), id)))
          << id << " " << when;
    };
    EXPECT_FALSE(Create(stack.s(), ctx(), Doc(R"({"id":"new"})")).ok());
    same("new");
    // It is remembered that nothing is there, which may have become wrong.
    EXPECT_FALSE(Get(stack.s(), ctx(), "missed")->has_value());
    EXPECT_FALSE(Create(stack.s(), ctx(), Doc(R"({"id":"missed"})")).ok());
    same("missed");
    for (const char* id : {"put", "updated", "deleted"}) {
      ASSERT_TRUE(Put(stack["m"], ctx(), Doc(R"({"v":1})"), id).ok());
      ASSERT_TRUE(Get(stack.s(), ctx(), id)->has_value());
    }
    EXPECT_FALSE(Put(stack.s(), ctx(), Doc(R"({"v":2})"), "put").ok());
    EXPECT_FALSE(Update(stack.s(), ctx(), "updated", Doc(R"({"v":2})")).ok());
    EXPECT_FALSE(Delete(stack.s(), ctx(), "deleted").ok());
    for (const char* id : {"put", "updated", "deleted"}) same(id);
    // The fault took place, or did not, where it was to.
    EXPECT_EQ(Get(stack["m"], ctx(), "deleted")->has_value(), std::string_view(when) == "before");
  }
}

// 2.5: transactions did not survive the wrapping, and so nothing was forgotten with them.
TEST(OriginalCache, ACommitOfWhichNothingIsKnownIsForgotten) {
  for (const char* when : {"before", "after"}) {
    Stack stack(Concat(R"("m":"memory:","s":[{"type":"cache","follow":"never"},
        {"type":"fault","every":1,"operation":"commit","when":")",
                       when, R"("},"m"])"));
    ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"a","v":1})")).ok());
    EXPECT_FALSE(Get(stack.s(), ctx(), "b")->has_value());
    auto t = stack.s().Begin(ctx(), {});
    ASSERT_TRUE(t.ok());
    ASSERT_TRUE(Put(**t, ctx(), Doc(R"({"id":"a","v":2})")).ok());
    ASSERT_TRUE(Create(**t, ctx(), Doc(R"({"id":"b","v":2})")).ok());
    EXPECT_EQ(Code((*t)->Commit(ctx()).status()), "UNAVAILABLE");
    t->reset();
    for (const char* id : {"a", "b"})
      EXPECT_EQ(TextOf(Get(stack.s(), ctx(), id)), TextOf(Get(stack["m"], ctx(), id))) << when;
    EXPECT_EQ(Get(stack["m"], ctx(), "b")->has_value(), std::string_view(when) == "after");
  }
}

// 2.5: times of expiry were written into the caller's object and from there into both stores; ids
// that the master made were the cache's only because both wrote into that one object.
TEST(OriginalCache, TheCallersDocumentIsStoredAndServedAsItIs) {
  for (const char* options : {R"("ttl":"1h","stale":"1h")", R"("ttl":"1h","in":"c")"}) {
    Stack stack(Concat(R"("m":"memory:","c":"memory:","s":[{"type":"cache","follow":"never",)",
                       options, R"(},"m"])"));
    const std::string text = R"({"v":1.10,"id":"a"})";
    const Document mine = Doc(text);
    ASSERT_TRUE(Put(stack.s(), ctx(), mine).ok());
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(Get(stack.s(), ctx(), "a")->value().document.text(), text);
    EXPECT_EQ(Get(stack["m"], ctx(), "a")->value().document.text(), text);
    EXPECT_EQ(mine.text(), text);
    EXPECT_GT(stack.Figure("hits"), 0);
    const auto made = Create(stack.s(), ctx(), Doc(R"({"v":2})"));
    ASSERT_TRUE(made.ok());
    for (int i = 0; i < 2; ++i) {
      const std::string seen = TextOf(Get(stack.s(), ctx(), made->id));
      EXPECT_EQ(seen, std::to_string(made->revision) + "{\"id\":\"" + made->id + "\",\"v\":2}");
      EXPECT_EQ(seen, TextOf(Get(stack["m"], ctx(), made->id)));
    }
  }
}

// ---- 2.6 aggregate ----

// 2.6: the second argument was taken for the id, and without one all records became "undefined".
TEST(OriginalAggregate, EveryPartHasANewRecordUnderItsOwnId) {
  Stack stack(R"("a":"memory:","b":"memory:","s":{"type":"aggregate","inners":["a","b"],
                 "properties":["*",["right"]]})");
  std::vector<std::string> ids;
  for (const char* id : {"", "", "given"}) {
    const auto w = Create(stack.s(), ctx(), Doc(R"({"left":1,"right":2})"), id);
    ASSERT_TRUE(w.ok()) << Describe(w.status());
    ids.push_back(w->id);
    for (const char* part : {"a", "b"}) EXPECT_TRUE(Get(stack[part], ctx(), w->id)->has_value());
  }
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_EQ(ids[2], "given");
  for (const char* part : {"a", "b", "s"}) EXPECT_EQ(*Count(stack[part], ctx()), 3u) << part;
}

// ---- 2.7 mirrored ----

// 2.7: only put was mirrored; deletions ran on the primary instead of the copy.
TEST(OriginalMirrored, EveryKindOfWriteReachesEveryCopyWithItsIdAndRevision) {
  Stack stack(R"("a":"memory:","b":"memory:","c":"memory:",
                 "s":{"type":"replicate","inners":["a","b","c"],"mode":"all"})");
  const auto all = [&](const char* store) {
    std::string out;
    const auto rows = Collect(stack[store], ctx(), "");
    EXPECT_TRUE(rows.ok()) << Describe(rows.status());
    for (const Document& d : *rows) out += TextOf(Get(stack[store], ctx(), StoredId(d))) + " ";
    return out;
  };
  const auto expect = [&](const StatusOr<WriteOutcome>& w, size_t records) {
    ASSERT_TRUE(w.ok()) << Describe(w.status());
    for (const char* store : {"a", "b", "c"}) {
      EXPECT_EQ(*Count(stack[store], ctx()), records) << store;
      EXPECT_EQ(all(store), all("s")) << store;
      const auto r = Get(stack[store], ctx(), w->id);
      EXPECT_EQ(*r ? (*r)->revision : 0, w->deleted ? 0 : w->revision) << store;
    }
  };
  const auto made = Create(stack.s(), ctx(), Doc(R"({"v":1})"));
  expect(made, 1);
  expect(Create(stack.s(), ctx(), Doc(R"({"id":"x","v":1})")), 2);
  expect(Update(stack.s(), ctx(), "x", Doc(R"({"v":2})")), 2);
  expect(WriteOne(stack.s(), ctx(),
                  {WriteKind::kPatch,
                   "x",
                   Doc(R"([{"op":"add","path":"/w","value":3}])"),
                   Presence::kAny,
                   {}}),
         2);
  EXPECT_EQ(Get(stack["c"], ctx(), "x")->value().document.text(), R"({"id":"x","v":2,"w":3})");
  expect(Delete(stack.s(), ctx(), "x"), 1);
  expect(Delete(stack.s(), ctx(), made->id), 0);
}

// 2.7: queries were the primary's alone.
TEST(OriginalMirrored, QueriesGoOnWithoutThePrimary) {
  for (const char* operation : {"prepare", "open"}) {
    Stack stack(Concat(
        R"("a":"memory:","b":"memory:","s":{"type":"replicate","inners":[
            [{"type":"fault","every":1,"operation":")",
        operation, R"("},"a"],"b"]})"));
    ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"x","v":1})")).ok());
    std::string rows;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    // The copy may have to be found healthy first.
    while (rows != "\"x\"" && std::chrono::steady_clock::now() < until)
      rows = Rows(Collect(stack.s(), ctx(), "v=1&values(id)"));
    EXPECT_EQ(rows, "\"x\"") << operation;
    EXPECT_EQ(*Count(stack.s(), ctx()), 1u);
    EXPECT_GT(stack.Figure("failovers"), 0);
  }
}

// ---- 2.9 inherited ----

// 2.9: one table of the process held all types by their names, so that hierarchies mixed.
TEST(OriginalInherited, HierarchiesWithEqualNamesKnowNothingOfOneAnother) {
  Stack one(R"("h":{"type":"inherit","inner":"memory:","types":{"A":{},"B":{"extends":"A"}}})");
  Stack other(R"("h":{"type":"inherit","inner":"memory:","types":{"B":{},"A":{"extends":"B"},
                      "C":{"extends":"A"}}})");
  for (Stack* stack : {&one, &other}) {
    for (const char* type : {"A", "B"})
      ASSERT_TRUE(Create((*stack)[type], ctx(), Doc("{}"), type).ok());
  }
  EXPECT_EQ(Rows(Collect(one["A"], ctx(), "values(id)")), R"("A" "B")");
  EXPECT_EQ(Rows(Collect(one["B"], ctx(), "values(id)")), R"("B")");
  EXPECT_EQ(Rows(Collect(other["A"], ctx(), "values(id)")), R"("A")");
  EXPECT_EQ(Rows(Collect(other["B"], ctx(), "values(id)")), R"("A" "B")");
  const Document c = Doc(R"({"id":"c","type":"C"})");
  EXPECT_EQ(Code(Create(one["A"], ctx(), c).status()), "INVALID_ARGUMENT");
  EXPECT_EQ(Code(Create(other["B"], ctx(), c).status()), "OK");
}

TEST(OriginalInherited, TwoHierarchiesOverOneBaseKeepApart) {
  Stack stack(R"("m":"memory:",
      "h":{"type":"inherit","inner":"m","discriminator":"kind",
           "types":{"A":{},"B":{"extends":"A"}}},
      "i":{"type":"inherit","inner":"m","discriminator":"shape",
           "types":{"X":{},"Y":{"extends":"X"}}})");
  ASSERT_TRUE(Create(stack["B"], ctx(), Doc(R"({"id":"1"})")).ok());
  ASSERT_TRUE(Create(stack["Y"], ctx(), Doc(R"({"id":"2"})")).ok());
  EXPECT_EQ(Rows(Collect(stack["A"], ctx(), "")), R"({"kind":"B","id":"1"})");
  EXPECT_EQ(Rows(Collect(stack["X"], ctx(), "")), R"({"shape":"Y","id":"2"})");
  EXPECT_FALSE(Get(stack["A"], ctx(), "2")->has_value());
  EXPECT_FALSE(Delete(stack["A"], ctx(), "2")->deleted);
  // The ids are the base's, so an equal one is taken.
  EXPECT_EQ(Code(Put(stack["X"], ctx(), Doc(R"({"id":"1"})")).status()), "ALREADY_EXISTS");
  EXPECT_EQ(Rows(Collect(stack["m"], ctx(), "")),
            R"({"kind":"B","id":"1"} {"shape":"Y","id":"2"})");

  // Equal names would be two stores of one name.
  StageRegistry registry;
  ASSERT_TRUE(RegisterAll(registry).ok());
  const auto refused = CheckPipeline(
      R"({"stores":{"h":[{"type":"inherit","types":{"A":{},"B":{}}},"memory:"],
                    "i":[{"type":"inherit","types":{"B":{},"C":{}}},"memory:"]}})",
      "p", "/", registry);
  EXPECT_EQ(Message(refused.status()),
            "p: 1 problem\n  /stores/i   gives a store \"B\", but there is one of that name "
            "already");
}

// 2.9: the condition on the type was appended to the query's text: behind "|" it was an error,
// behind a limit it came too late, and behind count() it was asked of a number.
TEST(OriginalInherited, ATypeStandsBeneathWhateverIsAsked) {
  Stack stack(R"("h":{"type":"inherit","inner":"memory:","types":{"A":{},"B":{"extends":"A"}}})");
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    ASSERT_TRUE(
        Create(stack[i % 2 == 0 ? "A" : "B"], ctx(), Doc("{\"id\":\"" + n + "\",\"n\":" + n + "}"))
            .ok());
  }
  const auto asked = [&](std::string_view rql) { return Rows(Collect(stack["B"], ctx(), rql)); };
  EXPECT_EQ(asked("n=1|n=2"), R"({"type":"B","id":"1","n":1})");
  EXPECT_EQ(asked("(n=0|n=3)&values(id)"), R"("3")");
  EXPECT_EQ(asked("limit(1)&values(id)"), R"("1")");
  EXPECT_EQ(asked("sort(-n)&limit(1,1)&values(id)"), R"("3")");
  EXPECT_EQ(asked("count()"), "3");
  EXPECT_EQ(asked("limit(2)&count()"), "2");
  EXPECT_EQ(asked("max(n)"), "5");
  EXPECT_EQ(asked("min(n)"), "1");
}

// ---- 2.10 full text ----

// 2.10: only put was indexed, and within a transaction the index was never committed.
TEST(OriginalFulltext, WhatEveryKindOfWriteLeftIsFoundAlsoAfterARestart) {
  Stack stack(R"("s":[{"type":"fulltext","path":"text","fields":{"t":{}},"commit_after":"1h"},
                      {"type":"rocksdb","path":"d","durability":"async"}])");
  const auto ids = [&](std::string_view word) {
    return Rows(Collect(stack.s(), ctx(), Concat("fulltext(", word, ")&values(id)")));
  };
  const auto made = Create(stack.s(), ctx(), Doc(R"({"t":"apple"})"));
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(ids("apple"), "\"" + made->id + "\"");
  WriteBatch batch;
  for (const char* id : {"b1", "b2", "b3"}) {
    batch.ops.push_back({WriteKind::kPut, id, Doc(R"({"t":"pear"})"), Presence::kMustNotExist, {}});
  }
  ASSERT_TRUE(stack.s().Write(ctx(), batch).ok());
  EXPECT_EQ(ids("pear"), R"("b1" "b2" "b3")");
  ASSERT_TRUE(Update(stack.s(), ctx(), "b1", Doc(R"({"t":"plum"})")).ok());
  ASSERT_TRUE(WriteOne(stack.s(), ctx(),
                       {WriteKind::kPatch,
                        "b2",
                        Doc(R"([{"op":"replace","path":"/t","value":"quince"}])"),
                        Presence::kAny,
                        {}})
                  .ok());
  ASSERT_TRUE(Delete(stack.s(), ctx(), "b3").ok());
  for (const bool commits : {true, false}) {
    auto t = stack.s().Begin(ctx(), {});
    ASSERT_TRUE(t.ok());
    ASSERT_TRUE(Create(**t, ctx(), Doc(R"({"t":"cherry"})"), commits ? "kept" : "undone").ok());
    if (commits) {
      ASSERT_TRUE((*t)->Commit(ctx()).ok());
    }
  }
  for (const bool again : {false, true}) {
    if (again) stack.Reopen();
    EXPECT_EQ(ids("apple"), "\"" + made->id + "\"");
    EXPECT_EQ(ids("pear"), "");
    EXPECT_EQ(ids("plum"), R"("b1")");
    EXPECT_EQ(ids("quince"), R"("b2")");
    EXPECT_EQ(ids("cherry"), R"("kept")");
  }
  EXPECT_EQ(stack.Figure("builds"), 0);
}

// ---- 2.11 adaptive index ----

IndexAdmin& Admin(Stack& stack) {
  return dynamic_cast<IndexAdmin&>(*stack.pipeline().FindBase("s"));
}

void Fill(Stack& stack) {
  WriteBatch batch;
  for (int i = 0; i < 400; ++i) {
    batch.Put(Doc("{\"id\":\"" + std::to_string(i) + "\",\"a\":" + std::to_string(i % 40) +
                  ",\"b\":" + std::to_string(i) + "}"));
  }
  ASSERT_TRUE(stack.s().Write(ctx(), batch).ok());
}

void Ask(Stack& stack, int times) {
  for (int i = 0; i < times; ++i) {
    const std::string rql = "a=" + std::to_string(i) + "&sort(-b)&limit(3)";
    ASSERT_TRUE(Collect(stack.s(), ctx(), rql).ok());
  }
}

std::string Proposals(Stack& stack) {
  std::string out;
  for (const IndexProposal& p :
       ProposeIndexes(Admin(stack).Indexes(), Admin(stack).queries().Candidates(), 400))
    out += p.spec.name + " ";
  return out;
}

// 2.11: one query made an index, and with a restart all was forgotten.
TEST(OriginalAdaptiveIndex, WhatManyQueriesMissedIsRememberedWithTheData) {
  Stack stack(R"("s":{"type":"rocksdb","path":"d","durability":"async"})");
  Fill(stack);
  Ask(stack, 1);
  EXPECT_EQ(Proposals(stack), "");
  Ask(stack, 10);
  stack.Reopen();
  EXPECT_EQ(Proposals(stack), "");
  Ask(stack, 10);
  EXPECT_EQ(Proposals(stack), "a,-b ");
  stack.Reopen();
  EXPECT_EQ(Proposals(stack), "a,-b ");
  AutoIndexer indexer(&Admin(stack), AutoIndex::kOn, 1);
  EXPECT_EQ(indexer.Round(400), "builds a,-b");
  ASSERT_TRUE(Admin(stack).WaitForIndexes(ctx()).ok());
  stack.Reopen();
  const auto indexes = Admin(stack).Indexes();
  ASSERT_EQ(indexes.size(), 1u);
  EXPECT_EQ(IndexStateName(indexes[0].state), "ready");
  EXPECT_EQ(IndexOriginName(indexes[0].origin), "automatic");
  EXPECT_EQ(Proposals(stack), "");
}

// 2.11: what went wrong was printed, and tried again with each query.
TEST(OriginalAdaptiveIndex, AnIndexThatCannotBeBuiltIsSaidOnceAndQueriesGoOn) {
  std::string indexes;
  for (int i = 0; i < static_cast<int>(kMaxIndexes); ++i)
    indexes += (i > 0 ? "," : "") + std::string("{\"path\":\"p") + std::to_string(i) + "\"}";
  Stack stack(R"("s":{"type":"memory","indexes":[)" + indexes + "]}");
  Fill(stack);
  Ask(stack, 20);
  AutoIndexer indexer(&Admin(stack), AutoIndex::kOn, 4);
  EXPECT_EQ(indexer.Round(400), "could not build a,-b: the store has its 32 indexes already");
  EXPECT_EQ(indexer.Round(400), "");
  Ask(stack, 1);
  EXPECT_EQ(Admin(stack).Indexes().size(), kMaxIndexes);
}

TEST(OriginalAdaptiveIndex, AThreadThatCannotBuildAnIndexCountsIt) {
  std::string indexes;
  for (int i = 0; i < static_cast<int>(kMaxIndexes); ++i)
    indexes += (i > 0 ? "," : "") + std::string("{\"path\":\"p") + std::to_string(i) + "\"}";
  Stack stack(R"("s":{"type":"memory","auto_index":"on","indexes":[)" + indexes + "]}");
  Fill(stack);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (stack.Figure("auto_index_failures") == 0 && std::chrono::steady_clock::now() < until) {
    Ask(stack, 20);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_GT(stack.Figure("auto_index_failures"), 0);
}

}  // namespace
}  // namespace strata::testing
