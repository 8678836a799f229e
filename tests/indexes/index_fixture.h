// A store with indexes on one base, which the test's parameter names.
#ifndef STRATA_TESTS_INDEXES_INDEX_FIXTURE_H_
#define STRATA_TESTS_INDEXES_INDEX_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "pipeline/all_stages.h"
#include "pipeline/pipeline.h"
#include "store/index_admin.h"
#include "store/ops.h"

namespace strata::testing {

#ifdef STRATA_SANITIZED
inline constexpr int kScale = 1;
#else
inline constexpr int kScale = 10;
#endif

inline const Context& Ctx() { return Context::Background(); }

inline Document Doc(const std::string& text) { return Document::Parse(text).value(); }

class IndexTest : public ::testing::TestWithParam<std::string> {
 protected:
  IndexTest() {
    EXPECT_TRUE(RegisterAll(registry_).ok());
    const char* base = std::getenv("TEST_TMPDIR");
    folder_ = std::filesystem::path(base != nullptr ? base : "/tmp") /
              ("strata-" + std::to_string(std::random_device{}()));
    std::filesystem::create_directories(folder_);
  }
  ~IndexTest() override {
    Close();
    std::filesystem::remove_all(folder_);
  }

  void Close() {
    store_.reset();
    pipeline_.reset();
  }

  void Open(const std::string& indexes, const std::string& more = "") {
    Close();
    const std::string base =
        GetParam() == "memory"
            ? R"({"type":"memory")"
            : R"({"type":"rocksdb","path":"data","write_buffer":"4MiB","durability":"async")";
    auto p = Pipeline::FromText(
        R"({"stores":{"s":)" + base + more + R"(,"indexes":)" + indexes + R"(}},"serve":["s"]})",
        folder_.string(), registry_);
    ASSERT_TRUE(p.ok()) << Describe(p.status());
    pipeline_ = *std::move(p);
    store_ = pipeline_->Find("s");
  }

  IndexAdmin& admin() { return dynamic_cast<IndexAdmin&>(*pipeline_->FindBase("s")); }

  std::string Ids(const std::string& rql) {
    const auto rows = Collect(*store_, Ctx(), rql);
    if (!rows.ok()) return std::string(Message(rows.status()));
    std::string out;
    for (const Document& d : *rows) out += (out.empty() ? "" : " ") + StoredId(d);
    return out;
  }

  uint64_t Counted(const std::string& rql) {
    const auto rows = Collect(*store_, Ctx(), rql);
    EXPECT_TRUE(rows.ok()) << Describe(rows.status());
    return rows.ok() ? static_cast<uint64_t>((*rows)[0].root().number().int_value()) : ~0ull;
  }

  // Whether the index holds exactly what a scan finds.
  void ExpectWhole(const std::string& index, const std::string& path) {
    EXPECT_EQ(Ids("exists(" + path + ")&sort(" + path + ")&using(" + index + ")"),
              Ids("exists(" + path + ")&sort(" + path + ")&using(scan)"));
    EXPECT_EQ(Counted("exists(" + path + ")&count()&using(" + index + ")"),
              Counted("exists(" + path + ")&count()&using(scan)"));
  }

  std::string StateOf(const std::string& name) {
    for (const IndexReport& r : admin().Indexes()) {
      if (r.spec.name == name) return std::string(IndexStateName(r.state));
    }
    return "none";
  }

  StageRegistry registry_;
  std::filesystem::path folder_;
  std::unique_ptr<Pipeline> pipeline_;
  std::shared_ptr<Store> store_;
};

}  // namespace strata::testing

#endif  // STRATA_TESTS_INDEXES_INDEX_FIXTURE_H_
