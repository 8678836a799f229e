// Processes that are killed in the middle of their work.
#ifndef STRATA_TESTS_CRASH_KILL_H_
#define STRATA_TESTS_CRASH_KILL_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace strata::testing {

#ifdef STRATA_SANITIZED
inline constexpr int kKills = 30;
#else
inline constexpr int kKills = 300;
#endif

// Runs `child` in a process of its own and kills it `micros` after it has said, by a first byte to
// its descriptor, that it is ready (or after its start, so that opening is hit too). Gives what it
// wrote behind that byte. Requires: no other thread in this process.
template <typename Child>
std::string RunAndKill(int micros, bool when_ready, Child child) {
  int fds[2];
  EXPECT_EQ(pipe(fds), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    close(fds[0]);
    child(fds[1]);
    _exit(0);
  }
  close(fds[1]);
  char ready = 0;
  bool opened = when_ready && read(fds[0], &ready, 1) == 1;
  usleep(static_cast<useconds_t>(micros));
  kill(pid, SIGKILL);
  std::string out;
  char buffer[4096];
  for (ssize_t n; (n = read(fds[0], buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<size_t>(n));
  if (!opened && !out.empty()) out.erase(0, 1);  // the first byte
  close(fds[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  return out;
}

// A folder that lasts as long as the test.
class CrashTest : public ::testing::Test {
 protected:
  CrashTest() {
    const char* base = getenv("TEST_TMPDIR");
    folder_ = std::filesystem::path(base != nullptr ? base : "/tmp") /
              ("crash-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~CrashTest() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

 private:
  std::filesystem::path folder_;
};

}  // namespace strata::testing

#endif  // STRATA_TESTS_CRASH_KILL_H_
