#include "tools/prompt.h"

#include <editline/readline.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <utility>

#include "tools/app.h"

namespace strata::tools {
namespace {

constexpr int kPatience = 100;  // milliseconds until an interruption between two looks is seen

// Whether there is something to read, or the end. Ends early when a signal comes.
bool AwaitInput(int fd) {
  struct pollfd input = {fd, POLLIN, 0};
  return poll(&input, 1, kPatience) > 0;
}

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

std::optional<StatusOr<std::string>> LineReader::Read() {
  for (size_t searched = 0;;) {
    if (Interrupted()) return std::nullopt;
    const size_t newline = buffer_.find('\n', searched);
    if (std::min(newline, buffer_.size()) > max_bytes_) too_long_ = true;
    if (newline != buffer_.npos || (end_ && (too_long_ || !buffer_.empty()))) {
      std::string line = buffer_.substr(0, newline);
      buffer_.erase(0, newline == buffer_.npos ? newline : newline + 1);
      if (!std::exchange(too_long_, false)) return line;
      return ResourceExhausted(
          Concat("the line is longer than ", std::to_string(max_bytes_), " bytes"));
    }
    if (end_) return std::nullopt;
    if (too_long_) buffer_.clear();
    searched = buffer_.size();
    if (!AwaitInput(fd_)) continue;
    char chunk[1 << 16];
    const ssize_t n = read(fd_, chunk, sizeof chunk);
    if (n > 0) buffer_.append(chunk, static_cast<size_t>(n));
    end_ = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
  }
}

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
