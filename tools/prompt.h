// A terminal with history and completion. For tools/ only.
#ifndef STRATA_TOOLS_PROMPT_H_
#define STRATA_TOOLS_PROMPT_H_

#include <optional>
#include <string>
#include <vector>

namespace strata::tools {

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
