#include "core/file_io.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace strata {
namespace {

class FileIo : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  static std::string Content(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
  }

  const std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / ("file-io-" + std::to_string(getpid()));
};

TEST_F(FileIo, WritesAndReadsAtOffsets) {
  const int fd = ::open(Path("f").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(WriteAll(fd, "abc", "f"), OkStatus());
  EXPECT_EQ(WriteAllAt(fd, 1, "XYZ", "f"), OkStatus());
  EXPECT_EQ(WriteAll(fd, "d", "f"), OkStatus());
  EXPECT_EQ(Content(Path("f")), "aXYd");
  std::string read;
  EXPECT_EQ(ReadAllAt(fd, 1, 2, "f", &read), OkStatus());
  EXPECT_EQ(read, "XY");
  EXPECT_EQ(ReadAllAt(fd, 3, 2, "the file f", &read), DataLoss("the file f ended too soon"));
  ::close(fd);
}

TEST_F(FileIo, SaysWhatFailedAndWhy) {
  const int full = ::open("/dev/full", O_WRONLY);
  ASSERT_GE(full, 0);
  EXPECT_EQ(WriteAll(full, "x", "the log /dev/full"),
            ResourceExhausted("cannot write the log /dev/full: No space left on device"));
  EXPECT_EQ(WriteAll(full, "", "the log /dev/full"), OkStatus());
  ::close(full);
  EXPECT_EQ(WriteAll(-1, "x", "nothing"), Unavailable("cannot write nothing: Bad file descriptor"));
  std::string read;
  EXPECT_EQ(ReadAllAt(-1, 0, 1, "nothing", &read),
            Unavailable("cannot read nothing: Bad file descriptor"));
}

// A pipe takes a few pages at a time, and each signal interrupts the call that waits.
TEST_F(FileIo, GoesOnWhenOnlyAPartWasWrittenOrASignalCame) {
  struct sigaction ignore = {}, before = {};
  ignore.sa_handler = [](int) {};  // without SA_RESTART
  ASSERT_EQ(sigaction(SIGUSR1, &ignore, &before), 0);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::string text(1 << 20, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 / 3);
  const pthread_t writer = pthread_self();
  std::string read;
  std::thread reader([&] {
    std::string some(10000, '\0');
    while (read.size() < text.size()) {
      pthread_kill(writer, SIGUSR1);
      const ssize_t n = ::read(ends[0], some.data(), some.size());
      if (n <= 0) break;
      read.append(some, 0, static_cast<size_t>(n));
    }
  });
  EXPECT_EQ(WriteAll(ends[1], text, "a pipe"), OkStatus());
  ::close(ends[1]);
  reader.join();
  ::close(ends[0]);
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_TRUE(read == text);
}

TEST_F(FileIo, ReplacesAFileWholeOrNotAtAll) {
  const std::string path = Path("deep/state");
  EXPECT_EQ(ReplaceFile(path, "first", path), OkStatus());
  EXPECT_EQ(ReplaceFile(path, "2", path), OkStatus());
  EXPECT_EQ(Content(path), "2");
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
  // The new one cannot be written.
  std::filesystem::create_directory(path + ".new");
  EXPECT_EQ(ReplaceFile(path, "3", "the state"),
            Unavailable("cannot write the state: Is a directory"));
  EXPECT_EQ(Content(path), "2");
  // It can, but cannot take the place.
  std::filesystem::create_directories(Path("taken/by"));
  EXPECT_EQ(ReplaceFile(Path("taken"), "4", "the state"),
            Unavailable("cannot replace the state: Is a directory"));
}

}  // namespace
}  // namespace strata
