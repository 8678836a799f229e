// strata shell at a terminal: its loop, Ctrl-C, and how it ends.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/pipeline.h"
#include "tools/strata_process.h"

namespace strata::tools {
namespace {

constexpr const char* kPrompt = "strata> ";
constexpr const char* kCtrlC = "\x03";
constexpr const char* kCtrlD = "\x04";

class TerminalTest : public ::testing::Test {
 protected:
  TerminalTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ + "/p.json")
        << R"({"stores":{"m":"memory:","late":[{"type":"slow","delay":"1h"},"m"]}})";
    terminal_ =
        std::make_unique<StrataTerminal>(std::vector<std::string>{"shell", folder_ + "/p.json"},
                                         Environment{{"HOME", folder_}, {"NO_COLOR", "1"}});
    terminal_->ReadTo("Ctrl-D leaves\r\n");
    terminal_->ReadTo(kPrompt);
  }
  ~TerminalTest() override { std::filesystem::remove_all(folder_); }

  // What a line prints, without the line and the next prompt.
  std::string Line(const std::string& line) {
    terminal_->Type(line + "\n");
    terminal_->ReadTo("\r\n");
    std::string printed = terminal_->ReadTo(kPrompt);
    return printed.substr(0, printed.rfind(kPrompt));
  }
  // Gives what is printed at the end.
  std::string End(int* status) { return terminal_->ReadToEnd(status); }

  const std::string folder_ =
      ::testing::TempDir() + "/" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::unique_ptr<StrataTerminal> terminal_;
};

TEST_F(TerminalTest, AnswersLinesAndLeavesAtQuit) {
  EXPECT_EQ(Line("put m {\"id\":\"a\",\"n\":1}"),
            "{\r\n  \"id\": \"a\",\r\n  \"revision\": 1,\r\n  \"created\": true\r\n}\r\n");
  EXPECT_EQ(Line("query m n=1"), "id  n\r\n──  ─\r\na   1\r\n(1 row)\r\n");
  EXPECT_EQ(Line("get m b"), "(nothing)\r\n");
  EXPECT_EQ(Line("gte m a"),
            "INVALID_ARGUMENT: unknown command \"gte\"; did you mean \"get\"?\r\n");
  EXPECT_EQ(Line(""), "");
  terminal_->Type("quit\n");
  int status = -1;
  End(&status);
  EXPECT_EQ(status, 0);
  // What was typed is there the next time.
  const std::string history = ReadTextFile(folder_ + "/.strata_history").value();
  EXPECT_NE(history.find("gte"), history.npos) << history;
}

TEST_F(TerminalTest, TabCompletesVerbs) {
  terminal_->Type("sto\t\n");
  terminal_->ReadTo("\"name\": \"late\"");
  terminal_->ReadTo(kPrompt);
}

TEST_F(TerminalTest, CtrlCAtThePromptDropsTheLine) {
  Line("put m {\"id\":\"a\"}");
  for (int i = 0; i < 2; ++i) {
    terminal_->Type("delete m a");
    terminal_->ReadTo("delete m a");
    terminal_->Type(kCtrlC);
    terminal_->ReadTo("^C\r\n");
    terminal_->ReadTo(kPrompt);
    terminal_->Type(kCtrlC);  // at an empty line
    terminal_->ReadTo("^C\r\n");
    terminal_->ReadTo(kPrompt);
    EXPECT_EQ(Line("query m count()"), "{\r\n  \"value\": 1\r\n}\r\n");
  }
}

TEST_F(TerminalTest, CtrlCEndsWhatALineDoesAndNotTheShell) {
  for (int i = 0; i < 2; ++i) {
    terminal_->Type("query late count()\n");
    terminal_->ReadTo("count()\r\n");
    terminal_->Type(kCtrlC);
    terminal_->ReadTo("interrupted\r\n");
    terminal_->ReadTo(kPrompt);
    EXPECT_EQ(Line("query m count()"), "{\r\n  \"value\": 0\r\n}\r\n");
  }
}

TEST_F(TerminalTest, CtrlCIsTheUsualEndOfAWatch) {
  terminal_->Type("watch m\n");
  terminal_->ReadTo("watch m\r\n");
  terminal_->Type(kCtrlC);
  EXPECT_EQ(terminal_->ReadTo(kPrompt).find("interrupted"), std::string::npos);
  EXPECT_EQ(Line("query m count()"), "{\r\n  \"value\": 0\r\n}\r\n");
}

TEST_F(TerminalTest, TheEndOfTheInputLeavesAndAbortsWhatIsOpen) {
  EXPECT_EQ(Line("begin"), "");
  EXPECT_EQ(Line("delete m a"), "{\r\n  \"deleted\": false\r\n}\r\n");
  terminal_->Type(kCtrlD);
  int status = -1;
  const std::string last = End(&status);
  EXPECT_NE(last.find("strata: the transaction that was open is aborted"), last.npos) << last;
  EXPECT_EQ(status, 0);
}

TEST_F(TerminalTest, ASignalToEndEndsIt) {
  EXPECT_EQ(kill(terminal_->pid(), SIGTERM), 0);
  int status = -1;
  End(&status);
  EXPECT_EQ(status, 130);
}

}  // namespace
}  // namespace strata::tools
