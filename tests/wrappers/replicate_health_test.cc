// Groups of which a store is slow, silent or failing: what is told of it, and who is asked instead.
#include <atomic>
#include <fstream>
#include <thread>

#include "core/sync.h"
#include "tests/wrappers/stack.h"
#include "wrappers/core/hooked.h"
#include "wrappers/replicate/group.h"
#include "wrappers/replicate/replicate_store.h"

namespace strata::testing {
namespace {

using replicate::ReplicaHealth;

const Context& Ctx() { return Context::Background(); }

// What a test does to a store, at any time.
struct Switches {
  std::atomic<bool> down{false};         // every call fails
  std::atomic<bool> writes_fail{false};  // only these
  std::atomic<bool> held{false};         // writes wait
};

struct SwitchHook {
  std::shared_ptr<Switches> switches;

  template <typename Call>
  Status operator()(Operation op, const CallInfo& info, Call call) const {
    const bool write = op == Operation::kWrite;
    while (write && switches->held.load()) {
      RETURN_IF_ERROR(info.ctx->Check());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (switches->down.load() || (write && switches->writes_fail.load()))
      return Unavailable(Concat("no ", OperationName(op)));
    return call(*info.ctx);
  }
  ExplainNode Explained(ExplainNode n) const { return n; }
};

// Three stores in memory with switches, and a group of them.
class SwitchedGroup {
 public:
  explicit SwitchedGroup(replicate::GroupOptions options)
      : stack_(R"("a":"memory:","b":"memory:","c":"memory:")") {
    std::vector<Store*> members;
    for (const char* name : {"a", "b", "c"}) {
      StoreInfo info;
      info.stage = name;
      info.children = {stack_.pipeline().Find(name)};
      switches_.push_back(std::make_shared<Switches>());
      stores_.push_back(
          std::make_unique<HookedStore<SwitchHook>>(std::move(info), SwitchHook{switches_.back()}));
      members.push_back(stores_.back().get());
    }
    options.hop = "group";
    group_ = std::make_unique<replicate::Group>(options, members);
    const Status s = group_->Start();
    EXPECT_TRUE(s.ok()) << Describe(s);
  }

  Switches& at(size_t place) { return *switches_[place]; }
  replicate::Group& group() { return *group_; }
  Store& base(const char* name) { return stack_[name]; }
  Status Write(const std::string& id) {
    WriteBatch batch;
    batch.Put(Doc("{\"id\":\"" + id + "\"}"));
    return group_
        ->Write(Ctx(),
                [&](const std::shared_ptr<const replicate::Epoch>& epoch) {
                  return epoch->primary->Write(Ctx(), batch);
                })
        .status();
  }
  replicate::ReplicaState State(size_t place) { return group_->Report().members[place].state; }
  void AwaitHealth(size_t place, ReplicaHealth health, const char* what) {
    Eventually([&] { return State(place).health == health; }, what);
  }

 private:
  Stack stack_;
  std::vector<std::shared_ptr<Switches>> switches_;
  std::vector<std::unique_ptr<Store>> stores_;
  std::unique_ptr<replicate::Group> group_;  // last, so that its threads end first
};

replicate::GroupOptions Needing(size_t needed, std::chrono::milliseconds ack_timeout) {
  replicate::GroupOptions options;
  options.needed = needed;
  options.ack_timeout = ack_timeout;
  return options;
}

TEST(ReplicateHealth, APrimaryThatFailsIsToldOf) {
  SwitchedGroup g(Needing(1, std::chrono::seconds(10)));
  ASSERT_TRUE(g.Write("x").ok());
  const auto well = g.State(0);
  EXPECT_EQ(well.health, ReplicaHealth::kFollowing);
  EXPECT_EQ(well.failures, 0u);
  EXPECT_EQ(well.applied, 1u);
  g.at(0).down.store(true);
  const auto down = g.State(0);
  EXPECT_EQ(down.health, ReplicaHealth::kLost);
  EXPECT_EQ(down.failures, 1u);
  EXPECT_EQ(down.applied, 1u);  // as far as is known
  EXPECT_EQ(down.trouble.substr(0, 25), "UNAVAILABLE: no subscribe");
  // The copies have nobody to follow, and say whose fault that is.
  g.AwaitHealth(1, ReplicaHealth::kLost, "a copy has nobody to follow");
  EXPECT_NE(g.State(1).trouble.find("the primary: no "), std::string::npos) << g.State(1).trouble;
  g.at(0).down.store(false);
  EXPECT_EQ(g.State(0).health, ReplicaHealth::kFollowing);
  EXPECT_EQ(g.State(0).trouble, "");
  g.AwaitHealth(1, ReplicaHealth::kFollowing, "the copy follows again");
}

TEST(ReplicateHealth, APrimaryThatTakesNoWritesIsToldOf) {
  SwitchedGroup g(Needing(1, std::chrono::seconds(10)));
  g.at(0).writes_fail.store(true);
  EXPECT_EQ(Code(g.Write("x")), "UNAVAILABLE");
  EXPECT_EQ(g.State(0).health, ReplicaHealth::kLost);
  EXPECT_EQ(g.State(0).failures, 1u);
  EXPECT_EQ(g.State(0).trouble.substr(0, 21), "UNAVAILABLE: no write");
  g.at(0).writes_fail.store(false);
  ASSERT_TRUE(g.Write("x").ok());
  EXPECT_EQ(g.State(0).health, ReplicaHealth::kFollowing);
  EXPECT_EQ(g.State(0).trouble, "");
}

TEST(ReplicateHealth, MetricsSayThatThePrimaryFails) {
  Stack stack(R"("a":"memory:","b":"memory:","s":{"type":"replicate","inners":[)"
              R"([{"type":"fault","every":1},"a"],"b"]})");
  EXPECT_EQ(stack.Figure("healthy"), 0);  // the first member's
  EXPECT_GT(stack.Figure("failures"), 0);
}

TEST(ReplicateHealth, ACopyThatDiesWhileNothingIsWrittenIsLost) {
  SwitchedGroup g(Needing(3, std::chrono::seconds(10)));
  g.AwaitHealth(1, ReplicaHealth::kFollowing, "the copy follows");
  g.AwaitHealth(2, ReplicaHealth::kFollowing, "the other one too");
  g.at(1).down.store(true);
  g.AwaitHealth(1, ReplicaHealth::kLost, "its death is seen");
  EXPECT_NE(g.State(1).trouble, "");
  EXPECT_EQ(g.State(2).health, ReplicaHealth::kFollowing);
  const Status refused = g.Write("x");
  EXPECT_NE(Message(refused).find("1 of 2 copies are lost, so the write could not be "
                                  "acknowledged; nothing was written (UNAVAILABLE: no "),
            std::string_view::npos)
      << Describe(refused);
  EXPECT_FALSE(Get(g.base("a"), Ctx(), "x")->has_value());
  g.at(1).down.store(false);
  g.AwaitHealth(1, ReplicaHealth::kFollowing, "its return is seen");
  EXPECT_EQ(g.State(1).trouble, "");
  EXPECT_TRUE(g.Write("x").ok());
}

TEST(ReplicateHealth, ASlowCopyHoldsNobodyUpInAQuorum) {
  SwitchedGroup g(Needing(2, std::chrono::seconds(30)));
  g.at(2).held.store(true);
  for (int i = 0; i < 50; ++i) {
    const Status s = g.Write(std::to_string(i));
    ASSERT_TRUE(s.ok()) << Describe(s);
    EXPECT_TRUE(Get(g.base("b"), Ctx(), std::to_string(i))->has_value());
  }
  EXPECT_EQ(g.group().Report().members[2].lag, 50u);
  EXPECT_EQ(g.group().unconfirmed(), 0u);
  g.at(2).held.store(false);
  Eventually([&] { return g.group().Report().members[2].lag == 0; }, "it catches up");
  for (int i = 0; i < 50; ++i)
    EXPECT_TRUE(Get(g.base("c"), Ctx(), std::to_string(i))->has_value()) << i;
}

// How often a store behind a log stage was asked for "x".
int Asked(const Stack& stack, const char* log) {
  std::ifstream in(stack.folder() / log);
  int asked = 0;
  for (std::string line; std::getline(in, line);)
    asked += line.find(R"("operation":"read","ids":["x"])") != line.npos;
  return asked;
}

// Who has what was written does not count as a copy before it says that it follows.
void AwaitCopy(Stack& stack) {
  const auto* admin = dynamic_cast<ReplicateAdmin*>(stack.pipeline().FindStage("s").get());
  ASSERT_NE(admin, nullptr);
  Eventually([&] { return admin->Report().members[1].state.health == ReplicaHealth::kFollowing; },
             "the copy follows");
}

TEST(ReplicateHealth, NearestAsksTheSlowMemberLess) {
  Stack stack(R"("a":"memory:","b":"memory:","s":{"type":"replicate","reads":"nearest","inners":[)"
              R"([{"type":"log","path":"a.log"},{"type":"slow","delay":"20ms"},"a"],)"
              R"([{"type":"log","path":"b.log"},"b"]]})");
  ASSERT_TRUE(Put(stack.s(), Ctx(), Doc(R"({"id":"x"})")).ok());
  AwaitCopy(stack);
  // The copy reads "x" once when it takes it.
  const int before = Asked(stack, "b.log");
  for (int i = 0; i < 320; ++i) ASSERT_TRUE(Get(stack.s(), Ctx(), "x")->has_value());
  // The slow primary at first, and each 64th time to see whether that has changed.
  EXPECT_GE(Asked(stack, "a.log"), 1);
  EXPECT_LE(Asked(stack, "a.log"), 20);
  EXPECT_GE(Asked(stack, "b.log") - before, 300);
}

TEST(ReplicateHealth, NearestGoesOnWithoutTheMemberThatFails) {
  Stack stack(
      R"("a":"memory:","b":"memory:","s":{"type":"replicate","reads":"nearest","inners":[)"
      R"([{"type":"log","path":"a.log"},{"type":"fault","every":1,"operation":"read"},"a"],)"
      R"("b"]})");
  ASSERT_TRUE(Put(stack.s(), Ctx(), Doc(R"({"id":"x"})")).ok());
  AwaitCopy(stack);
  for (int i = 0; i < 320; ++i) {
    const auto r = Get(stack.s(), Ctx(), "x");
    ASSERT_TRUE(r.ok()) << Describe(r.status());
    EXPECT_TRUE(r->has_value());
  }
  EXPECT_GT(stack.Figure("failovers"), 0);
  EXPECT_LE(Asked(stack, "a.log"), 20);
}

TEST(ReplicateHealth, CopiesAreComparedByThemselvesAndMended) {
  Stack stack(R"("a":"memory:","b":"memory:","s":{"type":"replicate","verify":"50ms",)"
              R"("inners":["a","b"]})");
  for (const char* id : {"x", "y"})
    ASSERT_TRUE(Put(stack.s(), Ctx(), Doc("{\"id\":\"" + std::string(id) + "\"}")).ok());
  // Somebody goes round the group.
  ASSERT_TRUE(Put(stack["b"], Ctx(), Doc(R"({"id":"x","bad":true})")).ok());
  ASSERT_TRUE(Put(stack["b"], Ctx(), Doc(R"({"id":"extra"})")).ok());
  const auto all = [&](const char* store) { return Rows(Collect(stack[store], Ctx(), Query())); };
  Eventually([&] { return all("b") == R"({"id":"x"} {"id":"y"})"; }, "the copy is mended");
  EXPECT_EQ(all("a"), R"({"id":"x"} {"id":"y"})");
  const auto* admin = dynamic_cast<ReplicateAdmin*>(stack.pipeline().FindStage("s").get());
  ASSERT_NE(admin, nullptr);
  const auto state = [&] { return admin->Report().members[1].state; };
  Eventually([&] { return state().copied > 0 && state().removed > 0; }, "it is told of");
  EXPECT_GT(state().ranges_different, 0u);
}

}  // namespace
}  // namespace strata::testing
