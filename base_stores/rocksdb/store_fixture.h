// A store in a folder of the test's own, and ways into that folder behind the store's back. For
// tests of base_stores/rocksdb only.
#ifndef STRATA_BASE_STORES_ROCKSDB_STORE_FIXTURE_H_
#define STRATA_BASE_STORES_ROCKSDB_STORE_FIXTURE_H_

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base_stores/rocksdb/rocksdb_store.h"

namespace strata {

inline const Context& Ctx() { return Context::Background(); }
inline Document Doc(std::string_view text) { return Document::Parse(text).value(); }

class RocksdbStoreTest : public ::testing::Test {
 protected:
  RocksdbStoreTest() {
    const char* base = getenv("TEST_TMPDIR");
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    options_.path = std::filesystem::path(base != nullptr ? base : "/tmp") / info->name();
    std::filesystem::remove_all(options_.path);
  }
  ~RocksdbStoreTest() override { std::filesystem::remove_all(options_.path); }

  std::shared_ptr<Store> Open() {
    auto s = OpenRocksdbStore(options_);
    EXPECT_TRUE(s.ok()) << Describe(s.status());
    return s.ok() ? *s : nullptr;
  }

  // The directory as RocksDB alone sees it, behind the store's back.
  struct Raw {
    explicit Raw(const std::string& path) {
      std::vector<std::string> names;
      EXPECT_TRUE(rocksdb::DB::ListColumnFamilies({}, path, &names).ok());
      std::vector<rocksdb::ColumnFamilyDescriptor> families;
      for (const std::string& n : names) families.emplace_back(n, rocksdb::ColumnFamilyOptions());
      EXPECT_TRUE(rocksdb::DB::Open({}, path, families, &handles, &db).ok());
    }
    ~Raw() {
      for (auto* h : handles) delete h;
      delete db;
    }
    rocksdb::ColumnFamilyHandle* family(const std::string& name) const {
      for (auto* h : handles) {
        if (h->GetName() == name) return h;
      }
      ADD_FAILURE() << "there is no family " << name;
      return db->DefaultColumnFamily();
    }

    rocksdb::DB* db = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
  };

  void PutRaw(const std::string& family, const std::string& key, const std::string& value) {
    const Raw raw(options_.path);
    ASSERT_NE(raw.db, nullptr);
    ASSERT_TRUE(raw.db->Put({}, raw.family(family), key, value).ok());
  }

  // Moves all documents into one file and gives its name.
  void CompactRaw(std::string* data_file) {
    const Raw raw(options_.path);
    ASSERT_NE(raw.db, nullptr);
    ASSERT_TRUE(raw.db->CompactRange({}, raw.family("data"), nullptr, nullptr).ok());
    std::vector<rocksdb::LiveFileMetaData> files;
    raw.db->GetLiveFilesMetaData(&files);
    for (const auto& f : files) {
      if (f.column_family_name == "data") *data_file = options_.path + f.name;
    }
  }

  RocksdbOptions options_;
};

}  // namespace strata

#endif  // STRATA_BASE_STORES_ROCKSDB_STORE_FIXTURE_H_
