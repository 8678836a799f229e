// The strata command as a process of its own, for tests: with pipes, or at a terminal. The tests
// have it in their `data`.
#ifndef STRATA_TOOLS_STRATA_PROCESS_H_
#define STRATA_TOOLS_STRATA_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace strata::tools {

// Beside the test's own variables.
using Environment = std::map<std::string, std::string>;

struct Outcome {
  int status = -1;  // the exit status; 128 + N when signal N ended it
  std::string out, err;
  uint64_t peak_bytes = 0;  // of memory
};

// For one thread. The process, and what it has started, is killed with the object.
class StrataProcess {
 public:
  explicit StrataProcess(const std::vector<std::string>& args, const Environment& variables = {});
  ~StrataProcess();
  StrataProcess(const StrataProcess&) = delete;
  StrataProcess& operator=(const StrataProcess&) = delete;

  // Adds to its input; waits while it does not read. False when it takes no more.
  bool Write(std::string_view text);
  // Ctrl-C: to the process and to what it has started.
  void Interrupt();
  // Closes its input and waits for its end.
  Outcome Finish();

 private:
  std::FILE* out_;
  std::FILE* err_;
  int input_ = -1;
  pid_t pid_ = -1;
};

// Runs it to its end.
Outcome RunStrata(const std::vector<std::string>& args, std::string_view input = "",
                  const Environment& variables = {});

// The command at a terminal of 200 columns that can do nothing ("dumb"). For one thread.
class StrataTerminal {
 public:
  explicit StrataTerminal(const std::vector<std::string>& args, const Environment& variables = {});
  ~StrataTerminal();
  StrataTerminal(const StrataTerminal&) = delete;
  StrataTerminal& operator=(const StrataTerminal&) = delete;

  void Type(std::string_view keys);
  // What has come on the screen up to `text`, and with it. Fails the test, and gives what has come,
  // when that takes longer than a minute or the command ends first.
  std::string ReadTo(std::string_view text);
  // What has come when the command has ended; its exit status, as in Outcome, in *status.
  std::string ReadToEnd(int* status);
  pid_t pid() const { return pid_; }

 private:
  // More of the screen; false at the end. When nothing comes for a minute, the test fails and the
  // command is killed.
  bool Read();

  int screen_ = -1;
  pid_t pid_ = -1;
  std::string shown_;  // and not given yet
};

}  // namespace strata::tools

#endif  // STRATA_TOOLS_STRATA_PROCESS_H_
