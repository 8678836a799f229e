// Groups of stores: copies that follow, are cut off, return, differ, and take over.
#include <atomic>
#include <fstream>
#include <thread>

#include "core/sync.h"
#include "tests/support/random_json.h"
#include "tests/wrappers/stack.h"
#include "wrappers/replicate/replicate_store.h"

namespace strata::testing {
namespace {

const Context& Ctx() { return Context::Background(); }

ReplicateAdmin& Admin(Stack& stack) {
  auto* admin = dynamic_cast<ReplicateAdmin*>(stack.pipeline().FindStage("s").get());
  EXPECT_NE(admin, nullptr);
  return *admin;
}

std::string Group(const std::string& inners, const std::string& more = "") {
  return R"("s":{"type":"replicate","inners":)" + inners + R"(,"state":"group.json")" + more + "}";
}
std::string Memories(const std::string& more = "") {
  return R"("a":"memory:","b":"memory:","c":"memory:",)" + Group(R"(["a","b","c"])", more);
}

// Every record with its revision.
std::string All(Store& store) {
  std::string out;
  const auto rows = Collect(store, Ctx(), Query());
  EXPECT_TRUE(rows.ok()) << Describe(rows.status());
  for (const Document& d : *rows) {
    const auto r = Get(store, Ctx(), StoredId(d));
    if (!r.ok() || !*r) return "changing";  // it was deleted meanwhile
    out += std::to_string((*r)->revision) + std::string(d.text()) + " ";
  }
  return out;
}

// Other stores in the folder of a stack, which must be closed.
std::unique_ptr<Pipeline> Beside(const Stack& stack, const std::string& stores) {
  StageRegistry registry;
  EXPECT_TRUE(RegisterAll(registry).ok());
  auto p = Pipeline::FromText("{\"stores\":{" + stores + "}}", stack.folder().string(), registry);
  EXPECT_TRUE(p.ok()) << Describe(p.status());
  return *std::move(p);
}

std::string StateOf(const Stack& stack) {
  std::ifstream in(stack.folder() / "group.json");
  std::string line;
  std::getline(in, line);
  return line;
}

void PutId(Store& store, const std::string& id) {
  const auto w = Put(store, Ctx(), Doc("{\"id\":\"" + id + "\"}"));
  ASSERT_TRUE(w.ok()) << id << ": " << Describe(w.status());
}

void RandomWrites(Store& store, RandomJson& random, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string id = "k" + std::to_string(random.Below(30));
    if (random.Below(4) == 0) {
      ASSERT_TRUE(Delete(store, Ctx(), id).ok());
    } else {
      const auto w =
          Put(store, Ctx(), Doc("{\"id\":\"" + id + "\",\"v\":" + std::to_string(i) + "}"));
      ASSERT_TRUE(w.ok()) << Describe(w.status());
    }
  }
}

TEST(Replicate, EveryStoreHasWhatWasAcknowledgedWithItsRevisions) {
  Stack stack(Memories(R"(,"mode":"all")"));
  RandomJson random(PrintedSeed());
  RandomWrites(stack.s(), random, 500);
  EXPECT_EQ(All(stack["a"]), All(stack["b"]));
  EXPECT_EQ(All(stack["a"]), All(stack["c"]));
  auto t = stack.s().Begin(Ctx(), {});
  ASSERT_TRUE(Put(**t, Ctx(), Doc(R"({"id":"t1"})")).ok());
  ASSERT_TRUE(Put(**t, Ctx(), Doc(R"({"id":"t2"})")).ok());
  const auto done = (*t)->Commit(Ctx());
  ASSERT_TRUE(done.ok()) << Describe(done.status());
  EXPECT_EQ(Get(stack["c"], Ctx(), "t2")->value().revision, done->outcomes[1].revision);
}

TEST(Replicate, AStoreThatJoinsLateIsCopiedInWhole) {
  Stack stack(R"("a":{"type":"memory","change_log_entries":10},"b":"memory:",)" +
              Group(R"(["a","b"])"));
  stack.Close();
  // The first store has a past that its change log has forgotten.
  Stack late(R"("a":{"type":"rocksdb","path":"a","change_log_entries":20},"b":"memory:",)" +
             Group(R"(["a","b"])", R"(,"mode":"primary")"));
  RandomJson random(PrintedSeed());
  RandomWrites(late.s(), random, 300);
  late.Reopen();  // b is empty now
  Eventually([&] { return All(late["a"]) == All(late["b"]); }, "the copy is whole");
  RandomWrites(late.s(), random, 100);
  Eventually([&] { return All(late["a"]) == All(late["b"]); }, "the copy follows");
}

TEST(Replicate, ACopyThatIsCutOffReturns) {
  // Its store fails for a while: each fourth operation, then none.
  Stack stack(R"("a":"memory:","b":"memory:",)" +
              Group(R"(["a",[{"type":"fault","every":4,"operation":"write"},"b"]])",
                    R"(,"mode":"primary")"));
  RandomJson random(PrintedSeed());
  for (int round = 0; round < 12; ++round) {
    RandomWrites(stack.s(), random, 40);
    Eventually([&] { return All(stack["a"]) == All(stack["b"]); }, "the copy has returned");
  }
  EXPECT_GT(Admin(stack).Report().members[1].state.failures, 0u);
}

TEST(Replicate, AWriteThatCopiesCannotConfirmSaysSo) {
  Stack all(R"("a":"memory:","b":"memory:",)" +
            Group(R"(["a",[{"type":"fault","every":1,"operation":"write"},"b"]])",
                  R"(,"mode":"all","ack_timeout":"2s")"));
  Status s = OkStatus();
  for (int i = 0; i < 100 && s.ok(); ++i) s = Put(all.s(), Ctx(), Doc(R"({"id":"x"})")).status();
  EXPECT_EQ(Code(s), "UNAVAILABLE");
  Eventually(
      [&] {
        return Message(Put(all.s(), Ctx(), Doc(R"({"id":"y"})")).status())
                   .find("nothing was written") != std::string_view::npos;
      },
      "a lost copy refuses writes at once");
  // A quorum of three does not need the one that is lost.
  Stack quorum(R"("a":"memory:","b":"memory:","c":"memory:",)" +
               Group(R"(["a",[{"type":"fault","every":1,"operation":"write"},"b"],"c"])",
                     R"(,"mode":"quorum")"));
  for (int i = 0; i < 50; ++i) {
    const auto w = Put(quorum.s(), Ctx(), Doc("{\"id\":\"" + std::to_string(i) + "\"}"));
    ASSERT_TRUE(w.ok()) << Describe(w.status());
    EXPECT_TRUE(Get(quorum["c"], Ctx(), std::to_string(i))->has_value());
  }
}

TEST(Replicate, ReadsGoOnWithoutThePrimary) {
  Stack stack(R"("a":"memory:","b":"memory:",)" +
              Group(R"([[{"type":"fault","every":1,"operation":"read"},"a"],"b"])"));
  // Following needs no reads of the primary.
  ASSERT_TRUE(Put(stack.s(), Ctx(), Doc(R"({"id":"x"})")).ok());
  Eventually(
      [&] {
        const auto r = Get(stack.s(), Ctx(), "x");
        return r.ok() && r->has_value();
      },
      "the copy answers");
  EXPECT_GT(stack.Figure("failovers"), 0);
}

TEST(Replicate, WhatDiffersIsFoundAndMended) {
  Stack stack(Memories());
  RandomJson random(PrintedSeed());
  for (int i = 0; i < 2000; ++i)
    ASSERT_TRUE(Put(stack.s(), Ctx(), Doc("{\"id\":\"d" + std::to_string(i) + "\"}")).ok());
  // Somebody goes round the group.
  ASSERT_TRUE(Put(stack["b"], Ctx(), Doc(R"({"id":"d7","bad":1})")).ok());
  ASSERT_TRUE(Delete(stack["b"], Ctx(), "d8").ok());
  ASSERT_TRUE(Put(stack["b"], Ctx(), Doc(R"({"id":"extra"})")).ok());
  const Status s = Admin(stack).Verify(Ctx().WithTimeout(std::chrono::seconds(60)));
  ASSERT_TRUE(s.ok()) << Describe(s);
  // Mended documents are written again by the primary, so that revisions are the same everywhere.
  Eventually(
      [&] { return All(stack["a"]) == All(stack["b"]) && All(stack["a"]) == All(stack["c"]); },
      "the copies are equal");
  const auto report = Admin(stack).Report();
  EXPECT_EQ(report.members[1].state.copied, 2u);
  EXPECT_EQ(report.members[1].state.removed, 1u);
  EXPECT_LE(report.members[1].state.ranges_different, 3u);
  EXPECT_EQ(report.members[2].state.ranges_different, 0u);
  RandomWrites(stack.s(), random, 100);
  EXPECT_EQ(All(stack["a"]), All(stack["b"]));
}

TEST(Replicate, AnotherStoreTakesOver) {
  Stack stack(R"("a":{"type":"rocksdb","path":"a"},"b":{"type":"rocksdb","path":"b"},)" +
              Group(R"(["a","b"])"));
  RandomJson random(PrintedSeed());
  RandomWrites(stack.s(), random, 50);
  const uint64_t before = Put(stack.s(), Ctx(), Doc(R"({"id":"x"})"))->revision;
  auto changes = stack.s().Subscribe(Ctx(), {});
  auto open = stack.s().Begin(Ctx(), {});
  ASSERT_TRUE(Put(**open, Ctx(), Doc(R"({"id":"lost"})")).ok());
  ASSERT_TRUE(Admin(stack).Promote(Ctx(), 1, false).ok());
  EXPECT_EQ(Code((*open)->Commit(Ctx()).status()), "ABORTED");
  EXPECT_EQ(Admin(stack).Report().epoch, 1u);
  const auto after = Put(stack.s(), Ctx(), Doc(R"({"id":"x"})"));
  ASSERT_TRUE(after.ok()) << Describe(after.status());
  EXPECT_GE(after->revision, uint64_t{1} << 40);
  EXPECT_GT(after->revision, before);
  EXPECT_EQ(All(stack["a"]), All(stack["b"]));
  // A subscription goes on.
  const auto told = (*changes)->Next(Ctx().WithTimeout(std::chrono::seconds(20)));
  ASSERT_TRUE(told.ok()) << Describe(told.status());
  EXPECT_FALSE(told->gap);  // nothing was lost
  ASSERT_EQ(told->changes.size(), 1u);
  EXPECT_EQ(told->changes[0].sequence, after->revision);
  changes->reset();
  open->reset();
  stack.Reopen();
  EXPECT_TRUE(Admin(stack).Report().members[1].primary);
  RandomWrites(stack.s(), random, 50);
  EXPECT_EQ(All(stack["a"]), All(stack["b"]));
}

TEST(Replicate, AnOldPrimaryLosesWhatNobodyElseHas) {
  // Open apart, as after a network that was cut: a is written alone, b takes over.
  Stack stack(R"("a":{"type":"rocksdb","path":"a"},"b":{"type":"rocksdb","path":"b"},)" +
              Group(R"(["a","b"])"));
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(Put(stack.s(), Ctx(), Doc("{\"id\":\"d" + std::to_string(i) + "\"}")).ok());
  ASSERT_TRUE(Admin(stack).Promote(Ctx(), 1, false).ok());
  // As if these had been written by the old primary before it heard of that.
  ASSERT_TRUE(Put(stack["a"], Ctx(), Doc(R"({"id":"d3","stale":true})")).ok());
  ASSERT_TRUE(Put(stack["a"], Ctx(), Doc(R"({"id":"nobody has it"})")).ok());
  stack.Reopen();
  Eventually([&] { return All(stack["a"]) == All(stack["b"]); }, "the old primary is mended");
  EXPECT_FALSE(Get(stack["a"], Ctx(), "nobody has it")->has_value());
}

TEST(Replicate, AnOlderProcessIsFencedOff) {
  Stack stack(Memories());
  ASSERT_TRUE(Put(stack.s(), Ctx(), Doc(R"({"id":"x"})")).ok());
  ASSERT_TRUE(replicate::SaveState((stack.folder() / "group.json").string(), {7, 1, 1}).ok());
  // The next write already, not one after a while.
  EXPECT_EQ(Code(Put(stack.s(), Ctx(), Doc(R"({"id":"y"})")).status()), "FAILED_PRECONDITION");
  EXPECT_FALSE(Get(stack["a"], Ctx(), "y")->has_value());
}

TEST(Replicate, AnOlderProcessWithALostCopyIsFencedOffAtOnce) {
  Stack stack(R"("a":"memory:","b":"memory:",)" +
              Group(R"(["a",[{"type":"fault","every":1,"operation":"write"},"b"]])",
                    R"(,"mode":"primary")"));
  PutId(stack.s(), "x");
  Eventually([&] { return Admin(stack).Report().members[1].state.failures >= 5; },
             "the copy is tried again ever more seldom");
  ASSERT_TRUE(replicate::SaveState((stack.folder() / "group.json").string(), {7, 1, 1}).ok());
  EXPECT_EQ(Code(Put(stack.s(), Ctx(), Doc(R"({"id":"y"})")).status()), "FAILED_PRECONDITION");
}

TEST(Replicate, AWriteThatAnotherProcessOvertakesIsNotAcknowledged) {
  Stack stack(R"("a":"memory:","b":"memory:",)" +
              Group(R"(["a",[{"type":"slow","delay":"2s"},"b"]])"));
  Status s = OkStatus();
  std::thread writer([&] { s = Put(stack.s(), Ctx(), Doc(R"({"id":"x"})")).status(); });
  Eventually([&] { return Get(stack["a"], Ctx(), "x")->has_value(); }, "the primary has it");
  EXPECT_TRUE(replicate::SaveState((stack.folder() / "group.json").string(), {7, 1, 1}).ok());
  writer.join();
  EXPECT_EQ(Code(s), "UNAVAILABLE") << Describe(s);
}

TEST(Replicate, AFencedProcessLeavesTheOtherStoresAlone) {
  Stack stack(R"("a":"memory:","b":"memory:",)" + Group(R"(["a","b"])"));
  PutId(stack.s(), "x");
  ASSERT_TRUE(replicate::SaveState((stack.folder() / "group.json").string(), {7, 1, 1}).ok());
  PutId(stack["b"], "written in the new epoch");
  EXPECT_FALSE(Admin(stack).Verify(Ctx().WithTimeout(std::chrono::seconds(30))).ok());
  EXPECT_TRUE(Get(stack["b"], Ctx(), "written in the new epoch")->has_value());
}

TEST(Replicate, APromotionGoesOnFromTheEpochOnDisk) {
  Stack stack(Memories());
  const std::string path = (stack.folder() / "group.json").string();
  PutId(stack.s(), "x");
  ASSERT_TRUE(replicate::SaveState(path, {5, 1, 1}).ok());
  // This process follows a store that is the primary no longer.
  for (size_t place = 0; place < 3; ++place) {
    for (const bool lossy : {false, true}) {
      EXPECT_EQ(Code(Admin(stack).Promote(Ctx(), place, lossy)), "FAILED_PRECONDITION");
      EXPECT_EQ(StateOf(stack), R"({"epoch":5,"primary":1,"began":1})");
    }
  }
  stack.Reopen();
  ASSERT_TRUE(Admin(stack).Promote(Ctx(), 2, false).ok());
  EXPECT_EQ(Admin(stack).Report().epoch, 6u);
  EXPECT_EQ(StateOf(stack), R"({"epoch":6,"primary":2,"began":1})");
  // An older state, from a backup, does not bring epochs back.
  ASSERT_TRUE(replicate::SaveState(path, {2, 1, 1}).ok());
  PutId(stack.s(), "y");
  ASSERT_TRUE(Admin(stack).Promote(Ctx(), 0, false).ok());
  EXPECT_EQ(StateOf(stack).substr(0, 23), R"({"epoch":7,"primary":0,)");
  // Nobody knows the epoch.
  std::ofstream(path) << "damaged";
  EXPECT_EQ(Code(Admin(stack).Promote(Ctx(), 1, true)), "DATA_LOSS");
  EXPECT_EQ(StateOf(stack), "damaged");
}

TEST(Replicate, SubscribersAreToldOfAGapWhenAPromotionMayLoseSomething) {
  // b cannot be read, so nothing is copied to it.
  Stack stack(R"("a":"memory:","b":"memory:",)" +
              Group(R"(["a",[{"type":"fault","every":1,"operation":"read"},"b"]])",
                    R"(,"mode":"primary")"));
  auto changes = stack.s().Subscribe(Ctx(), {});
  auto behind = stack.s().Subscribe(Ctx(), {});  // has not heard of what will be lost
  PutId(stack.s(), "lost");
  const auto told = (*changes)->Next(Ctx().WithTimeout(std::chrono::seconds(20)));
  ASSERT_TRUE(told.ok()) << Describe(told.status());
  EXPECT_EQ(told->changes.size(), 1u);
  ASSERT_TRUE(Admin(stack).Promote(Ctx(), 1, /*lossy=*/true).ok());
  SubscribeRequest resume;
  resume.from = told->resume_from;
  auto resumed = stack.s().Subscribe(Ctx(), resume);
  ASSERT_TRUE(resumed.ok()) << Describe(resumed.status());
  for (auto* s : {&changes, &behind, &resumed}) {
    const auto gap = (**s)->Next(Ctx().WithTimeout(std::chrono::seconds(20)));
    ASSERT_TRUE(gap.ok()) << Describe(gap.status());
    EXPECT_TRUE(gap->gap);
    EXPECT_TRUE(gap->changes.empty());
    EXPECT_EQ(gap->resume_from, (**s)->resume_from());
  }
  const auto after = Put(stack.s(), Ctx(), Doc(R"({"id":"after"})"));
  ASSERT_TRUE(after.ok()) << Describe(after.status());
  for (auto* s : {&changes, &behind, &resumed}) {
    const auto next = (**s)->Next(Ctx().WithTimeout(std::chrono::seconds(20)));
    ASSERT_TRUE(next.ok()) << Describe(next.status());
    EXPECT_FALSE(next->gap);
    ASSERT_EQ(next->changes.size(), 1u);
    EXPECT_EQ(next->changes[0].sequence, after->revision);
  }
}

TEST(Replicate, ACacheAboveForgetsWhatAPromotionLost) {
  Stack stack(R"("a":"memory:","b":"memory:","s":[{"type":"cache","follow":"always"},)"
              R"({"type":"replicate","mode":"primary","state":"group.json","inners":["a",)"
              R"([{"type":"fault","every":1,"operation":"write"},"b"]]}])");
  ReplicateAdmin* admin = nullptr;
  for (const auto& stage : stack.pipeline().StagesOf("s"))
    if (auto* found = dynamic_cast<ReplicateAdmin*>(stage.get())) admin = found;
  ASSERT_NE(admin, nullptr);
  PutId(stack.s(), "lost");
  ASSERT_TRUE(Get(stack.s(), Ctx(), "lost")->has_value());
  ASSERT_TRUE(admin->Promote(Ctx(), 1, /*lossy=*/true).ok());
  Eventually([&] { return !Get(stack.s(), Ctx(), "lost")->has_value(); }, "it is forgotten");
}

TEST(Replicate, ACopyThatOthersWroteIntoHasWhatItConfirms) {
  const std::string bases =
      R"("a":{"type":"rocksdb","path":"a"},"b":{"type":"rocksdb","path":"b"})";
  Stack stack(bases + "," + Group(R"(["a","b"])", R"(,"reads":"any")"));
  for (const char* id : {"k1", "k2", "k3"}) PutId(stack.s(), id);
  stack.Close();
  {
    // Apart, as many changes in both: their numbers are the same, and say nothing.
    const auto apart = Beside(stack, bases);
    for (const char* id : {"k4", "k5"}) PutId(*apart->Find("a"), id);
    for (const char* id : {"x4", "x5"}) PutId(*apart->Find("b"), id);
  }
  stack.Open();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Get(stack.s(), Ctx(), "k4")->has_value());
    ASSERT_FALSE(Get(stack.s(), Ctx(), "x4")->has_value());
  }
  PutId(stack.s(), "k6");  // confirmed by both
  for (const char* id : {"k4", "k5", "k6"})
    EXPECT_TRUE(Get(stack["b"], Ctx(), id)->has_value()) << id;
  Eventually([&] { return All(stack["a"]) == All(stack["b"]); }, "the copy is mended");
}

TEST(Replicate, ACopyThatAComparisonMendedKnowsWhereItIs) {
  const std::string bases =
      R"("a":{"type":"rocksdb","path":"a"},"b":{"type":"rocksdb","path":"b"})";
  Stack stack(bases + "," + Group(R"(["a","b"])"));
  for (const char* id : {"k1", "k2", "k3"}) PutId(stack.s(), id);
  for (const char* id : {"x4", "x5"}) PutId(stack["b"], id);
  const Status s = Admin(stack).Verify(Ctx().WithTimeout(std::chrono::seconds(60)));
  ASSERT_TRUE(s.ok()) << Describe(s);
  stack.Close();
  {
    // b has removed x4 and x5 by changes 6 and 7 of its own.
    const auto apart = Beside(stack, bases);
    for (const char* id : {"k4", "k5", "k6", "k7"}) PutId(*apart->Find("a"), id);
  }
  stack.Open();
  PutId(stack.s(), "k8");
  for (const char* id : {"k4", "k5", "k6", "k7", "k8"})
    EXPECT_TRUE(Get(stack["b"], Ctx(), id)->has_value()) << id;
  Eventually([&] { return All(stack["a"]) == All(stack["b"]); }, "the copy is mended");
}

TEST(Replicate, ANewerWriteOfOthersDoesNotHideWhatIsConfirmed) {
  Stack stack(R"("a":"memory:","b":"memory:",)" + Group(R"(["a","b"])"));
  PutId(stack.s(), "first");
  for (int i = 0; i < 5; ++i) PutId(stack["b"], "x");  // far above the primary's next revision
  ASSERT_TRUE(Put(stack.s(), Ctx(), Doc(R"({"id":"x","right":true})")).ok());
  EXPECT_EQ(Get(stack["b"], Ctx(), "x")->value().document.text(), R"({"id":"x","right":true})");
  for (int i = 0; i < 20; ++i) PutId(stack["b"], "x");
  ASSERT_TRUE(Delete(stack.s(), Ctx(), "x").ok());
  EXPECT_FALSE(Get(stack["b"], Ctx(), "x")->has_value());
  PutId(stack.s(), "last");
  Eventually([&] { return All(stack["a"]) == All(stack["b"]); }, "revisions are the same again");
}

TEST(Replicate, ACopyThatLagsTakesWhatTheNewPrimaryGotAsACopy) {
  const std::string bases =
      R"("a":{"type":"rocksdb","path":"a"},"b":{"type":"rocksdb","path":"b"},"c":"memory:",)";
  Stack stack(bases + Group(R"(["a","b"])"));
  for (const char* id : {"k1", "k2", "k3"}) PutId(stack.s(), id);
  ASSERT_TRUE(Admin(stack).Promote(Ctx(), 1, false).ok());
  stack.Close();
  const auto wider = Beside(stack, bases + Group(R"(["a","b","c"])"));
  PutId(*wider->Find("s"), "k4");
  for (const char* id : {"k1", "k2", "k3", "k4"})
    EXPECT_TRUE(Get(*wider->Find("c"), Ctx(), id)->has_value()) << id;
}

TEST(Replicate, ACopysOwnFeedGivesEachChangeOnceAndInOrder) {
  // It is cut off again and again, before a write or behind it.
  for (const char* when : {"before", "after"}) {
    Stack stack(R"("a":"memory:","b":"memory:",)" +
                Group(R"(["a",[{"type":"fault","every":5,"operation":"write","when":")" +
                          std::string(when) + R"("},"b"]])",
                      R"(,"mode":"primary")"));
    SubscribeRequest all;
    all.from = 1;
    const auto feed = [&](const char* store) {
      std::string out;
      const auto changes = stack[store].Subscribe(Ctx(), all);
      EXPECT_TRUE(changes.ok()) << Describe(changes.status());
      const auto end = stack[store].Subscribe(Ctx(), {});
      uint64_t last = 0;
      while ((*changes)->resume_from() < (*end)->resume_from()) {
        const auto batch = (*changes)->Next(Ctx().WithTimeout(std::chrono::seconds(20)));
        EXPECT_TRUE(batch.ok() && !batch->gap) << Describe(batch.status());
        if (!batch.ok()) break;
        for (const Change& c : batch->changes) {
          EXPECT_GT(c.sequence, last) << store;
          last = c.sequence;
          out += std::to_string(c.sequence) + c.id + (c.before ? "~" : "+") +
                 (c.after ? std::string(c.after.text()) : "-") + "\n";
        }
      }
      return out;
    };
    RandomJson random(PrintedSeed());
    for (int round = 0; round < 8; ++round) {
      RandomWrites(stack.s(), random, 60);
      PutId(stack.s(), "end");  // seen when all before it is there
      Eventually([&] { return All(stack["a"]) == All(stack["b"]); }, "the copy has returned");
    }
    EXPECT_EQ(feed("a"), feed("b")) << when;
    EXPECT_GT(Admin(stack).Report().members[1].state.failures, 0u);
    EXPECT_EQ(Admin(stack).Report().members[1].state.syncs, 0u);
  }
}

TEST(Replicate, LoopsAreRefused) {
  StageRegistry registry;
  ASSERT_TRUE(RegisterAll(registry).ok());
  const auto p = Pipeline::FromText(
      R"({"stores":{"a":"memory:","b":"memory:","c":"memory:",)"
      R"("x":{"type":"replicate","inners":["a","b"]},"y":{"type":"replicate","inners":["b","c"]},)"
      R"("z":{"type":"replicate","inners":["c","a"]}}})",
      ".", registry);
  ASSERT_FALSE(p.ok());
  EXPECT_NE(Message(p.status()).find("let changes run one way"), std::string_view::npos);
  // One that runs through other processes is known by its origin.
  Stack stack(Memories(R"(,"name":"group")"));
  WriteBatch batch;
  batch.origin = "client|group|elsewhere";
  batch.Put(Doc(R"({"id":"came back"})"));
  ASSERT_TRUE(stack["a"].Write(Ctx(), batch).ok());
  batch.ops.clear();
  batch.origin = "client|elsewhere";
  batch.Put(Doc(R"({"id":"new"})"));
  ASSERT_TRUE(stack["a"].Write(Ctx(), batch).ok());
  Eventually([&] { return Get(stack["b"], Ctx(), "new")->has_value(); }, "b has what is new");
  EXPECT_FALSE(Get(stack["b"], Ctx(), "came back")->has_value());
}

TEST(Replicate, PromotionWhileClientsWrite) {
  Stack stack(Memories(R"(,"reads":"any")"));
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  Mutex mutex;
  std::map<std::string, std::string> acknowledged;
  std::vector<std::thread> clients;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([&, c] {
      for (int i = 0; !stop.load(); ++i) {
        const std::string id = std::to_string(c) + "-" + std::to_string(i % 50);
        const std::string text = "{\"id\":\"" + id + "\",\"i\":" + std::to_string(i) + "}";
        const auto w = Put(stack.s(), Ctx(), Doc(text));
        ASSERT_TRUE(w.ok()) << Describe(w.status());
        written.fetch_add(1);
        MutexLock lock(mutex);
        acknowledged[id] = text;
      }
    });
  }
  for (size_t n = 1; n <= 6; ++n) {
    const int before = written.load();
    Eventually([&] { return written.load() > before + 50; }, "clients go on");
    const Status s =
        Admin(stack).Promote(Ctx().WithTimeout(std::chrono::seconds(30)), n % 3, false);
    EXPECT_TRUE(s.ok()) << Describe(s);
  }
  stop.store(true);
  for (auto& t : clients) t.join();
  for (const auto& [id, text] : acknowledged) {
    for (const char* store : {"a", "b", "c"})
      ASSERT_EQ(Get(stack[store], Ctx(), id)->value().document.text(), text) << store;
  }
}

}  // namespace
}  // namespace strata::testing
