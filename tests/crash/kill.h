// Processes that are killed in the middle of their work.
#ifndef STRATA_TESTS_CRASH_KILL_H_
#define STRATA_TESTS_CRASH_KILL_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

namespace strata::testing {

#ifdef STRATA_SANITIZED
inline constexpr int kKills = 30;
#else
inline constexpr int kKills = 300;
#endif

// Processes that do something until they are killed. They are forked by a process that never has
// threads: a fork of one that has opened RocksDB may copy a lock that a thread of its holds, and
// wait for it for ever. So make the object before the test opens anything, and give each test a
// process of its own (shard_count).
class Victims {
 public:
  // `work(run, descriptor)`: what the process number `run` does. It writes a first byte when it is
  // ready and one for each thing done.
  Victims(std::string folder, const std::function<void(int run, int descriptor)>& work)
      : folder_(std::move(folder)) {
    EXPECT_EQ(pipe(orders_), 0);
    EXPECT_EQ(pipe(pids_), 0);
    if (fork() == 0) Serve(work);
    close(orders_[0]);
    close(pids_[1]);
  }
  ~Victims() {
    close(orders_[1]);  // the forking process ends
    close(pids_[0]);
  }
  Victims(const Victims&) = delete;
  Victims& operator=(const Victims&) = delete;

  // Starts process `run` and kills it `micros` after it is ready, or after its start, so that
  // opening is hit too. Gives what it wrote behind the first byte.
  std::string RunAndKill(int run, int micros, bool when_ready) {
    pid_t pid = 0;
    EXPECT_EQ(write(orders_[1], &run, sizeof run), static_cast<ssize_t>(sizeof run));
    EXPECT_EQ(read(pids_[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
    std::error_code none_yet;
    for (int waited = 0; when_ready && waited < 600000; ++waited) {
      if (std::filesystem::file_size(FileOf(run), none_yet) > 0 && !none_yet) break;
      usleep(100);
    }
    usleep(static_cast<useconds_t>(micros));
    kill(pid, SIGKILL);
    while (kill(pid, 0) == 0) usleep(100);  // until it is gone, with its locks
    std::ifstream in(FileOf(run), std::ios::binary);
    std::string out((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    std::filesystem::remove(FileOf(run), none_yet);
    if (!out.empty()) out.erase(0, 1);
    return out;
  }

 private:
  std::string FileOf(int run) const { return folder_ + "/done." + std::to_string(run); }

  [[noreturn]] void Serve(const std::function<void(int, int)>& work) {
    close(orders_[1]);
    close(pids_[0]);
    signal(SIGCHLD, SIG_IGN);  // nobody waits for them
    for (int run = 0; read(orders_[0], &run, sizeof run) == static_cast<ssize_t>(sizeof run);) {
      const pid_t pid = fork();
      if (pid == 0) {
        signal(SIGCHLD, SIG_DFL);
        close(orders_[0]);
        close(pids_[1]);
        const int file = open(FileOf(run).c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (file >= 0) work(run, file);
        _exit(0);
      }
      if (write(pids_[1], &pid, sizeof pid) != static_cast<ssize_t>(sizeof pid)) break;
    }
    _exit(0);
  }

  const std::string folder_;
  int orders_[2];
  int pids_[2];
};

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
