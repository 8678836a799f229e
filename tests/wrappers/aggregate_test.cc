// What conformance does not say of an aggregate's commits: they are seen whole, also when a part
// fails, and nobody's write is lost.
#include <atomic>
#include <thread>

#include "tests/wrappers/stack.h"

namespace strata::testing {
namespace {

const Context& Ctx() { return Context::Background(); }

// Votes and commits of the part take turns, so that each odd n hits votes and each even n commits.
class FailingPart : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Aggregate, FailingPart, ::testing::Values(3, 4, 7, 10));

TEST_P(FailingPart, ACommitIsSeenWhole) {
  Stack stack(R"("a":"memory:","b":"memory:","s":{"type":"aggregate","inners":["a",)"
              R"([{"type":"fault","operation":"commit","every":)" +
              std::to_string(GetParam()) +
              R"(},"b"]],"properties":["*",["right"]],"journal":"journal"})");
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop.load()) {
      const auto r = Get(stack.s(), Ctx(), "x");
      if (!r.ok() || !*r) continue;
      const Document d = (*r)->document;
      ASSERT_EQ(d.Find("left").text(), d.Find("right").text());
      const auto rows = Collect(stack.s(), Ctx(), "");
      if (!rows.ok()) continue;
      for (const Document& row : *rows)
        ASSERT_EQ(row.Find("left").text(), row.Find("right").text());
    }
  });
  int refused = 0, failed = 0;
  for (int i = 0; i < 600; ++i) {
    const std::string n = std::to_string(i);
    const auto w =
        Put(stack.s(), Ctx(), Doc("{\"id\":\"x\",\"left\":" + n + ",\"right\":" + n + "}"));
    if (w.ok()) continue;
    ++(Message(w.status()).find("half done") != std::string_view::npos ? failed : refused);
    // Half done or refused, afterwards the record is whole; half done becomes done.
    std::optional<Record> r;
    for (int tries = 0; tries < 10; ++tries) {
      const auto got = Get(stack.s(), Ctx(), "x");
      if (got.ok()) {
        r = *got;
        break;
      }
    }
    EXPECT_TRUE(i == 0 || r.has_value());
  }
  stop.store(true);
  reader.join();
  if (GetParam() % 2 == 1) {
    EXPECT_GT(refused, 0);
  } else {
    EXPECT_GT(failed, 0);
    EXPECT_GT(stack.Figure("finished"), 0);
  }
}

// The part's votes and commits take turns: vote, vote, commit of one whole transaction, then
// another's vote and vote pass and its commit fails.
TEST(Aggregate, ACommitThatWasVotedOnAndCutIsFinishedByWhoeverComesNext) {
  Stack stack(R"("a":"memory:","b":"memory:","s":{"type":"aggregate","inners":["a",)"
              R"([{"type":"fault","operation":"commit","every":3},"b"]],)"
              R"("properties":["*",["right"]],"journal":"journal"})");
  auto t = stack.s().Begin(Ctx(), {});
  ASSERT_TRUE(t.ok());
  ASSERT_TRUE(Put(**t, Ctx(), Doc(R"({"id":"x","left":1,"right":1})")).ok());
  ASSERT_TRUE((*t)->Vote(Ctx()).ok());
  const auto cut = (*t)->Commit(Ctx());
  ASSERT_FALSE(cut.ok());
  ASSERT_NE(Message(cut.status()).find("half done"), std::string_view::npos)
      << Describe(cut.status());
  // The transaction object still lives, and is in nobody's way.
  const auto r = Get(stack.s(), Ctx(), "x");
  ASSERT_TRUE(r.ok()) << Describe(r.status());
  ASSERT_TRUE(r->has_value());
  EXPECT_EQ((*r)->document.text(), R"({"id":"x","left":1,"right":1})");
  EXPECT_EQ(stack.Figure("finished"), 1);
  EXPECT_EQ(Code((*t)->Commit(Ctx()).status()), "FAILED_PRECONDITION");
}

// Two parts, each behind its own stages; "left" lies in a, "right" in b.
std::string LeftAndRight(const std::string& before_a, const std::string& before_b) {
  return R"("a":"memory:","b":"memory:","s":{"type":"aggregate","inners":[[)" + before_a +
         R"("a"],[)" + before_b + R"("b"]],"properties":["*",["right"]],"journal":"journal"})";
}

std::string CommitFault(int every, const std::string& more) {
  return R"({"type":"fault","operation":"commit","every":)" + std::to_string(every) + "," + more +
         "},";
}

Document Both(const std::string& id, int n) {
  const std::string text = std::to_string(n);
  return Doc("{\"id\":\"" + id + "\",\"left\":" + text + ",\"right\":" + text + "}");
}

// "left" and "right" as the stage shows them, then as the parts hold them.
std::string Halves(Stack& stack, std::string_view id) {
  std::string out;
  for (const auto& [store, member] :
       {std::pair("s", "left"), {"s", "right"}, {"a", "left"}, {"b", "right"}}) {
    const auto r = Get(stack[store], Ctx(), id);
    out += !r.ok() ? Describe(r.status())
           : *r    ? std::string((*r)->document.Find(member).text())
                   : "-";
  }
  return out;
}

// Whether the first part's commit fails or the second's, when, and of which write.
class AnUnknownCommit
    : public ::testing::TestWithParam<std::tuple<bool, std::string, std::string>> {};
INSTANTIATE_TEST_SUITE_P(Aggregate, AnUnknownCommit,
                         ::testing::Combine(::testing::Bool(), ::testing::Values("before", "after"),
                                            ::testing::Values("update", "create", "delete")));

TEST_P(AnUnknownCommit, IsFinishedInAllPartsAndLostToTheFeed) {
  const auto& [first, when, write] = GetParam();
  // Vote and commit of what is there before, then vote and commit of what is tested.
  const std::string fault = CommitFault(4, "\"when\":\"" + when + "\"");
  Stack stack(LeftAndRight(first ? fault : "", first ? "" : fault));
  ASSERT_TRUE(Put(stack.s(), Ctx(), Both(write == "create" ? "y" : "x", 1)).ok());
  const auto feed = stack.s().Subscribe(Ctx(), {});
  ASSERT_TRUE(feed.ok()) << Describe(feed.status());
  const Status failed = write == "delete" ? Delete(stack.s(), Ctx(), "x").status()
                                          : Put(stack.s(), Ctx(), Both("x", 2)).status();
  EXPECT_EQ(Code(failed), "UNAVAILABLE") << Describe(failed);

  EXPECT_EQ(Halves(stack, "x"), write == "delete" ? "----" : "2222");
  EXPECT_EQ(stack.Figure("finished"), 1);
  EXPECT_EQ(std::filesystem::file_size(stack.folder() / "journal"), 0u);

  const Context soon = Ctx().WithTimeout(std::chrono::seconds(20));
  const auto gap = (*feed)->Next(soon);
  ASSERT_TRUE(gap.ok()) << Describe(gap.status());
  EXPECT_TRUE(gap->gap);
  ASSERT_TRUE(Put(stack.s(), Ctx(), Both("z", 3)).ok());
  const auto next = (*feed)->Next(soon);
  ASSERT_TRUE(next.ok()) << Describe(next.status());
  ASSERT_EQ(next->changes.size(), 1u);
  EXPECT_EQ(next->changes[0].id, "z");
}

TEST(Aggregate, AnUnknownCommitOfOnePartIsLostToTheFeed) {
  // Vote, commit, then the commit of the one part.
  Stack stack(LeftAndRight(CommitFault(3, R"("when":"after")"), ""));
  ASSERT_TRUE(Put(stack.s(), Ctx(), Both("x", 1)).ok());
  const auto feed = stack.s().Subscribe(Ctx(), {});
  EXPECT_EQ(Code(Update(stack.s(), Ctx(), "x", Doc(R"({"left":2})")).status()), "UNAVAILABLE");
  EXPECT_EQ(Halves(stack, "x"), "2121");
  const auto gap = (*feed)->Next(Ctx().WithTimeout(std::chrono::seconds(20)));
  ASSERT_TRUE(gap.ok()) << Describe(gap.status());
  EXPECT_TRUE(gap->gap);
}

// The thread that finishes it finds b's next write failing, too, and tries again.
TEST(Aggregate, SubscribersOfAnIdleStoreHearOfACutSoon) {
  Stack stack(LeftAndRight("", R"({"type":"fault","operation":"write","every":2},)" +
                                   CommitFault(2, R"("when":"before")")));
  const auto feed = stack.s().Subscribe(Ctx(), {});
  ASSERT_TRUE(feed.ok()) << Describe(feed.status());
  ASSERT_EQ(Code(Put(stack.s(), Ctx(), Both("x", 1)).status()), "UNAVAILABLE");
  // Nobody asks the stage for anything.
  const auto gap = (*feed)->Next(Ctx().WithTimeout(std::chrono::seconds(20)));
  ASSERT_TRUE(gap.ok()) << Describe(gap.status());
  EXPECT_TRUE(gap->gap);
  EXPECT_EQ(Get(stack["b"], Ctx(), "x")->value().document.text(), R"({"id":"x","right":1})");
  EXPECT_EQ(std::filesystem::file_size(stack.folder() / "journal"), 0u);
  EXPECT_EQ(Halves(stack, "x"), "1111");
  EXPECT_EQ(stack.Figure("finished"), 1);
  // b does not take the next write, and cuts the one behind it like the first.
  EXPECT_EQ(Code(Delete(stack.s(), Ctx(), "x").status()), "UNAVAILABLE");
  EXPECT_EQ(Halves(stack, "x"), "1111");
  EXPECT_EQ(Code(Delete(stack.s(), Ctx(), "x").status()), "UNAVAILABLE");
  const auto again = (*feed)->Next(Ctx().WithTimeout(std::chrono::seconds(20)));
  ASSERT_TRUE(again.ok()) << Describe(again.status());
  EXPECT_TRUE(again->gap);
  EXPECT_EQ(Halves(stack, "x"), "----");
}

TEST(Aggregate, AStoreIsClosedWhileWhatWasCutIsBeingFinished) {
  for (int delay = 0; delay < 8; ++delay) {
    Stack stack(LeftAndRight("", R"({"type":"slow","delay":")" + std::to_string(delay) + "ms\"}," +
                                     CommitFault(2, R"("when":"before")")));
    EXPECT_EQ(Code(Put(stack.s(), Ctx(), Both("x", 1)).status()), "UNAVAILABLE");
    stack.Close();
  }
}

TEST(Aggregate, ARefusedCommitIsWorkedOutAgainUnlessAnotherPartHasIt) {
  // The first one's second commit; votes count too.
  Stack first(LeftAndRight(CommitFault(4, R"("code":"aborted")"), ""));
  ASSERT_TRUE(Put(first.s(), Ctx(), Both("x", 1)).ok());
  EXPECT_EQ(Code(Put(first.s(), Ctx(), Both("x", 2)).status()), "OK");
  EXPECT_EQ(Halves(first, "x"), "2222");
  Stack second(LeftAndRight("", CommitFault(2, R"("code":"aborted")")));
  EXPECT_EQ(Code(Create(second.s(), Ctx(), Both("x", 1)).status()), "UNAVAILABLE");
  EXPECT_EQ(Halves(second, "x"), "1111");
}

TEST(Aggregate, APartWhoseCopyIsBehindLosesNoUpdate) {
  Stack stack(R"("p":"memory:","b":"memory:",)"
              R"("r":{"type":"replicate","mode":"primary","reads":"any",)"
              R"("inners":["p",[{"type":"slow","delay":"200ms"},"memory:"]]},)"
              R"("s":{"type":"aggregate","inners":["r","b"],"properties":["*",["right"]]})");
  ASSERT_TRUE(Put(stack.s(), Ctx(), Doc(R"({"id":"x","right":0})")).ok());
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    const auto w = Update(stack.s(), Ctx(), "x", Doc("{\"m" + n + "\":" + n + "}"));
    ASSERT_TRUE(w.ok()) << Describe(w.status());
  }
  EXPECT_EQ(Get(stack["p"], Ctx(), "x")->value().document.text(),
            R"({"id":"x","m0":0,"m1":1,"m2":2,"m3":3,"m4":4,"m5":5})");
}

TEST(Aggregate, AWriterBesideTheStageIsNotOverwritten) {
  Stack stack(LeftAndRight("", ""));
  ASSERT_TRUE(Put(stack.s(), Ctx(), Doc(R"({"id":"x","right":0})")).ok());
  constexpr int kWrites = 300;
  const auto write = [&](Store& store, const std::string& prefix) {
    for (int i = 0; i < kWrites;) {
      const std::string n = std::to_string(i);
      const auto w = Update(store, Ctx(), "x", Doc("{\"" + prefix + n + "\":" + n + "}"));
      i += w.ok();
      ASSERT_TRUE(w.ok() || Code(w.status()) == "ABORTED") << Describe(w.status());
    }
  };
  std::thread beside([&] { write(stack["a"], "beside"); });
  write(stack.s(), "through");
  beside.join();
  EXPECT_EQ(Get(stack["a"], Ctx(), "x")->value().document.root().size(), 1u + 2 * kWrites);
}

TEST(Aggregate, AQueryOfTheAnchorAloneFinishesWhatWasCutFirst) {
  Stack stack(LeftAndRight(CommitFault(2, R"("when":"before")"), ""));
  const auto plan = PrepareComplete(stack.s(), Ctx(), *Query::Parse("left=1&values(id)"));
  ASSERT_TRUE(plan.ok()) << Describe(plan.status());
  ASSERT_FALSE(Put(stack.s(), Ctx(), Both("x", 1)).ok());
  EXPECT_EQ(Rows(CollectRows(**plan, Ctx())), R"("x")");
  EXPECT_EQ(Halves(stack, "x"), "1111");
}

// What a part took of a write that failed is taken back, and what is written then over it is
// finished by the revision that was there before the transaction.
TEST(Aggregate, AWriteOfATransactionThatFailedLeavesNothingInItsParts) {
  // Writes of b: before, z, then x, which fails. Commits: before, then with a vote each.
  for (const bool cut : {false, true}) {
    Stack stack(
        LeftAndRight("", R"({"type":"fault","operation":"write","when":"after","every":3},)" +
                             (cut ? CommitFault(4, R"("when":"before")") : "")));
    ASSERT_TRUE(Put(stack.s(), Ctx(), Both("x", 0)).ok());
    auto t = stack.s().Begin(Ctx(), {});
    ASSERT_TRUE(t.ok()) << Describe(t.status());
    ASSERT_TRUE(Put(**t, Ctx(), Both("z", 1)).ok());
    ASSERT_EQ(Code(Put(**t, Ctx(), Both("x", 1)).status()), "UNAVAILABLE");
    ASSERT_TRUE(!cut || Put(**t, Ctx(), Both("x", 2)).ok());
    EXPECT_EQ((*t)->Commit(Ctx()).ok(), !cut);
    // The cut one is finished by a write of b, of which each third fails.
    auto r = Get(stack.s(), Ctx(), "x");
    for (int tries = 0; !r.ok() && tries < 3; ++tries) r = Get(stack.s(), Ctx(), "x");
    ASSERT_TRUE(r.ok()) << Describe(r.status());
    EXPECT_EQ(Halves(stack, "x"), cut ? "2222" : "0000");
    EXPECT_EQ(Halves(stack, "z"), "1111");
  }
}

TEST(Aggregate, AJournalWithoutRoomRefusesTheWriteWhole) {
  Stack stack(R"("a":"memory:","b":"memory:","s":{"type":"aggregate","inners":["a","b"],)"
              R"("properties":["*",["right"]],"journal":"/dev/full"})");
  const auto w = Put(stack.s(), Ctx(), Doc(R"({"id":"x","left":1,"right":1})"));
  EXPECT_EQ(Code(w.status()), "RESOURCE_EXHAUSTED") << Describe(w.status());
  EXPECT_FALSE(Get(stack.s(), Ctx(), "x")->has_value());
  EXPECT_FALSE(Get(stack["a"], Ctx(), "x")->has_value());
  EXPECT_FALSE(Get(stack["b"], Ctx(), "x")->has_value());
  // What needs no journal goes on.
  EXPECT_TRUE(Put(stack.s(), Ctx(), Doc(R"({"id":"y","left":1})")).ok());
}

TEST(Aggregate, DurablePartsNeedAJournal) {
  StageRegistry registry;
  ASSERT_TRUE(RegisterAll(registry).ok());
  const std::string folder = ::testing::TempDir() + "/durable-parts";
  std::filesystem::create_directories(folder);
  const auto p =
      Pipeline::FromText(R"({"stores":{"s":{"type":"aggregate","properties":["*",["a"]],"inners":[)"
                         R"({"type":"rocksdb","path":"a"},{"type":"rocksdb","path":"b"}]}}})",
                         folder, registry);
  ASSERT_FALSE(p.ok());
  EXPECT_NE(Message(p.status()).find("\"journal\""), std::string_view::npos) << p.status();
}

}  // namespace
}  // namespace strata::testing
