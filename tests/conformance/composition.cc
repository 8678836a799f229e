#include "tests/conformance/composition.h"

#include <cstdlib>
#include <random>

#include "pipeline/all_stages.h"

namespace strata::testing {

std::vector<Composition> AllCompositions() {
  const std::string memory = R"({"type":"memory"})";
  const std::string rocksdb =
      R"({"type":"rocksdb","path":"data","write_buffer":"4MiB","durability":"async"})";
  const auto stack = [](const std::string& wrappers, const std::string& base) {
    return R"({"stores":{"s":[)" + wrappers + (wrappers.empty() ? "" : ",") + base +
           R"(]},"serve":["s"]})";
  };
  const std::string forward = R"({"type":"forward"})";
  const std::string fault = R"({"type":"fault"})";
  return {
      {"memory", stack("", memory), false},
      {"rocksdb", stack("", rocksdb), true},
      {"forward_memory", stack(forward, memory), false},
      {"forward_fault_forward_rocksdb", stack(forward + "," + fault + "," + forward, rocksdb),
       true},
  };
}

ConformanceTest::ConformanceTest() {
  EXPECT_TRUE(RegisterAll(registry_).ok());
  const char* base = std::getenv("TEST_TMPDIR");
  folder_ = std::filesystem::path(base != nullptr ? base : "/tmp") /
            ("strata-" + std::to_string(std::random_device{}()));
  std::filesystem::create_directories(folder_);
  Open();
}

ConformanceTest::~ConformanceTest() {
  store_.reset();
  pipeline_.reset();
  std::filesystem::remove_all(folder_);
}

void ConformanceTest::Open() {
  auto p = Pipeline::FromText(GetParam().config, folder_.string(), registry_);
  if (!p.ok()) {
    ADD_FAILURE() << Describe(p.status());
    std::abort();
  }
  pipeline_ = *std::move(p);
  store_ = pipeline_->Find("s");
}

void ConformanceTest::Reopen() {
  store_.reset();
  pipeline_.reset();
  Open();
}

}  // namespace strata::testing
