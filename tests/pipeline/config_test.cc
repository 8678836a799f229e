// Pipeline files: good ones with their canonical print, bad ones with their whole message.
#include "pipeline/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "pipeline/all_stages.h"
#include "pipeline/pipeline.h"
#include "store/ops.h"
#include "store/option_table.h"

namespace strata {
namespace {

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() { EXPECT_TRUE(RegisterAll(registry_).ok()); }

  std::string Canonical(std::string_view text, const std::string& base_dir = "/base") {
    const auto c = CheckPipeline(text, "p.json", base_dir, registry_);
    return c.ok() ? c->Canonical() : std::string(Message(c.status()));
  }
  // "POINTER MESSAGE\n" for each; or the problems.
  std::string Warnings(std::string_view text) {
    const auto c = CheckPipeline(text, "p.json", "/base", registry_);
    if (!c.ok()) return std::string(Message(c.status()));
    std::string out;
    for (const ConfigProblem& w : c->warnings) out += w.pointer + " " + w.message + "\n";
    return out;
  }

  StageRegistry registry_;
};

TEST_F(ConfigTest, CanonicalFormsAreCompleteAndStable) {
  const std::string rocksdb =
      R"({"type":"rocksdb","path":"/base/data/x","create":true,"durability":"sync","cache":67108864,)"
      R"("write_buffer":67108864,"change_log_entries":100000,"indexes":[],"auto_index":"off",)"
      R"("auto_index_budget":4})";
  const std::string memory =
      R"({"type":"memory","max_bytes":0,"change_log_entries":100000,"change_log_bytes":67108864,)"
      R"("columns":"auto","column_bytes":536870912,"indexes":[],"auto_index":"off",)"
      R"("auto_index_budget":4})";
  EXPECT_EQ(Canonical(R"({"stores":{"m":"memory:"}})"),
            R"({"stores":{"m":)" + memory + R"(},"serve":[]})");
  EXPECT_EQ(
      Canonical(
          R"({"stores":{"d":{"type":"rocksdb","path":"data/x"},"p":[{"type":"forward"},"d"]},"serve":["p"]})"),
      R"({"stores":{"d":)" + rocksdb + R"(,"p":{"type":"forward","inner":"d"}},"serve":["p"]})");
  EXPECT_EQ(
      Canonical(
          "{ // a "
          "comment\n\"stores\":{\"r\":{\"type\":\"readonly\",\"inner\":{\"type\":\"memory\"}}}}"),
      R"({"stores":{"r":{"type":"readonly","inner":)" + memory + R"(}},"serve":[]})");
  EXPECT_EQ(Canonical(R"({"stores":{"a":"rocksdb:data/x"}})"),
            R"({"stores":{"a":)" + rocksdb + R"(},"serve":[]})");
}

TEST_F(ConfigTest, VariablesComeFromTheEnvironment) {
  setenv("STRATA_TEST_DIR", "data", 1);
  unsetenv("STRATA_TEST_NONE");
  EXPECT_EQ(
      Canonical(R"({"stores":{"a":{"type":"rocksdb","path":"${STRATA_TEST_DIR}/x"}}})"),
      Canonical(R"({"stores":{"a":{"type":"rocksdb","path":"data/${STRATA_TEST_NONE:-x}"}}})"));
  EXPECT_EQ(Canonical(R"({"stores":{"a":{"type":"rocksdb","path":"${STRATA_TEST_NONE}"}}})"),
            "p.json: 1 problem\n"
            "  /stores/a/path   the environment variable STRATA_TEST_NONE is not set (write "
            "${STRATA_TEST_NONE:-default} to do without it)");
}

TEST_F(ConfigTest, AllProblemsAreSaidAtOnce) {
  EXPECT_EQ(Canonical(R"({"stores":{"a":[{"type":"forwrd"},"disc"],
                          "disk":{"type":"rocksdb","pth":"x","cache":"3Q"},
                          "d":["e"],"e":["d"]},"serve":["zz","a","a"],"sevre":1})"),
            R"(p.json: 9 problems
  /stores/a/0/type     unknown type "forwrd"; did you mean "forward"? (types: aggregate, cache, expire, fault, forward, fulltext, inherit, limit_concurrency, limit_rate, log, memory, readonly, rename, replicate, retry, rocksdb, slow)
  /stores/a/1          no store named "disc"; did you mean "disk"? (stores: a, disk, d, e)
  /stores/disk         option "path" of rocksdb is missing: the directory; one process at a time may have it open
  /stores/disk/pth     unknown option "pth" of rocksdb; did you mean "path"?
  /stores/disk/cache   expected a size such as "64MiB", found the string "3Q"
  /stores/e/0          the store stands on itself: d -> e -> d
  /serve/0             no store named "zz" (stores: a, disk, d, e)
  /serve/2             the store "a" is served twice
  /sevre               unknown member "sevre"; a pipeline has "stores" and "serve")");
}

TEST_F(ConfigTest, EachProblemHasItsMessage) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "p.json: at byte 0 (line 1, column 1): expected a value, found the end of the text"},
      {"[]", "p.json: 1 problem\n     expected an object, found an array"},
      {"{}", "p.json: 1 problem\n     \"stores\" must be an object of named stores, found nothing"},
      {R"({"stores":{}})", "p.json: 1 problem\n  /stores   there is no store"},
      {R"({"stores":{"a":7}})",
       "p.json: 1 problem\n  /stores/a   expected a store (an object, a list of stages, or a "
       "name), found the number 7"},
      {R"({"stores":{"a":[]}})",
       "p.json: 1 problem\n  /stores/a   a list of stages cannot be empty"},
      {R"({"stores":{"a":{"type":"forward"}}})",
       "p.json: 1 problem\n  /stores/a   \"forward\" is a wrapper: give it an \"inner\" store, or "
       "put it before one in a list"},
      {R"({"stores":{"a":[{"type":"memory"},{"type":"memory"}]}})",
       "p.json: 1 problem\n  /stores/a/0   \"memory\" is a base store; it can only be the last of "
       "a list"},
      {R"({"stores":{"a":{"type":"rocksdb","path":"x"},"b":{"type":"rocksdb","path":"./x"}}})",
       "p.json: 1 problem\n  /stores/b/path   \"/base/x\" is opened by /stores/a already; name "
       "that store instead"},
      {R"({"stores":{"a":["a"]}})",
       "p.json: 1 problem\n  /stores/a/0   the store stands on itself: a -> a"},
      {R"({"stores":{"a":{"type":"fault","inner":"memory:","every":-1}}})",
       "p.json: 1 problem\n  /stores/a/every   must lie within 0 and 1000000000, found -1"},
      {R"({"stores":{"a":{"type":"fault","inner":"memory:","when":"befor"}}})",
       "p.json: 1 problem\n  /stores/a/when   expected one of \"before\" \"after\" \"instead\", "
       "found the string "
       "\"befor\"; did you mean \"before\"?"},
      {R"({"stores":{"a":"forward:x"}})",
       "p.json: 1 problem\n  /stores/a   the type \"forward\" is a wrapper and cannot be written "
       "as a URI"},
      {R"({"stores":{"b":"memory:","a":[{"type":"forward","inner":"b"},"b"]}})",
       "p.json: 1 problem\n  /stores/a/0/inner   in a list the next element is the inner store; "
       "leave \"inner\" out"},
      {R"({"stores":{"m":"memory:","a":{"type":"aggregate","inners":["m","m"],)"
       R"("properties":["*",["b"]]}}})",
       "p.json: 1 problem\n  /stores/a/inners/1   stands on \"memory\" (/stores/m), as another of "
       "the \"inners\" does; each needs a store of its own"},
      {R"({"stores":{"m":"memory:","b":[{"type":"inherit","types":{"B":{}}},"m"],)"
       R"("c":[{"type":"inherit","types":{"C":{}}},{"type":"forward"},"m"]}})",
       "p.json: 1 problem\n  /stores/c/0   shares its base with another \"inherit\" (/stores/b/0) "
       "with the same \"discriminator\""},
  };
  for (const auto& [text, message] : kCases) EXPECT_EQ(Canonical(text), message) << text;
}

TEST_F(ConfigTest, AUriIsPointedAtWhereItStands) {
  const std::string said = Canonical(R"({"stores":{"h":"memory:xx"}})");
  EXPECT_TRUE(
      said.starts_with("p.json: 1 problem\n  /stores/h   unknown option \"path\" of memory"))
      << said;
}

TEST_F(ConfigTest, ADirectoryIsNoPipeline) {
  const std::string folder = ::testing::TempDir();
  EXPECT_EQ(Message(Pipeline::Open(folder, registry_).status()),
            folder + " is a directory, not a file");
}

TEST_F(ConfigTest, RangesAreSaidInTheirUnits) {
  OptionSpec spec;
  EXPECT_EQ(RangeText(spec), "");
  spec.kind = OptionKind::kInteger;
  spec.min = 1;
  EXPECT_EQ(RangeText(spec), "at least 1");
  spec.kind = OptionKind::kSize;
  spec.min = 4096;
  spec.max = int64_t{1} << 44;
  EXPECT_EQ(RangeText(spec), "4KiB to 16TiB");
  spec.kind = OptionKind::kDuration;
  spec.min = 0;
  spec.max = 90000;
  EXPECT_EQ(RangeText(spec), "0ms to 90s");
}

TEST_F(ConfigTest, AFolderUnderAnotherSpellingIsTheSameFolder) {
  namespace fs = std::filesystem;
  const fs::path folder =
      fs::canonical(::testing::TempDir()) / ("config-" + std::to_string(std::random_device{}()));
  fs::create_directories(folder / "x");
  fs::create_directory_symlink("x", folder / "link");
  const std::string x = (folder / "x").string();
  for (const std::string& other :
       {std::string("x/"), std::string("link"), std::string("link/"), x + "/../link/."}) {
    const std::string written = (folder / other).lexically_normal().string();
    EXPECT_EQ(Canonical(R"({"stores":{"a":{"type":"rocksdb","path":"x"},)"
                        R"("b":{"type":"rocksdb","path":")" +
                            other + R"("}}})",
                        folder.string()),
              "p.json: 1 problem\n  /stores/b/path   \"" + written +
                  "\" is opened by /stores/a already, as \"" + x + "\"; name that store instead");
  }
  // Relative to the current folder, and absolute; neither is there yet.
  const std::string here = (fs::current_path() / "not-yet").string();
  EXPECT_EQ(Canonical(R"({"stores":{"a":"rocksdb:not-yet","b":{"type":"rocksdb","path":")" + here +
                          R"("}}})",
                      ""),
            "p.json: 1 problem\n  /stores/b/path   \"" + here +
                "\" is opened by /stores/a already, as \"not-yet\"; name that store instead");
  fs::remove_all(folder);
}

// A chain of named stores, of so many stages, written from its base up or from its top down.
std::string Chain(size_t stages, bool base_first) {
  std::vector<std::string> stores = {R"("s0":"memory:")"};
  for (size_t i = 1; i < stages; ++i) {
    stores.push_back("\"s" + std::to_string(i) + R"(":[{"type":"forward"},"s)" +
                     std::to_string(i - 1) + "\"]");
  }
  if (!base_first) std::reverse(stores.begin(), stores.end());
  std::string out;
  for (const std::string& s : stores) out += (out.empty() ? "" : ",") + s;
  return "{\"stores\":{" + out + "}}";
}

// One list of so many stages.
std::string LongList(size_t stages) {
  std::string out = R"({"stores":{"s":[)";
  for (size_t i = 1; i < stages; ++i) out += R"({"type":"forward"},)";
  return out + R"("memory:"]}})";
}

TEST_F(ConfigTest, StacksOfAHundredStagesAreGoodAndDeeperOnesAreRefused) {
  const std::string message = "   more than 100 stages stand on one another here";
  for (const std::string& good : {Chain(100, true), Chain(100, false), LongList(100)}) {
    const std::string canonical = Canonical(good);
    EXPECT_TRUE(canonical.starts_with("{")) << canonical;
    EXPECT_EQ(Canonical(canonical), canonical);
  }
  EXPECT_EQ(Canonical(Chain(101, true)), "p.json: 1 problem\n  /stores/s100/0" + message);
  EXPECT_EQ(Canonical(Chain(101, false)), "p.json: 1 problem\n  /stores/s0" + message);
  EXPECT_EQ(Canonical(LongList(101)), "p.json: 1 problem\n  /stores/s" + message);
  EXPECT_EQ(Canonical(LongList(4000)), "p.json: 1 problem\n  /stores/s" + message);
}

TEST_F(ConfigTest, AFileHasAThousandStagesAtMost) {
  const auto stores = [](size_t count, const std::string& each) {
    std::string out;
    for (size_t i = 0; i < count; ++i)
      out += (i > 0 ? ",\"s" : "\"s") + std::to_string(i) + "\":" + each;
    return "{\"stores\":{" + out + "}}";
  };
  const std::string two = R"([{"type":"forward"},"memory:"])";
  EXPECT_TRUE(Canonical(stores(512, two)).starts_with("{"));
  EXPECT_EQ(
      Canonical(stores(600, two)),
      "p.json: 1 problem\n  /stores/s512/1   a file may have 1024 stages, and this is one too "
      "many");
  EXPECT_EQ(Canonical(stores(1025, R"("memory:")")),
            "p.json: 1 problem\n  /stores   there are 1025 stores; a file may have 1024");
}

// Without an end to it, each level would be looked at twice as often as the one above.
TEST_F(ConfigTest, AStoreThatStagesReachTwiceIsLookedAtOnce) {
  std::string stores = R"("s0":"memory:")";
  for (int i = 1; i < 60; ++i) {
    const std::string below = "\"s" + std::to_string(i - 1) + "\"";
    stores += ",\"s" + std::to_string(i) + R"(":{"type":"cache","inner":)" + below +
              ",\"in\":" + below + "}";
  }
  const std::string said = Canonical("{\"stores\":{" + stores + "}}");
  EXPECT_TRUE(
      said.starts_with("p.json: 59 problems\n  /stores/s1/in    \"cache\" needs this store "
                       "for itself, but it is its inner store; "))
      << said.substr(0, 300);
}

TEST_F(ConfigTest, TheStoreOfACachesEntriesIsItsOwn) {
  const auto message = [&](const std::string& stores, const std::string& serve) {
    return Canonical("{\"stores\":{\"d\":\"rocksdb:d\",\"m\":\"memory:\"," + stores +
                     "},\"serve\":[" + serve + "]}");
  };
  const auto refused = [](const std::string& why) {
    return "p.json: 1 problem\n  /stores/s/0/in   \"cache\" needs this store for itself, but it " +
           why + "; name one that nobody else uses";
  };
  const std::string s = R"("s":[{"type":"cache","in":"m"},"d"])";
  EXPECT_TRUE(message(s, "\"s\"").starts_with("{"));
  EXPECT_EQ(message(s, "\"s\",\"m\""), refused("is also served"));
  EXPECT_EQ(message(s + R"(,"t":[{"type":"forward"},"m"])", "\"s\""),
            refused("is also used by \"forward\" (/stores/t/0)"));
  EXPECT_EQ(message(R"("s":[{"type":"cache","in":[{"type":"forward"},"d"]},"d"])", "\"s\""),
            refused("stands on what its inner store stands on"));
  EXPECT_EQ(message(R"("s":[{"type":"cache","in":"d"},"d"])", "\"s\""),
            refused("is its inner store"));
}

TEST_F(ConfigTest, ACacheHearsOfWritesAroundItOrSaysThatItDoesNot) {
  const std::string deaf =
      "/stores/s/0 may serve what others have replaced: what is below is also written through "
      "another store, and \"follow\" is \"never\"\n";
  const std::string shared =
      R"({"stores":{"d":"rocksdb:d","s":[{"type":"cache","follow":"@"},"d"]},"serve":["s")";
  const auto follow = [&](const std::string& value) {
    std::string out = shared;
    return out.replace(out.find('@'), 1, value);
  };
  EXPECT_EQ(Warnings(follow("never") + R"(,"d"]})"), deaf);
  EXPECT_EQ(Warnings(follow("never") + "]}"), "");
  EXPECT_EQ(Warnings(follow("auto") + R"(,"d"]})"), "");

  const std::string whole =
      R"({"stores":{"a":"rocksdb:a","b":"rocksdb:b","w":{"type":"aggregate","inners":["a","b"],)"
      R"("properties":["*",["x"]],"journal":"j"},)";
  const std::string cached = whole + R"("s":[{"type":"cache"},"w"]},"serve":["s")";
  EXPECT_EQ(Warnings(cached + R"(,"w"]})"), "");
  const std::string said =
      "what is below \"aggregate\" (/stores/w) is also written through another store, of which its "
      "changes tell nothing; let that store go through this ";
  EXPECT_EQ(Warnings(cached + R"(,"b"]})"),
            "p.json: 1 problem\n  /stores/s/0   " + said + "\"cache\" too");
  EXPECT_EQ(Warnings(whole + R"("s":[{"type":"fulltext","path":"t","fields":{"x":{}}},"w"]},)"
                             R"("serve":["s","b"]})"),
            "/stores/s/0 " + said + "\"fulltext\" too\n");
}

TEST_F(ConfigTest, ATextIndexOfAPartIsWarnedOf) {
  EXPECT_EQ(Warnings(R"({"stores":{"s":{"type":"aggregate","properties":["*",["x"]],"journal":"j",)"
                     R"("inners":["rocksdb:a",[{"type":"fulltext","path":"t","fields":{"x":{}}},)"
                     R"("rocksdb:b"]]}},"serve":["s"]})"),
            "/stores/s \"aggregate\" is better below \"fulltext\": a text index should see whole "
            "documents\n");
}

TEST_F(ConfigTest, CanonicalFormsArePipelines) {
  for (const char* text :
       {R"({"stores":{"d":"rocksdb:d","s":[{"type":"cache","ttl":"90s"},"d"],"t":"s","u":"d"},)"
        R"("serve":["s","t","d"]})",
        R"({"stores":{"t":["Toy"],"h":[{"type":"inherit","types":{"Toy":{}}},"rocksdb:d"],)"
        R"("s":[{"type":"forward"},"Toy"]},"serve":["s"]})",
        R"({"stores":{"s":{"type":"aggregate","properties":["*",["x"]],)"
        R"("inners":["a",[{"type":"forward"},"b"]]},"a":"memory:","b":"memory:"}})"}) {
    const std::string canonical = Canonical(text);
    EXPECT_TRUE(canonical.starts_with("{")) << canonical;
    EXPECT_EQ(Canonical(canonical), canonical);
  }
}

TEST_F(ConfigTest, TreesShowWhatWasChosen) {
  const auto c = CheckPipeline(
      R"({"stores":{"d":{"type":"rocksdb","path":"x","durability":"async","cache":"64MiB"},)"
      R"("p":[{"type":"cache","capacity":"1MiB","ttl":"30s"},"d"]},"serve":["p"]})",
      "p.json", "/base", registry_);
  ASSERT_TRUE(c.ok()) << c.status();
  EXPECT_EQ(c->TreeText(), R"(d
  rocksdb {"path":"/base/x","durability":"async"}
      can: {"change_feed":"resumable"}
p  (served)
  cache {"capacity":1048576,"ttl":"30s"}
      can: {"change_feed":"resumable"}
    rocksdb {"path":"/base/x","durability":"async"}
        can: {"change_feed":"resumable"}
)");
}

TEST_F(ConfigTest, ATypeThatIsNotLinkedIsAnsweredWithItsTarget) {
  StageRegistry few;
  ASSERT_TRUE(RegisterAll(registry_).code() == StatusCode::kInternal);  // twice is an error
  const auto c = CheckPipeline(R"({"stores":{"a":{"type":"memory"}}})", "p.json", "", few);
  EXPECT_EQ(Message(c.status()),
            "p.json: 1 problem\n  /stores/a/type   the type \"memory\" is not linked into this "
            "binary; add "
            "//base_stores/memory");
}

TEST_F(ConfigTest, ErrorsCarryTheWayTheyTook) {
  const auto p = Pipeline::FromText(
      R"({"stores":{"disk":"memory:","packages":[{"type":"forward"},{"type":"fault","every":1,"operation":"read"},"disk"]}})",
      "", registry_);
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_EQ(Describe(strata::Get(*(*p)->Find("packages"), Context::Background(), "a1").status()),
            "UNAVAILABLE: injected fault in read\n"
            "  in packages/1 (fault): read a1\n"
            "  in packages/0 (forward): read a1");
}

// A write that was acknowledged is there, one that failed is there or not, whatever fails below.
TEST_F(ConfigTest, FaultsLoseNothingThatWasAcknowledged) {
  for (const char* when : {"before", "after"}) {
    const auto p = Pipeline::FromText(
        std::string(R"({"stores":{"s":[{"type":"forward"},{"type":"fault","every":3,"when":")") +
            when + R"("},{"type":"forward"},{"type":"memory"}],"base":"s"}})",
        "", registry_);
    ASSERT_TRUE(p.ok()) << p.status();
    const auto store = (*p)->Find("s");
    const auto base = (*p)->FindBase("s");
    for (int i = 0; i < 300; ++i) {
      const std::string id = std::to_string(i % 20);
      const std::string text = "{\"id\":\"" + id + "\",\"i\":" + std::to_string(i) + "}";
      const auto before = strata::Get(*base, Context::Background(), id);
      const auto w = Put(*store, Context::Background(), *Document::Parse(text));
      const auto after = strata::Get(*base, Context::Background(), id);
      ASSERT_TRUE(before.ok() && after.ok());
      if (w.ok()) {
        ASSERT_EQ((*after)->document.text(), text);
      } else {
        ASSERT_EQ(w.status().code(), StatusCode::kUnavailable);
        const bool kept =
            after->has_value() == before->has_value() &&
            (!after->has_value() || SameText((*after)->document, (*before)->document));
        ASSERT_TRUE(kept || (*after)->document.text() == text);
      }
    }
  }
}

}  // namespace
}  // namespace strata
