// strata demo with a package index of the test's own, and what an interrupted demo leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tools/strata_process.h"

namespace strata::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DemoTest : public ::testing::Test {
 protected:
  static constexpr int kPackages = 600;  // more than an import writes at once

  DemoTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ + "/bin");
    std::filesystem::copy_file("examples/packages/pipeline.json", folder_ + "/pipeline.json");
    std::ofstream packages(folder_ + "/packages");
    for (int i = 0; i < kPackages; ++i) {
      // Among them one that the demo reads.
      packages << "Package: " << (i == 0 ? "bash" : "package" + std::to_string(i))
               << "\nVersion: 1\nSection: editors\nPriority: required\nSize: 10\n"
               << "Installed-Size: 5\nDescription: a text editor for the terminal\n It edits.\n\n";
    }
    // Gives the packages and, while there is a file "hold", does not end, nor by Ctrl-C.
    const std::string script = folder_ + "/bin/apt-cache";
    std::ofstream(script) << "#!/bin/sh\ncat '" << folder_ << "/packages'\nif [ -e '" << folder_
                          << "/hold' ]; then trap '' INT; : > '" << folder_
                          << "/held'; exec sleep 600; fi\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    variables_ = {{"PATH", folder_ + "/bin:/usr/bin:/bin"}};
  }
  ~DemoTest() override { std::filesystem::remove_all(folder_); }

  Outcome Demo(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"demo", "--pipeline", folder_ + "/pipeline.json"});
    return RunStrata(flags, "", variables_);
  }
  std::string Count() {
    return RunStrata({"query", folder_ + "/pipeline.json", "packages", "count()"}).out;
  }
  bool Is(const std::string& file) { return std::filesystem::exists(folder_ + "/" + file); }

  const std::string folder_ =
      ::testing::TempDir() + "/" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  Environment variables_;
};

TEST_F(DemoTest, LoadsOnce) {
  const Outcome first = Demo();
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("Loading this machine's package index"));
  EXPECT_THAT(first.out, HasSubstr("  600 packages in "));
  EXPECT_THAT(first.out, HasSubstr("What to try next"));
  const Outcome second = Demo();
  EXPECT_EQ(second.status, 0) << second.err;
  EXPECT_THAT(second.out, HasSubstr("Using the 600 packages that are loaded already"));
  EXPECT_THAT(second.out, HasSubstr("What to try next"));
  const Outcome again = Demo({"--reload"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("  600 packages in "));
}

// The part of a text from one mark up to another one.
std::string Between(const std::string& text, const std::string& from, const std::string& to) {
  const size_t begin = text.find(from);
  if (begin == text.npos) return "nothing says " + from;
  return text.substr(begin, text.find(to, begin) - begin);
}

TEST_F(DemoTest, ShowsSnippetsPlansThroughAllLayersAndWhatTheCacheDid) {
  const Outcome o = Demo();
  ASSERT_EQ(o.status, 0) << o.err;
  // A search together with other conditions.
  const std::string search = Between(o.out, "Words together with other conditions", "A word that");
  EXPECT_THAT(search, HasSubstr("a text <b>editor</b> for the <b>terminal</b>"));
  EXPECT_THAT(search, HasSubstr("keep result [packages/0 (cache)]"));
  EXPECT_THAT(search, HasSubstr("text search, best first [packages/1 (fulltext)]"));
  EXPECT_THAT(search, HasSubstr("read by id [disk (rocksdb)]"));
  // One of the five is there, and kept since it was written; for the others the first read asks.
  const std::string did = Between(o.out, "Five packages, read three times each", "What to try");
  EXPECT_THAT(did, HasSubstr("told: hits 3, negative_hits 8, misses 4, "));
  EXPECT_THAT(did, HasSubstr("query_misses "));
}

// What is there of an interrupted load is not taken for all of it.
TEST_F(DemoTest, AnInterruptedLoadBeginsAgain) {
  std::ofstream(folder_ + "/hold") << "";
  {
    StrataProcess demo({"demo", "--pipeline", folder_ + "/pipeline.json"}, variables_);
    for (int i = 0; i < 6000 && !Is("held"); ++i) usleep(10000);
    ASSERT_TRUE(Is("held"));
    demo.Interrupt();
    const Outcome o = demo.Finish();
    EXPECT_EQ(o.status, 130);
    EXPECT_EQ(o.err, "strata: interrupted\n");
    EXPECT_THAT(o.out, Not(HasSubstr("What to try next")));
  }
  EXPECT_GT(std::atoi(Count().c_str()), 0);
  std::filesystem::remove(folder_ + "/hold");
  const Outcome second = Demo();
  EXPECT_EQ(second.status, 0) << second.err;
  EXPECT_THAT(second.out, HasSubstr("  600 packages in "));
  EXPECT_THAT(second.out, Not(HasSubstr("Using the")));
  EXPECT_EQ(Count(), "600\n");
  EXPECT_THAT(Demo().out, HasSubstr("Using the 600 packages that are loaded already"));
}

// Also when the load before it was complete.
TEST_F(DemoTest, AnInterruptedReloadBeginsAgain) {
  EXPECT_EQ(Demo().status, 0);
  std::ofstream(folder_ + "/hold") << "";
  {
    StrataProcess demo({"demo", "--reload", "--pipeline", folder_ + "/pipeline.json"}, variables_);
    for (int i = 0; i < 6000 && !Is("held"); ++i) usleep(10000);
    ASSERT_TRUE(Is("held"));
    demo.Interrupt();
    EXPECT_EQ(demo.Finish().status, 130);
  }
  std::filesystem::remove(folder_ + "/hold");
  EXPECT_THAT(Demo().out, HasSubstr("  600 packages in "));
}

}  // namespace
}  // namespace strata::tools
