#include "tests/conformance/composition.h"

#include <cstdlib>
#include <random>

#include "pipeline/all_stages.h"

namespace strata::testing {

namespace {

// The stage types over which everything must hold, with the options that make them work.
struct Wrapper {
  const char* name;
  const char* stage;
};
// Pairs that the order rules forbid, the upper one first.
constexpr std::pair<std::string_view, std::string_view> kForbidden[] = {{"cache", "expire"}};

constexpr Wrapper kWrappers[] = {
    {"forward", R"({"type":"forward"})"},
    {"fault", R"({"type":"fault"})"},
    {"slow", R"({"type":"slow","delay":"0ms"})"},
    {"retry", R"({"type":"retry"})"},
    {"limit_rate", R"({"type":"limit_rate","rate":100000000})"},
    {"limit_concurrency", R"({"type":"limit_concurrency","max":64})"},
    {"log", R"({"type":"log","path":"log.ndjson","sample":1000})"},
    {"rename", R"({"type":"rename","fields":{"b":"c","c":"b","n":"stored_n"}})"},
    {"fulltext", R"({"type":"fulltext","path":"text","fields":{"a":{},"c":{"language":"none"}},)"
                 R"("terms":["b"],"values":["n"]})"},
    {"inherit",
     R"({"type":"inherit","discriminator":"$type","visible":false,"types":{"Product":{},)"
     R"("Toy":{"extends":"Product"},"Kit":{"extends":["Toy"]}}})"},
    {"cache", R"({"type":"cache","capacity":"64KiB"})"},
    {"cache_small", R"({"type":"cache","capacity":"4KiB","max_entries":20,"queries":"1KiB"})"},
    {"cache_ttl", R"({"type":"cache","ttl":"1ms","stale":"0ms","negative_ttl":"1ms"})"},
    {"cache_in", R"({"type":"cache","in":"memory:","capacity":"8KiB"})"},
    {"cache_follow", R"({"type":"cache","follow":"always","cache_writes":false})"},
    {"expire", R"({"type":"expire","property":"ends","sweep":"50ms"})"},
};

constexpr const char* kMemory = R"({"type":"memory"})";
constexpr const char* kRocksdb =
    R"({"type":"rocksdb","path":"data","write_buffer":"4MiB","durability":"async"})";

// Stages, outermost first. One that gives several stores becomes a store of its own, of which the
// stages above use "Toy".
std::string Stack(const std::vector<std::string>& stages) {
  std::string out, below;
  for (size_t i = stages.size(); i-- > 0;) {
    if (stages[i].find("\"inherit\"") == std::string::npos) {
      out = stages[i] + (out.empty() ? "" : ",") + out;
      continue;
    }
    const std::string name = "h" + std::to_string(i);
    below += "\"" + name + "\":[" + stages[i] + "," + out + "],";
    out = "\"Toy\"";
  }
  return R"({"stores":{)" + below + R"("s":[)" + out + R"(]},"serve":["s"]})";
}

}  // namespace

std::vector<Composition> AllCompositions() {
  std::vector<Composition> out = {{"memory", Stack({kMemory}), false, 1},
                                  {"rocksdb", Stack({kRocksdb}), true, 1}};
  for (const Wrapper& w : kWrappers) {
    out.push_back({std::string(w.name) + "__memory", Stack({w.stage, kMemory}), false, 2});
    out.push_back({std::string(w.name) + "__rocksdb", Stack({w.stage, kRocksdb}), true, 5});
  }
  for (const Wrapper& above : kWrappers) {
    for (const Wrapper& below : kWrappers) {
      if (std::string_view(above.name) == below.name) continue;
      // Variants of one type stand in pairs once.
      if (std::string_view(above.name).find('_') != std::string_view::npos &&
          std::string_view(above.name).substr(0, 5) == "cache") {
        continue;
      }
      if (std::find(std::begin(kForbidden), std::end(kForbidden),
                    std::pair<std::string_view, std::string_view>(above.name, below.name)) !=
          std::end(kForbidden)) {
        continue;
      }
      out.push_back({std::string(above.name) + "__" + below.name + "__memory",
                     Stack({above.stage, below.stage, kMemory}), false, 20});
    }
  }
  return out;
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
