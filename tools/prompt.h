// Where the shell's lines come from: a terminal with history and completion, or a plain input. For
// tools/ only.
#ifndef STRATA_TOOLS_PROMPT_H_
#define STRATA_TOOLS_PROMPT_H_

#include <optional>
#include <string>
#include <vector>

#include "core/document.h"
#include "core/status.h"

namespace strata::tools {

// The longest document, and what stands before it.
inline constexpr size_t kMaxLineBytes = kMaxDocumentBytes + (1u << 20);

// The lines of a descriptor, which it does not close. For one thread.
class LineReader {
 public:
  explicit LineReader(int fd, size_t max_bytes = kMaxLineBytes) : fd_(fd), max_bytes_(max_bytes) {}
  // Nothing at the end, or when Interrupted(), behind which one can go on. ResourceExhausted for a
  // line that is longer than `max_bytes`, which is read over and not kept.
  std::optional<StatusOr<std::string>> Read();

 private:
  const int fd_;
  const size_t max_bytes_;
  std::string buffer_;
  bool too_long_ = false;  // what the buffer goes on with
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
