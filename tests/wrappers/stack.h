// A pipeline of its own for a test, in a folder of its own.
#ifndef STRATA_TESTS_WRAPPERS_STACK_H_
#define STRATA_TESTS_WRAPPERS_STACK_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "pipeline/all_stages.h"
#include "pipeline/pipeline.h"
#include "store/introspection.h"
#include "store/ops.h"

namespace strata::testing {

class Stack {
 public:
  // `stores`: the members of "stores"; the one under test is "s".
  explicit Stack(std::string stores) : stores_(std::move(stores)) {
    EXPECT_TRUE(RegisterAll(registry_).ok());
    const char* base = std::getenv("TEST_TMPDIR");
    folder_ = std::filesystem::path(base != nullptr ? base : "/tmp") /
              ("stack-" + std::to_string(std::random_device{}()));
    std::filesystem::create_directories(folder_);
    Open();
  }
  ~Stack() {
    Close();
    std::filesystem::remove_all(folder_);
  }

  void Open() {
    auto p = Pipeline::FromText("{\"stores\":{" + stores_ + "}}", folder_.string(), registry_);
    if (!p.ok()) {
      ADD_FAILURE() << Describe(p.status());
      std::abort();
    }
    pipeline_ = *std::move(p);
  }
  void Close() { pipeline_.reset(); }
  void Reopen() {
    Close();
    Open();
  }

  Store& operator[](std::string_view name) {
    const auto store = pipeline_->Find(name);
    EXPECT_NE(store, nullptr) << name;
    return *store;
  }
  Store& s() { return (*this)["s"]; }
  Pipeline& pipeline() { return *pipeline_; }
  const std::filesystem::path& folder() const { return folder_; }

  // A figure that the outermost stage of `name` tells; -1 when it does not.
  double Figure(std::string_view metric, std::string_view name = "s") {
    const auto* told = dynamic_cast<const Introspection*>(pipeline_->FindStage(name).get());
    if (told == nullptr) return -1;
    for (const Metric& m : told->Metrics()) {
      if (m.name == metric) return m.value;
    }
    return -1;
  }

 private:
  const std::string stores_;
  StageRegistry registry_;
  std::filesystem::path folder_;
  std::unique_ptr<Pipeline> pipeline_;
};

inline Document Doc(std::string_view text) {
  auto d = Document::Parse(text);
  EXPECT_TRUE(d.ok()) << d.status();
  return d.ok() ? *d : Document::FromTrusted("{}");
}

// The rows as one text, or the error.
inline std::string Rows(const StatusOr<std::vector<Document>>& rows) {
  if (!rows.ok()) return Describe(rows.status());
  std::string out;
  for (const Document& d : *rows) out += (out.empty() ? "" : " ") + std::string(d.text());
  return out;
}

// Whether the condition comes true within a time that is long for anything here.
template <typename Condition>
bool Eventually(const Condition& condition,
                std::chrono::seconds within = std::chrono::seconds(20)) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}
// Fails the test when it does not. `what` should have come true.
template <typename Condition>
void Eventually(const Condition& condition, const char* what) {
  ASSERT_TRUE(Eventually(condition, std::chrono::seconds(30))) << what;
}

inline std::string Code(const Status& s) { return std::string(CodeName(s.code())); }

}  // namespace strata::testing

#endif  // STRATA_TESTS_WRAPPERS_STACK_H_
