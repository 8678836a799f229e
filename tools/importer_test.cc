#include "tools/importer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base_stores/memory/memory_store.h"
#include "store/ops.h"

namespace strata::tools {
namespace {

class ImporterTest : public ::testing::Test {
 protected:
  ImporterTest() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    source_ = std::make_unique<DocumentSource>(ends[0]);
    fd_ = ends[1];
  }
  ~ImporterTest() override { Close(); }
  void Write(std::string_view text) {
    EXPECT_EQ(write(fd_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  ImportResult Run(const Context& ctx, const ImportOptions& options = {}) {
    return Import(
        *store_, ctx, [this] { return source_->Next(); }, [this] { return source_->bytes_read(); },
        [this] { return std::string(source_->is_array() ? "element" : "line"); }, options);
  }
  // Waits until the store holds that many; false when it takes too long.
  bool Holds(uint64_t documents) {
    const Context ctx = Context::Background().WithTimeout(std::chrono::seconds(30));
    for (;;) {
      const auto count = Count(*store_, ctx);
      if (!count.ok()) return false;
      if (*count == documents) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::shared_ptr<Store> store_ = NewMemoryStore();
  std::unique_ptr<DocumentSource> source_;
  int fd_ = -1;
};

TEST_F(ImporterTest, WritesWhatHasComeWhileTheInputIsOpen) {
  CancelSource cancel;
  const Context ctx = Context::Background().WithCancel(cancel);
  ImportResult result;
  std::thread import([&] { result = Run(ctx); });
  Write("{\"id\":\"a\"}\n{\"id\":\"b\"}\n{\"id\"");
  EXPECT_TRUE(Holds(2));
  Write(":\"c\"}\n");
  EXPECT_TRUE(Holds(3));
  cancel.Cancel();
  import.join();
  EXPECT_EQ(result.imported, 3u);
  EXPECT_EQ(result.status.code(), StatusCode::kCancelled);
}

TEST_F(ImporterTest, RejectsWhatIsTooLongAndGoesOn) {
  std::vector<std::string> rejects;
  ImportOptions options;
  options.reject = [&](const std::string& line) {
    rejects.push_back(line);
    return OkStatus();
  };
  std::vector<SourceItem> items = {{1, "{\"id\":\"a\"}"},
                                   {2, "{\"id…", SourceItem::Kind::kTooLong},
                                   {0, "", SourceItem::Kind::kNotYet},
                                   {3, "{\"id\":\"b\"}"}};
  size_t at = 0;
  const auto result = Import(
      *store_, Context::Background(),
      [&]() -> StatusOr<std::optional<SourceItem>> {
        if (at == items.size()) return std::nullopt;
        return items[at++];
      },
      [] { return uint64_t{0}; }, [] { return std::string("line"); }, options);
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.imported, 2u);
  EXPECT_EQ(
      rejects,
      std::vector<std::string>{
          "{\"line\":2,\"error\":\"it is longer than 67108864 bytes, the most that a document "
          "may have\",\"text\":"
          "\"{\\\"id…\"}\n"});
}

// Neither memory nor the end of the input is needed to end it.
TEST_F(ImporterTest, ALineWithoutAnEndCanBeInterrupted) {
  CancelSource cancel;
  std::vector<std::string> rejects;
  ImportOptions options;
  options.reject = [&](const std::string& line) {
    rejects.push_back(line.substr(0, line.find(',')));
    cancel.Cancel();
    return OkStatus();
  };
  source_ = DocumentSource::Open("/dev/zero").value();
  const auto result = Run(Context::Background().WithCancel(cancel), options);
  EXPECT_EQ(result.status.code(), StatusCode::kCancelled);
  EXPECT_EQ(result.imported, 0u);
  EXPECT_EQ(rejects, std::vector<std::string>{"{\"line\":1"});
}

TEST_F(ImporterTest, ABadElementOfAnArrayLeavesTheOthersAlone) {
  std::vector<std::string> rejects;
  ImportOptions options;
  options.reject = [&](const std::string& line) {
    rejects.push_back(line.substr(0, line.find(',')));
    return OkStatus();
  };
  Write(R"(["x",{"id":"good"},,{"id":"c1"}])");
  Close();
  const auto result = Run(Context::Background(), options);
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(rejects, (std::vector<std::string>{"{\"element\":1", "{\"element\":3"}));
  EXPECT_TRUE(Holds(2));
}

}  // namespace
}  // namespace strata::tools
