#include "tools/prompt.h"

#include <editline/readline.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <utility>

#include "tools/app.h"
#include "tools/line_reader.h"

namespace strata::tools {
namespace {

// What libedit's callbacks look at; they have no place for a context.
struct Typing {
  std::vector<std::string> words;
  bool finished = false;
  std::optional<std::string> line;
};
Typing* typing = nullptr;

char* NextCompletion(const char* prefix, int state) {
  static size_t at;
  if (state == 0) at = 0;
  while (at < typing->words.size()) {
    const std::string& word = typing->words[at++];
    if (word.starts_with(prefix)) return strdup(word.c_str());
  }
  return nullptr;
}

void TakeLine(char* text) {
  typing->finished = true;
  typing->line.reset();
  if (text != nullptr) typing->line = text;
  std::free(text);
}

void BeginLine() { rl_callback_handler_install("strata> ", TakeLine); }

}  // namespace

Prompt::Prompt(std::vector<std::string> words) {
  typing = new Typing{std::move(words), false, {}};
  rl_catch_signals = 0;
  using_history();
  if (const char* home = std::getenv("HOME")) {
    history_ = std::string(home) + "/.strata_history";
    read_history(history_.c_str());
  }
  rl_completion_entry_function = NextCompletion;
}

Prompt::~Prompt() {
  if (!history_.empty()) write_history(history_.c_str());
  delete std::exchange(typing, nullptr);
}

std::optional<std::string> Prompt::Read() {
  std::cout.flush();
  typing->finished = false;
  for (BeginLine(); !typing->finished;) {
    if (Interrupted()) {
      rl_callback_handler_remove();
      std::cout << "^C" << std::endl;
      ForgetInterruption();
      if (Interrupted()) return std::nullopt;
      BeginLine();
    }
    if (AwaitInput(STDIN_FILENO)) rl_callback_read_char();
  }
  rl_callback_handler_remove();
  if (typing->line && !typing->line->empty()) add_history(typing->line->c_str());
  return typing->line;
}

}  // namespace strata::tools
