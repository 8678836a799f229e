// What the store says of damage, and of a directory that it may not use.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base_stores/rocksdb/store_fixture.h"
#include "store/ops.h"

namespace strata {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kRestored = "restore the directory from a backup (strata backup makes them). ";

class ErrorsTest : public RocksdbStoreTest {
 protected:
  // Opening fails in this way.
  void CannotOpen(StatusCode code, const std::string& message) {
    const auto opened = OpenRocksdbStore(options_);
    EXPECT_EQ(opened.status().code(), code) << opened.status();
    EXPECT_THAT(std::string(Message(opened.status())), StartsWith(message));
  }
  std::string Directory() const { return std::filesystem::canonical(options_.path).string(); }
  std::string Denied(const std::string& directory) const {
    return "the directory " + directory + " may not be used: the user of this process (uid " +
           std::to_string(geteuid()) +
           ") needs to read and write it and all that is in it; change its owner, mode or mount, "
           "or name another \"path\" (";
  }
};

// This thread, and those that it starts, obey the modes of files while it lives, also when they
// are root's.
class WithoutPrivileges {
 public:
  WithoutPrivileges() {
    EXPECT_EQ(syscall(SYS_capget, &header_, before_), 0);
    __user_cap_data_struct now[2] = {before_[0], before_[1]};
    now[0].effective &= ~(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH);
    EXPECT_EQ(syscall(SYS_capset, &header_, now), 0);
  }
  ~WithoutPrivileges() { EXPECT_EQ(syscall(SYS_capset, &header_, before_), 0); }
  WithoutPrivileges(const WithoutPrivileges&) = delete;
  WithoutPrivileges& operator=(const WithoutPrivileges&) = delete;

 private:
  __user_cap_header_struct header_ = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct before_[2] = {};
};

// ---- damage ----

TEST_F(ErrorsTest, NeverServesADamagedRecord) {
  auto store = Open();
  ASSERT_TRUE(Put(*store, Ctx(), Doc(R"({"id":"a"})")).ok());
  ASSERT_TRUE(Put(*store, Ctx(), Doc(R"({"id":"b"})")).ok());
  store.reset();
  PutRaw("data", "b", "not a record at all");
  store = Open();
  EXPECT_TRUE(Get(*store, Ctx(), "a").ok());
  const auto b = Get(*store, Ctx(), "b");
  EXPECT_EQ(b.status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(
      Message(b.status()),
      "the record of \"b\" is damaged: its checksum does not hold; restore the directory from "
      "a backup (strata backup makes them)");
  EXPECT_EQ(Collect(*store, Ctx(), Query()).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Put(*store, Ctx(), Doc(R"({"id":"b"})")).status().code(), StatusCode::kDataLoss);
}

TEST_F(ErrorsTest, ADamagedFileEndsAScanWithDataLoss) {
  auto store = Open();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(Put(*store, Ctx(), Doc("{\"id\":\"m" + std::to_string(i) + "\"}")).ok());
  }
  store.reset();
  std::string data_file;
  CompactRaw(&data_file);
  store = Open();
  ASSERT_TRUE(Put(*store, Ctx(), Doc(R"({"id":"a"})")).ok());
  ASSERT_TRUE(Put(*store, Ctx(), Doc(R"({"id":"z"})")).ok());
  store.reset();
  {
    std::fstream file(data_file, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20);
    file.write("ZZZ", 3);
    ASSERT_TRUE(file.good()) << data_file;
  }
  store = Open();
  ASSERT_NE(store, nullptr);
  const auto rows = Collect(*store, Ctx(), Query());
  EXPECT_EQ(rows.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(
      std::string(Message(rows.status())),
      StartsWith("the file " + std::filesystem::canonical(data_file).string() + " is damaged; " +
                 kRestored + "While reading, RocksDB said: Corruption: block checksum mismatch"));
  EXPECT_EQ(Count(*store, Ctx()).status().code(), StatusCode::kDataLoss);
}

TEST_F(ErrorsTest, DamageWithinTheWriteAheadLogIsNotPassedOver) {
  auto store = Open();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(Put(*store, Ctx(), Doc("{\"id\":\"w" + std::to_string(i) + "\"}")).ok());
  }
  // As after a crash: the log has not been written to a file.
  RocksdbOptions copy = options_;
  copy.path += ".crashed";
  std::filesystem::remove_all(copy.path);
  std::filesystem::copy(options_.path, copy.path);
  store.reset();
  ASSERT_TRUE(OpenRocksdbStore(copy).ok());
  std::filesystem::remove_all(copy.path);
  store = Open();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(Put(*store, Ctx(), Doc("{\"id\":\"v" + std::to_string(i) + "\"}")).ok());
  }
  std::filesystem::copy(options_.path, copy.path);
  for (const auto& f : std::filesystem::directory_iterator(copy.path)) {
    if (f.path().extension() != ".log" || std::filesystem::file_size(f.path()) < 1000) continue;
    std::fstream file(f.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(500);
    file.write("ZZZ", 3);
  }
  const auto damaged = OpenRocksdbStore(copy);
  EXPECT_EQ(damaged.status().code(), StatusCode::kDataLoss) << damaged.status();
  EXPECT_THAT(std::string(Message(damaged.status())),
              HasSubstr(" of the directory " + std::filesystem::canonical(copy.path).string() +
                        " is damaged; " + kRestored + "While opening, RocksDB said: Corruption: "));
  std::filesystem::remove_all(copy.path);
}

TEST_F(ErrorsTest, AFileThatIsMissingIsNamed) {
  auto store = Open();
  ASSERT_TRUE(Put(*store, Ctx(), Doc(R"({"id":"a"})")).ok());
  store.reset();
  std::string data_file;
  CompactRaw(&data_file);
  const std::string name = std::filesystem::canonical(data_file).string();
  std::filesystem::remove(data_file);
  CannotOpen(StatusCode::kDataLoss,
             "the file " + name + " is missing; " + kRestored + "While opening, RocksDB said: ");
}

TEST_F(ErrorsTest, FilesThatLeadToTheOthersAreNamed) {
  Open().reset();
  std::ofstream(options_.path + "/CURRENT") << "junk";
  CannotOpen(StatusCode::kDataLoss, "the file " + Directory() + "/CURRENT is damaged; " +
                                        kRestored + "While opening, RocksDB said: Corruption: ");
  std::ofstream(options_.path + "/CURRENT") << "MANIFEST-999999\n";
  CannotOpen(StatusCode::kDataLoss,
             "the file " + Directory() + "/MANIFEST-999999 is missing; " + kRestored);
  std::filesystem::remove(options_.path + "/CURRENT");
  // RocksDB would make a new database at the second attempt, and remove the old one's files.
  for (int i = 0; i < 3; ++i) {
    CannotOpen(StatusCode::kDataLoss, "the file " + Directory() +
                                          "/CURRENT is missing beside others of a database; " +
                                          "restore the directory from a backup");
  }
}

// ---- permissions ----

TEST_F(ErrorsTest, ADirectoryThatMayNotBeUsedIsNamed) {
  Open().reset();
  const WithoutPrivileges plain;
  for (const mode_t mode : {0, 0500}) {
    ASSERT_EQ(chmod(options_.path.c_str(), mode), 0);
    CannotOpen(StatusCode::kPermissionDenied, Denied(Directory()) + "opening: IO error: ");
  }
  ASSERT_EQ(chmod(options_.path.c_str(), 0700), 0);
  EXPECT_NE(Open(), nullptr);
}

// Its name has "LOCK" in it, but nobody has the store open.
TEST_F(ErrorsTest, AFileThatMayNotBeUsedIsNoOpenStore) {
  Open().reset();
  const std::string lock = options_.path + "/LOCK";
  const WithoutPrivileges plain;
  ASSERT_EQ(chmod(lock.c_str(), 0), 0);
  CannotOpen(StatusCode::kPermissionDenied, Denied(Directory()) + "opening: IO error: ");
  ASSERT_EQ(chmod(lock.c_str(), 0600), 0);
  EXPECT_NE(Open(), nullptr);
}

TEST_F(ErrorsTest, ADirectoryBehindAForbiddenOneIsNotThoughtMissing) {
  const std::string above = options_.path;
  options_.path += "/below";
  std::filesystem::create_directories(options_.path);
  {
    const WithoutPrivileges plain;
    ASSERT_EQ(chmod(above.c_str(), 0), 0);
    options_.create = false;
    CannotOpen(StatusCode::kPermissionDenied, Denied(options_.path) + "Permission denied)");
    ASSERT_EQ(chmod(above.c_str(), 0500), 0);
    options_.create = true;
    options_.path = above + "/new";
    CannotOpen(StatusCode::kPermissionDenied,
               Denied(options_.path) + "it cannot be made: Permission denied)");
    ASSERT_EQ(chmod(above.c_str(), 0700), 0);
  }
  options_.path = above;
}

TEST_F(ErrorsTest, ABackupSaysWhereItMayNotBeWritten) {
  const auto store = Open();
  const std::string folder = options_.path + ".forbidden";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  {
    const WithoutPrivileges plain;
    ASSERT_EQ(chmod(folder.c_str(), 0500), 0);
    const Status s = BackupRocksdb(*store, folder + "/copy");
    EXPECT_EQ(s.code(), StatusCode::kPermissionDenied) << s;
    EXPECT_THAT(std::string(Message(s)), StartsWith(Denied(folder + "/copy")));
    ASSERT_EQ(chmod(folder.c_str(), 0700), 0);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace strata
