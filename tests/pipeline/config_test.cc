// Pipeline files: good ones with their canonical print, bad ones with their whole message.
#include "pipeline/config.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "pipeline/all_stages.h"
#include "pipeline/pipeline.h"
#include "store/ops.h"

namespace strata {
namespace {

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() { EXPECT_TRUE(RegisterAll(registry_).ok()); }

  std::string Canonical(std::string_view text) {
    const auto c = CheckPipeline(text, "p.json", "/base", registry_);
    return c.ok() ? c->Canonical() : std::string(Message(c.status()));
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
      R"({"stores":{"d":)" + rocksdb + R"(,"p":{"type":"forward","inner":)" + rocksdb +
          R"(}},"serve":["p"]})");
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
            "p.json: 2 problems\n"
            "  /stores/a/path   the environment variable STRATA_TEST_NONE is not set (write "
            "${STRATA_TEST_NONE:-default} to do without it)\n"
            "  /stores/a/path   must not be empty");
}

TEST_F(ConfigTest, AllProblemsAreSaidAtOnce) {
  EXPECT_EQ(Canonical(R"({"stores":{"a":[{"type":"forwrd"},"disc"],
                          "disk":{"type":"rocksdb","pth":"x","cache":"3Q"},
                          "d":["e"],"e":["d"]},"serve":["zz","a","a"],"sevre":1})"),
            R"(p.json: 9 problems
  /sevre               unknown member "sevre"; a pipeline has "stores" and "serve"
  /stores/a/1          no store named "disc"; did you mean "disk"? (stores: a, disk, d, e)
  /stores/a/0/type     unknown type "forwrd"; did you mean "forward"?
  /stores/disk/pth     unknown option "pth" of rocksdb; did you mean "path"?
  /stores/disk         option "path" of rocksdb is missing: the directory; one process at a time may have it open
  /stores/disk/cache   expected a size such as "64MiB", found the string "3Q"
  /stores/e/0          the store stands on itself: d -> e -> d
  /serve/0             no store named "zz" (stores: a, disk, d, e)
  /serve/2             the store "a" is served twice)");
}

TEST_F(ConfigTest, EachProblemHasItsMessage) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "p.json: at byte 0 (line 1, column 1): expected a value, found the end of the text"},
      {"[]", "p.json: 1 problem\n     expected an object, found an array"},
      {"{}", "p.json: 1 problem\n     \"stores\" must be an object of named stores, found nothing"},
      {R"({"stores":{}})", "p.json: 1 problem\n  /stores   there is no store"},
      {R"({"stores":{"a":7}})",
       "p.json: 1 problem\n  /stores/a   expected a store (an object, a list of stages, or a "
       "name), found a number"},
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
  };
  for (const auto& [text, message] : kCases) EXPECT_EQ(Canonical(text), message) << text;
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
