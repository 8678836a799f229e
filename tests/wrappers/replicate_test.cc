// Groups of stores: copies that follow, are cut off, return, differ, and take over.
#include <atomic>
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
    out += std::to_string((*r)->revision) + std::string(d.text()) + " ";
  }
  return out;
}

template <typename Condition>
void Eventually(const Condition& condition, const char* what) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), until) << what;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
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
  Eventually(
      [&] {
        return Code(Put(stack.s(), Ctx(), Doc(R"({"id":"y"})")).status()) == "FAILED_PRECONDITION";
      },
      "writes are refused");
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
    ASSERT_TRUE(s.ok()) << Describe(s);
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
