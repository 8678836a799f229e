#include "tools/strata_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace strata::tools {
namespace {

constexpr const char* kBinary = "tools/strata";  // from the folder in which tests run
constexpr int kPatience = 60000;                 // milliseconds

// In the child: becomes the command. Signals that the test's own parent had set to be ignored (as
// shells do for what they run in the background) would be inherited.
[[noreturn]] void Become(const std::vector<std::string>& args, const Environment& variables) {
  signal(SIGINT, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv = {const_cast<char*>(kBinary)};
  for (const std::string& a : args) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  execv(kBinary, argv.data());
  _exit(127);
}

// Waits for the end; the status as Outcome has it.
int Await(pid_t pid, struct rusage* usage) {
  int status = 0;
  while (wait4(pid, &status, 0, usage) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string Content(std::FILE* file) {
  std::string text;
  char chunk[1 << 12];
  std::rewind(file);
  for (size_t n = 0; (n = std::fread(chunk, 1, sizeof chunk, file)) > 0;) text.append(chunk, n);
  return text;
}

}  // namespace

StrataProcess::StrataProcess(const std::vector<std::string>& args, const Environment& variables)
    : out_(std::tmpfile()), err_(std::tmpfile()) {
  signal(SIGPIPE, SIG_IGN);  // Write gives false instead
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  pid_ = fork();
  if (pid_ == 0) {
    setpgid(0, 0);
    dup2(ends[0], STDIN_FILENO);
    dup2(fileno(out_), STDOUT_FILENO);
    dup2(fileno(err_), STDERR_FILENO);
    Become(args, variables);
  }
  EXPECT_GT(pid_, 0);
  setpgid(pid_, pid_);  // whoever of the two is first
  close(ends[0]);
  input_ = ends[1];
}

StrataProcess::~StrataProcess() {
  if (pid_ > 0) {
    kill(-pid_, SIGKILL);
    Await(pid_, nullptr);
  }
  if (input_ >= 0) close(input_);
  std::fclose(out_);
  std::fclose(err_);
}

bool StrataProcess::Write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(input_, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

void StrataProcess::Interrupt() { EXPECT_EQ(kill(-pid_, SIGINT), 0); }

Outcome StrataProcess::Finish() {
  close(input_);
  input_ = -1;
  Outcome o;
  struct rusage usage = {};
  o.status = Await(pid_, &usage);
  pid_ = -1;
  o.out = Content(out_);
  o.err = Content(err_);
  o.peak_bytes = static_cast<uint64_t>(usage.ru_maxrss) << 10;
  return o;
}

Outcome RunStrata(const std::vector<std::string>& args, std::string_view input,
                  const Environment& variables) {
  StrataProcess process(args, variables);
  process.Write(input);
  return process.Finish();
}

StrataTerminal::StrataTerminal(const std::vector<std::string>& args, const Environment& variables) {
  struct winsize size = {};
  size.ws_row = 50;
  size.ws_col = 200;
  pid_ = forkpty(&screen_, nullptr, nullptr, &size);
  if (pid_ == 0) {
    setenv("TERM", "dumb", 1);
    Become(args, variables);
  }
  EXPECT_GT(pid_, 0);
  fcntl(screen_, F_SETFD, FD_CLOEXEC);
}

StrataTerminal::~StrataTerminal() {
  if (pid_ > 0) {
    kill(-pid_, SIGKILL);
    Await(pid_, nullptr);
  }
  if (screen_ >= 0) close(screen_);
}

void StrataTerminal::Type(std::string_view keys) {
  EXPECT_EQ(write(screen_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

bool StrataTerminal::Read() {
  struct pollfd screen = {screen_, POLLIN, 0};
  if (poll(&screen, 1, kPatience) == 0) {
    ADD_FAILURE() << "nothing comes any more; there is\n" << shown_;
    kill(pid_, SIGKILL);
    return false;
  }
  char chunk[1 << 12];
  const ssize_t n = read(screen_, chunk, sizeof chunk);
  if (n <= 0) return false;  // EIO: nobody is at the other end any more
  shown_.append(chunk, static_cast<size_t>(n));
  return true;
}

std::string StrataTerminal::ReadTo(std::string_view text) {
  size_t at = shown_.find(text);
  while (at == shown_.npos && Read()) at = shown_.find(text);
  EXPECT_NE(at, shown_.npos) << "\"" << text << "\" does not come; there is\n" << shown_;
  const size_t end = at == shown_.npos ? shown_.size() : at + text.size();
  const std::string out = shown_.substr(0, end);
  shown_.erase(0, end);
  return out;
}

std::string StrataTerminal::ReadToEnd(int* status) {
  while (Read()) {
  }
  *status = Await(pid_, nullptr);
  pid_ = -1;
  return std::exchange(shown_, "");
}

}  // namespace strata::tools
