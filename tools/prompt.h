// Where the shell's lines come from: a terminal with history and completion, or a plain input. For
// tools/ only.
#ifndef STRATA_TOOLS_PROMPT_H_
#define STRATA_TOOLS_PROMPT_H_

#include <optional>
#include <string>
#include <vector>

namespace strata::tools {

// The lines of a descriptor, which it does not close. For one thread.
class LineReader {
 public:
  explicit LineReader(int fd) : fd_(fd) {}
  // Nothing at the end, or when Interrupted(), behind which one can go on.
  std::optional<std::string> Read();

 private:
  const int fd_;
  std::string buffer_;
  bool end_ = false;
};

// Lines typed at the terminal. The history lies in ~/.strata_history. There can be one, since
// libedit keeps its state in globals.
class Prompt {
 public:
  // `words`: what Tab completes.
  explicit Prompt(std::vector<std::string> words);
  ~Prompt();
  Prompt(const Prompt&) = delete;
  Prompt& operator=(const Prompt&) = delete;

  // Nothing at the end, or when the process is to end. Ctrl-C drops what has been typed of the
  // line.
  std::optional<std::string> Read();

 private:
  std::string history_;  // its file; "": there is none
};

}  // namespace strata::tools

#endif  // STRATA_TOOLS_PROMPT_H_
