#include "tools/line_reader.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "tools/app.h"

namespace strata::tools {
namespace {

class LineReaderTest : public ::testing::Test {
 protected:
  LineReaderTest() { EXPECT_EQ(pipe(ends_), 0); }
  ~LineReaderTest() override {
    close(ends_[0]);
    Close();
  }
  void Write(std::string_view text) {
    EXPECT_EQ(write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void Close() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }
  int ends_[2];
};

TEST_F(LineReaderTest, GivesLinesAndWhatIsLeftAtTheEnd) {
  Write("a\n\nb");
  Close();
  LineReader lines(ends_[0]);
  EXPECT_EQ(**lines.Read(), "a");
  EXPECT_EQ(**lines.Read(), "");
  EXPECT_EQ(**lines.Read(), "b");
  EXPECT_FALSE(lines.Read());
}

TEST_F(LineReaderTest, ReadsOverLinesThatAreTooLong) {
  constexpr size_t kMost = 70000;  // more than it reads at once
  const std::string fits(kMost, 'x');
  std::thread writer([&] {
    Write(fits + "\n" + fits + "y\nafter\n" + fits + fits + fits + "\n" + fits + fits);
    Close();
  });
  LineReader lines(ends_[0], kMost);
  const auto refused = [&] { return Describe(lines.Read()->status()); };
  const char* const kRefusal = "RESOURCE_EXHAUSTED: the line is longer than 70000 bytes";
  EXPECT_EQ(**lines.Read(), fits);
  EXPECT_EQ(refused(), kRefusal);
  EXPECT_EQ(**lines.Read(), "after");
  EXPECT_EQ(refused(), kRefusal);
  EXPECT_EQ(refused(), kRefusal);
  EXPECT_FALSE(lines.Read());
  writer.join();
}

TEST_F(LineReaderTest, AnInterruptionEndsTheWaitAndLaterLinesWork) {
  InterruptibleContext();
  Write("ha");
  LineReader lines(ends_[0]);
  std::thread interruption([reader = pthread_self()] { pthread_kill(reader, SIGINT); });
  EXPECT_FALSE(lines.Read());
  interruption.join();
  EXPECT_TRUE(Interrupted());
  ForgetInterruption();
  Write("lf\n");
  EXPECT_EQ(**lines.Read(), "half");
  EXPECT_TRUE(InterruptibleContext().Check().ok());
}

}  // namespace
}  // namespace strata::tools
