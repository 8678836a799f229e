// The command's flags and what its commands print, as a process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/document.h"
#include "pipeline/pipeline.h"
#include "store/capabilities.h"
#include "tools/strata_process.h"

namespace strata::tools {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::ofstream(file_) << R"({"stores":{"d":"rocksdb:data"}})";
  }
  ~CommandTest() override { std::filesystem::remove_all(folder_); }

  void Import(std::string_view documents) {
    const Outcome o = RunStrata({"import", file_, "d"}, documents);
    ASSERT_EQ(o.status, 0) << o.err;
  }
  // What a query prints; a failure is its exit status and what was said.
  std::string Query(const std::string& rql, const std::vector<std::string>& flags = {}) {
    std::vector<std::string> args = {"query", file_, "d", rql};
    args.insert(args.end(), flags.begin(), flags.end());
    const Outcome o = RunStrata(args);
    return o.status == 0 ? o.out : std::to_string(o.status) + " " + o.err;
  }

  const std::string folder_ =
      ::testing::TempDir() + "/" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  const std::string file_ = folder_ + "/p.json";
};

TEST_F(CommandTest, SaysItsVersion) {
  const Outcome o = RunStrata({"--version"});
  EXPECT_EQ(o.status, 0);
  EXPECT_EQ(o.out, "strata 0.1\n");
  EXPECT_EQ(o.err, "");
}

TEST_F(CommandTest, TypesListsAlsoTheOptionThatNamesASecondStore) {
  const Outcome text = RunStrata({"types", "cache"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, EndsWith("  in  (store, default none)\n      a second store, given like "
                                 "\"inner\"; nobody else may use it\n"));
  const Outcome json = RunStrata({"types", "cache", "--json"});
  EXPECT_EQ(json.status, 0) << json.err;
  EXPECT_TRUE(Document::Parse(json.out).ok()) << json.out;
  EXPECT_THAT(json.out, EndsWith(",{\"name\":\"in\",\"kind\":\"store\",\"required\":false,"
                                 "\"default\":null,\"doc\":\"a second store, given like "
                                 "\\\"inner\\\"; nobody else may use it\"}]}\n"));
  // A type without one has none.
  EXPECT_THAT(RunStrata({"types", "forward", "--json"}).out,
              ::testing::Not(HasSubstr("\"kind\":\"store\"")));
}

TEST_F(CommandTest, FlagsThatItDoesNotHaveAreMisuse) {
  EXPECT_EQ(RunStrata({"--nope"}).status, 2);
  EXPECT_EQ(RunStrata({}).status, 2);
  const Outcome o = RunStrata({"types", "--jsn"});
  EXPECT_EQ(o.status, 2);
  EXPECT_EQ(o.out, "");
  EXPECT_EQ(o.err,
            "strata: The following argument was not expected: --jsn; did you mean \"--json\"?\n"
            "See strata types --help.\n");
  const Outcome unknown = RunStrata({"chekc", file_});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_EQ(unknown.err,
            "strata: there is no command \"chekc\"; did you mean \"check\"?\n"
            "See strata --help.\n");
}

TEST_F(CommandTest, RowsComeInEachFormat) {
  Import("{\"id\":\"a\",\"n\":1,\"t\":\"x,y\"}\n{\"id\":\"b\",\"n\":2}\n");
  const std::string table =
      "id  n  t\n"
      "──  ─  ───\n"
      "b   2\n"
      "a   1  x,y\n"
      "(2 rows)\n";
  const std::string json = "[\n{\"id\":\"b\",\"n\":2},\n{\"id\":\"a\",\"n\":1,\"t\":\"x,y\"}\n]\n";
  EXPECT_EQ(Query("sort(-n)"), table);
  EXPECT_EQ(Query("sort(-n)", {"--format", "table"}), table);
  EXPECT_EQ(Query("sort(-n)", {"--format", "json"}), json);
  EXPECT_EQ(Query("sort(-n)", {"--json"}), json);
  EXPECT_EQ(Query("sort(-n)", {"--format", "ndjson"}),
            "{\"id\":\"b\",\"n\":2}\n{\"id\":\"a\",\"n\":1,\"t\":\"x,y\"}\n");
  EXPECT_EQ(Query("sort(-n)", {"--format", "csv"}), "id,n,t\r\nb,2,\r\na,1,\"x,y\"\r\n");
  EXPECT_EQ(Query("count()"), "2\n");
  EXPECT_EQ(Query("count()", {"--format", "table"}), "count\n─────\n    2\n(1 row)\n");
  EXPECT_EQ(Query("count()", {"--format", "csv"}), "count\r\n2\r\n");
  EXPECT_EQ(Query("count()", {"--format", "xml"}),
            "2 strata: --format: xml not in {csv,json,ndjson,table}\nSee strata query --help.\n");
}

TEST_F(CommandTest, ParametersAreBoundInTheirOrder) {
  Import("{\"id\":\"a\",\"n\":1}\n{\"id\":\"b\",\"n\":2}\n{\"id\":\"c\",\"n\":\"2\"}\n");
  EXPECT_EQ(Query("n=$1&values(id)", {"--param", "2", "--json"}), "[\n\"b\"\n]\n");
  EXPECT_EQ(Query("n=$1&values(id)", {"--param", "string:2", "--json"}), "[\n\"c\"\n]\n");
  EXPECT_EQ(Query("in(id,$1)&count()", {"--param", "(a,c)"}), "2\n");
  EXPECT_EQ(Query("ge(n,$1)&le(n,$2)&count()", {"--param", "1", "--param", "1"}), "1\n");
  EXPECT_EQ(Query("id=$1&count()", {"--param", "a b"}).substr(0, 2), "2 ");
  EXPECT_THAT(Query("n=$1"), StartsWith("2 strata: the parameter $1 is not bound"));
  EXPECT_EQ(Query("n=1", {"--param", "1"}),
            "2 strata: 1 values were given with --param; the query has 0 parameters\n");
}

// What an operator wants to know of a stack before others write to it.
TEST_F(CommandTest, InspectSaysWhatAStorePromises) {
  std::ofstream(file_)
      << R"({"stores":{"d":[{"type":"readonly"},)"
      << R"({"type":"rocksdb","path":"data","durability":"async"}]},"serve":["d"]})";
  const std::string below =
      R"({"write_atomicity":"batch","isolation":"snapshot","freshness":"latest",)"
      R"("durability":"process","change_feed":"resumable","ordered_scan":"by_id",)";
  const std::string promise = below + R"("writable":false,"verbatim":true})";
  const Outcome text = RunStrata({"inspect", file_});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, StartsWith("d  (served)\n  readonly\n      can: " + promise + "\n"));
  EXPECT_THAT(text.out, HasSubstr("can: " + below + R"("writable":true,"verbatim":true})"));
  const Outcome json = RunStrata({"inspect", file_, "--json"});
  EXPECT_EQ(json.status, 0) << json.err;
  const auto d = Document::Parse(json.out);
  ASSERT_TRUE(d.ok()) << d.status();
  EXPECT_EQ(d->Find("stores").Find("d").Find("capabilities").text(), promise);
}

// It opens nothing, so it cannot know; it says who does.
TEST_F(CommandTest, CheckSaysWhereThePromisesAre) {
  const Outcome o = RunStrata({"check", file_});
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.out, EndsWith("what else the stores promise: strata inspect " + file_ + "\n"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/data"));
  const Outcome help = RunStrata({"check", "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("see strata inspect"));
  // Inspect's help explains each promise by its name.
  const std::string inspect = RunStrata({"inspect", "--help"}).out;
  const Document names = Document::Parse(CapabilitiesJson(Capabilities())).value();
  std::string scratch;
  for (MemberIterator m(names.root()); !m.done(); m.Next())
    EXPECT_THAT(inspect, HasSubstr("\n  " + std::string(m.name(&scratch)) + " "));
}

// Its memory is bounded by the longest document, not by the longest line.
TEST_F(CommandTest, AnImportPassesOverALineOfAGigabyte) {
  const std::string rejects = folder_ + "/rejects";
  StrataProcess process({"import", file_, "d", "--keep-going", "--rejects", rejects});
  EXPECT_TRUE(process.Write("{\"id\":\"first\"}\n"));
  const std::string chunk(1 << 20, 'x');
  for (int i = 0; i < 1024; ++i) ASSERT_TRUE(process.Write(chunk));
  EXPECT_TRUE(process.Write("\n{\"id\":\"last\"}\n"));
  const Outcome o = process.Finish();
  EXPECT_EQ(o.status, 1) << o.err;
  EXPECT_THAT(o.out, StartsWith("imported 2 documents"));
  EXPECT_THAT(o.out, EndsWith("\n1 rejected; they are in " + rejects + "\n"));
  EXPECT_EQ(
      ReadTextFile(rejects).value(),
      "{\"line\":2,\"error\":\"it is longer than 67108864 bytes, the most that a document may "
      "have\",\"text\":\"" +
          chunk.substr(0, 200) + "…\"}\n");
#ifndef STRATA_SANITIZED
  EXPECT_LT(o.peak_bytes, 400u << 20);
#endif
  EXPECT_EQ(Query("values(id)", {"--format", "ndjson"}), "\"first\"\n\"last\"\n");
}

}  // namespace
}  // namespace strata::tools
