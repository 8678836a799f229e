// Which stage may stand over which: every error and warning of the order rules, with its whole
// message. config_test.cc has those of shared files, parts, feeds around a cache and a cache's own
// store.
#include "pipeline/order.h"

#include <gtest/gtest.h>

#include "pipeline/all_stages.h"
#include "pipeline/config.h"

namespace strata {
namespace {

class OrderTest : public ::testing::Test {
 protected:
  OrderTest() { EXPECT_TRUE(RegisterAll(registry_).ok()); }

  // The problems of these members of "stores", or the warnings as "POINTER MESSAGE\n" each.
  std::string Said(const std::string& stores, const std::string& serve = "\"s\"") {
    const auto c = CheckPipeline("{\"stores\":{" + stores + "},\"serve\":[" + serve + "]}", "p",
                                 "/base", registry_);
    if (!c.ok()) return std::string(Message(c.status()));
    std::string out;
    for (const ConfigProblem& w : c->warnings) out += w.pointer + " " + w.message + "\n";
    return out;
  }
  static std::string One(const std::string& problem) { return "p: 1 problem\n  " + problem; }

  // No base of ours is without a change feed.
  void RegisterMute() {
    const StageType* memory = registry_.Find("memory");
    ASSERT_NE(memory, nullptr);
    StageType mute = *memory;
    mute.name = "mute";
    mute.order.feed = ChangeFeed::kNone;
    ASSERT_TRUE(registry_.Register(std::move(mute)).ok());
  }

  StageRegistry registry_;
};

TEST_F(OrderTest, ACacheRightAboveMemoryIsWarnedOf) {
  const std::string wasteful = " \"cache\" right above \"memory\" costs more than it saves\n";
  EXPECT_EQ(Said(R"("s":[{"type":"cache"},"memory:"])"), "/stores/s/0" + wasteful);
  EXPECT_EQ(Said(R"("m":"memory:","s":[{"type":"cache"},"m"])"), "/stores/s/0" + wasteful);
  // What stands between may be what the cache saves.
  EXPECT_EQ(Said(R"("s":[{"type":"cache"},{"type":"rename","fields":{"a":"b"}},"memory:"])"), "");
  EXPECT_EQ(Said(R"("s":[{"type":"cache"},"rocksdb:d"])"), "");
}

TEST_F(OrderTest, ARetryAboveAGroupIsWarnedOf) {
  const std::string group = R"({"type":"replicate","inners":["rocksdb:a","rocksdb:b"]})";
  const std::string better =
      "/stores/s/0 \"retry\" is better below \"replicate\": it should see a failing store at "
      "once\n";
  EXPECT_EQ(Said(R"("s":[{"type":"retry"},)" + group + "]"), better);
  EXPECT_EQ(Said(R"("g":)" + group + R"(,"s":[{"type":"retry"},{"type":"forward"},"g"])"), better);
  EXPECT_EQ(Said(R"("s":{"type":"replicate","inners":[[{"type":"retry"},"rocksdb:a"],)"
                 R"("rocksdb:b"]})"),
            "");
}

TEST_F(OrderTest, StagesForTestsAreWarnedOf) {
  EXPECT_EQ(Said(R"("s":[{"type":"slow"},{"type":"fault"},"memory:"])"),
            "/stores/s/0 \"slow\" is for tests\n"
            "/stores/s/1 \"fault\" is for tests\n");
}

TEST_F(OrderTest, AStoreThatNobodyUsesIsWarnedOf) {
  EXPECT_EQ(Said(R"("s":"memory:","t":[{"type":"forward"},"memory:"])"),
            "/stores/t this store is neither served nor used by another one\n");
}

TEST_F(OrderTest, ADiscriminatorWithoutAnIndexIsWarnedOf) {
  const auto types = [&](const std::string& base, const std::string& more = "") {
    return Said(R"("h":[{"type":"inherit",)" + more + R"("types":{"A":{},"B":{"extends":"A"}}},)" +
                    base + "]",
                R"("A")");
  };
  const auto add = [](const std::string& member) {
    return "/stores/h/0 every query asks for " + member + "; add {\"path\": " + member +
           "} to the \"indexes\" of the base\n";
  };
  EXPECT_EQ(types("\"memory:\""), add("\"type\""));
  EXPECT_EQ(types("\"rocksdb:d\"", R"("discriminator":"kind",)"), add("\"kind\""));
  EXPECT_EQ(types(R"({"type":"memory","indexes":[{"path":"kind"},{"path":["name","type"]}]})"),
            add("\"type\""));
  EXPECT_EQ(types(R"({"type":"memory","indexes":[{"path":["type","name"]}]})"), "");
  EXPECT_EQ(types(R"({"type":"forward"},{"type":"rocksdb","path":"d","indexes":[{"path":"kind"}]})",
                  R"("discriminator":"kind",)"),
            "");
}

TEST_F(OrderTest, WhatMustBeBelowIsRefusedHoweverFarBelowItStands) {
  const std::string why =
      "\"cache\" must be below \"expire\": it would serve what has ended meanwhile";
  EXPECT_EQ(Said(R"("s":[{"type":"cache"},{"type":"expire"},"rocksdb:d"])"),
            One("/stores/s/0   " + why));
  EXPECT_EQ(Said(R"("e":[{"type":"expire"},"rocksdb:d"],)"
                 R"("s":[{"type":"cache"},{"type":"forward"},"e"])"),
            One("/stores/s/0   " + why));
  EXPECT_EQ(Said(R"("s":[{"type":"expire"},{"type":"cache"},"rocksdb:d"])"), "");
  EXPECT_EQ(
      Said(R"("s":{"type":"replicate","inners":["rocksdb:a",[{"type":"expire"},"rocksdb:b"]]})"),
      One("/stores/s   \"replicate\" must be below \"expire\": each copy would remove documents by "
          "itself"));
}

TEST_F(OrderTest, StagesThatFollowAStoreNeedItsChanges) {
  RegisterMute();
  const auto none = [](const std::string& at, const std::string& type, const std::string& mute) {
    return One(at + "   \"" + type + "\" follows its inner store's changes, but \"mute\" (" + mute +
               ") gives none; put it below");
  };
  const std::string text = R"({"type":"fulltext","path":"t","fields":{"x":{}}})";
  EXPECT_EQ(Said(R"("s":[)" + text + R"(,{"type":"mute"}])"),
            none("/stores/s/0", "fulltext", "/stores/s/1"));
  EXPECT_EQ(Said(R"("m":{"type":"mute"},"s":[)" + text + R"(,{"type":"forward"},"m"])"),
            none("/stores/s/0", "fulltext", "/stores/m"));
  EXPECT_EQ(Said(R"("s":{"type":"replicate","inners":[{"type":"mute"},"memory:"]})"),
            none("/stores/s", "replicate", "/stores/s/inners/0"));
  // A copy need not tell of what it is given.
  EXPECT_EQ(Said(R"("s":{"type":"replicate","inners":["memory:",{"type":"mute"}]})"), "");
}

TEST_F(OrderTest, ACacheOverAMuteStoreThatOthersWriteIsRefused) {
  RegisterMute();
  const std::string stores = R"("m":{"type":"mute"},"s":[{"type":"cache"},{"type":"forward"},"m"])";
  EXPECT_EQ(Said(stores), "");
  EXPECT_EQ(Said(stores, R"("s","m")"),
            One("/stores/s/0   what is below this \"cache\" is also written through another store, "
                "and \"mute\" (/stores/m) does not tell of changes; let that store go through this "
                "stage too"));
}

TEST_F(OrderTest, GroupsThatCopyInARingAreRefused) {
  const auto ring = [](const std::string& at) {
    return "  " + at +
           "   what this \"replicate\" copies comes back to its first store through another one; "
           "let changes run one way";
  };
  const auto group = [](const std::string& from, const std::string& to) {
    return R"({"type":"replicate","inners":[")" + from + "\",\"" + to + "\"]}";
  };
  const std::string bases = R"("a":"memory:","b":"memory:","c":"memory:",)";
  EXPECT_EQ(Said(bases + "\"x\":" + group("a", "b") + ",\"y\":" + group("b", "a"), R"("x","y")"),
            "p: 2 problems\n" + ring("/stores/x") + "\n" + ring("/stores/y"));
  EXPECT_EQ(
      Said(bases + "\"x\":" + group("a", "b") + ",\"y\":" + group("b", "c") +
               ",\"z\":" + group("c", "a"),
           R"("x","y","z")"),
      "p: 3 problems\n" + ring("/stores/x") + "\n" + ring("/stores/y") + "\n" + ring("/stores/z"));
  EXPECT_EQ(Said(bases + "\"x\":" + group("a", "b") + ",\"y\":" + group("b", "c") +
                     ",\"z\":" + group("a", "c"),
                 R"("x","y","z")"),
            "");
}

TEST_F(OrderTest, FilesOfDifferentTypesAreNotShared) {
  EXPECT_EQ(Said(R"("s":[{"type":"fulltext","path":"x","fields":{"a":{}}},"rocksdb:x"])"),
            One("/stores/s/0/path   \"/base/x\" is opened by /stores/s/1 already; name that store "
                "instead"));
  EXPECT_EQ(Said(R"("s":{"type":"aggregate","properties":["*",["x"]],"journal":"j",)"
                 R"("inners":["memory:","memory:"]},)"
                 R"("g":{"type":"replicate","inners":["memory:","memory:"],"state":"./j"})"),
            One("/stores/g/state   \"/base/j\" is opened by /stores/s already; name that store "
                "instead"));
}

}  // namespace
}  // namespace strata
