#include "tests/conformance/composition.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <random>

#include "pipeline/all_stages.h"

namespace strata::testing {

namespace {

// The stage types over which everything must hold, with the options that make them work. Where a
// stage has several inner stores, the stack below is its "@".
struct Wrapper {
  const char* name;
  const char* stage;
};
// Pairs that the order rules forbid, the upper one first.
constexpr std::pair<std::string_view, std::string_view> kForbidden[] = {
    {"cache", "expire"},
    {"replicate", "expire"},
    {"replicate", "aggregate"},
    {"replicate", "aggregate_inner"}};

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
    {"aggregate",
     R"({"type":"aggregate","inners":[@,"memory:"],"properties":["*",["b","n","v","i"]],)"
     R"("journal":"journal"})"},
    {"replicate", R"({"type":"replicate","inners":[@,"memory:"],"mode":"all"})"},
    {"replicate_any", R"({"type":"replicate","inners":[@,"memory:"],"mode":"all","reads":"any"})"},
    {"replicate_three", R"({"type":"replicate","inners":[@,"memory:","memory:"],"mode":"quorum"})"},
    {"aggregate_inner", R"({"type":"aggregate","inners":["memory:",@,"memory:"],"missing":"inner",)"
                        R"("properties":[["a"],"*",["c","m"]]})"},
};

// Whole stacks as they are run.
struct Production {
  const char* name;
  const char* config;
  bool persistent;
};
constexpr Production kProduction[] = {
    {"production_inherit_cache_fulltext_rocksdb",
     R"({"stores":{"h":[{"type":"inherit","discriminator":"$type","visible":false,)"
     R"("types":{"Product":{},"Toy":{"extends":"Product"}}},{"type":"cache","capacity":"64KiB"},)"
     R"({"type":"fulltext","path":"text","fields":{"a":{},"c":{}},"terms":["b"]},)"
     R"({"type":"rocksdb","path":"data","write_buffer":"4MiB","durability":"async"}],)"
     R"("s":"Toy"},"serve":["s"]})",
     true},
    {"production_cache_aggregate_rocksdb_replicate_memory_rocksdb",
     R"({"stores":{"s":[{"type":"cache","capacity":"64KiB"},{"type":"aggregate","inners":[)"
     R"({"type":"rocksdb","path":"data","write_buffer":"4MiB","durability":"async"},)"
     R"({"type":"replicate","inners":["memory:",{"type":"rocksdb","path":"copy",)"
     R"("write_buffer":"4MiB","durability":"async"}]}],)"
     R"("properties":["*",["b","n","v","i"]],"journal":"journal"}]},"serve":["s"]})",
     false},
    {"production_fulltext_replicate_retry_rocksdb",
     R"({"stores":{"s":[{"type":"fulltext","path":"text","fields":{"a":{},"c":{}}},)"
     R"({"type":"replicate","mode":"quorum","reads":"primary","state":"group.json","inners":[)"
     R"([{"type":"retry"},{"type":"rocksdb","path":"r1","write_buffer":"4MiB","durability":"async"}],)"
     R"([{"type":"retry"},{"type":"rocksdb","path":"r2","write_buffer":"4MiB","durability":"async"}],)"
     R"("memory:"]}]},"serve":["s"]})",
     true},
    {"production_log_limits_expire_cache_rename_memory",
     R"({"stores":{"s":[{"type":"log","path":"log.ndjson","sample":1000},)"
     R"({"type":"limit_rate","rate":100000000},{"type":"limit_concurrency","max":64},)"
     R"({"type":"expire","property":"ends"},)"
     R"({"type":"cache"},{"type":"rename","fields":{"n":"number"}},"memory:"]},"serve":["s"]})",
     false},
};

// Columns from the first scan on, so that all suites meet them.
constexpr const char* kMemory = R"({"type":"memory","columns":"always"})";
constexpr const char* kMemoryRows = R"({"type":"memory","columns":"off"})";
constexpr const char* kRocksdb =
    R"({"type":"rocksdb","path":"data","write_buffer":"4MiB","durability":"async"})";

// How every configuration begins.
constexpr const char* kStores = R"({"stores":{)";

// Stages, outermost first. One that gives several stores becomes a store of its own, of which the
// stages above use "Toy".
std::string Stack(const std::vector<std::string>& stages) {
  std::string out, below;
  for (size_t i = stages.size(); i-- > 0;) {
    if (const size_t at = stages[i].find('@'); at != std::string::npos) {
      out = stages[i].substr(0, at) + "[" + out + "]" + stages[i].substr(at + 1);
      continue;
    }
    if (stages[i].find("\"inherit\"") == std::string::npos) {
      out = stages[i] + (out.empty() ? "" : ",") + out;
      continue;
    }
    const std::string name = "h" + std::to_string(i);
    below += "\"" + name + "\":[" + stages[i] + "," + out + "],";
    out = "\"Toy\"";
  }
  return kStores + below + R"("s":[)" + out + R"(]},"serve":["s"]})";
}

// Types that may stand over themselves. Those with variants do so in pairs; of hierarchies, each
// needs a discriminator and names of its own.
bool TwiceAsItIs(std::string_view name) {
  for (const std::string_view other : {"cache", "aggregate", "replicate", "inherit"})
    if (name.starts_with(other)) return false;
  return true;
}
// Two stages cannot have the same files, and what one renames to, the other one renames from.
std::string Again(std::string stage) {
  if (const size_t at = stage.find(R"("path":")"); at != stage.npos) stage.insert(at + 8, "again-");
  if (const size_t at = stage.find(R"("n":")"); at != stage.npos)
    stage.replace(at, std::strlen(R"("n":"stored_n")"), R"("stored_n":"n")");
  return stage;
}
constexpr const char* kTwoHierarchies =
    R"({"stores":{"h0":[{"type":"inherit","discriminator":"$kind","visible":false,)"
    R"("types":{"Item":{},"Thing":{"extends":"Item"}}},{"type":"memory","columns":"always"}],)"
    R"("h1":[{"type":"inherit","discriminator":"$type","visible":false,)"
    R"("types":{"Product":{},"Toy":{"extends":"Product"}}},"Thing"],"s":["Toy"]},"serve":["s"]})";

bool Variant(std::string_view name) {
  return name.starts_with("cache_") || name.starts_with("aggregate_") ||
         name.starts_with("replicate_");
}

bool keeps_order = true;  // of the composition under test

}  // namespace

std::string Shown(std::string_view text) {
  if (keeps_order || !text.starts_with('{')) return std::string(text);
  const Document d = Doc(text);
  std::map<std::string, std::string> members;
  for (MemberIterator m(d.root()); !m.done(); m.Next())
    members.emplace(m.raw_name(), m.value().text());
  std::string out = "{";
  for (const auto& [name, value] : members) {
    if (out.size() > 1) out += ',';
    out += name + ":" + value;
  }
  return out + "}";
}

std::vector<Composition> AllCompositions() {
  std::vector<Composition> out = {{"memory", Stack({kMemory}), false, 1},
                                  {"memory_rows", Stack({kMemoryRows}), false, 1},
                                  {"rocksdb", Stack({kRocksdb}), true, 1}};
  for (const Wrapper& w : kWrappers) {
    out.push_back({std::string(w.name) + "__memory", Stack({w.stage, kMemory}), false, 2});
    // The other parts of an aggregate are gone when it is closed.
    const bool persistent = std::string_view(w.name).find("aggregate") == std::string_view::npos;
    out.push_back({std::string(w.name) + "__rocksdb", Stack({w.stage, kRocksdb}), persistent, 5});
  }
  for (const Wrapper& above : kWrappers) {
    for (const Wrapper& below : kWrappers) {
      if (std::string_view(above.name) == below.name) continue;
      // Variants of one type stand in pairs once.
      if (Variant(above.name)) continue;
      if (std::find(std::begin(kForbidden), std::end(kForbidden),
                    std::pair<std::string_view, std::string_view>(above.name, below.name)) !=
          std::end(kForbidden)) {
        continue;
      }
      out.push_back({std::string(above.name) + "__" + below.name + "__memory",
                     Stack({above.stage, below.stage, kMemory}), false, 20});
    }
  }
  for (const Wrapper& w : kWrappers) {
    if (TwiceAsItIs(w.name)) {
      out.push_back({std::string(w.name) + "__" + w.name + "__memory",
                     Stack({w.stage, Again(w.stage), kMemory}), false, 20});
    }
  }
  out.push_back({"inherit__inherit__memory", kTwoHierarchies, false, 20});
  out.push_back({"aggregate__rocksdb__rocksdb",
                 Stack({R"({"type":"aggregate","inners":[@,{"type":"rocksdb","path":"data2",)"
                        R"("write_buffer":"4MiB","durability":"async"}],)"
                        R"("properties":["*",["b","n","v","i"]],"journal":"journal"})",
                        kRocksdb}),
                 true, 10});
  for (const Production& p : kProduction) out.push_back({p.name, p.config, p.persistent, 10});
  for (Composition& c : out) c.keeps_order = c.name.find("aggregate") == std::string::npos;
  return out;
}

std::vector<Composition> OverReadonly() {
  std::vector<Composition> out;
  for (const Wrapper& w : kWrappers) {
    Composition c{std::string(w.name) + "__readonly",
                  Stack({w.stage, R"({"type":"readonly"})", R"("below")"})};
    c.config.insert(std::strlen(kStores), R"("below":"memory:",)");
    out.push_back(std::move(c));
  }
  return out;
}

std::vector<Composition> ForbiddenCompositions() {
  const auto stage = [](std::string_view name) {
    return std::find_if(std::begin(kWrappers), std::end(kWrappers),
                        [&](const Wrapper& w) { return w.name == name; })
        ->stage;
  };
  std::vector<Composition> out;
  for (const auto& [above, below] : kForbidden) {
    out.push_back({std::string(above) + "__" + std::string(below),
                   Stack({stage(above), stage(below), kMemory})});
  }
  return out;
}

ConformanceTest::ConformanceTest(std::string_view more) : config_(GetParam().config) {
  config_.insert(std::strlen(kStores), more);
  EXPECT_TRUE(RegisterAll(registry_).ok());
  const char* base = std::getenv("TEST_TMPDIR");
  folder_ = std::filesystem::path(base != nullptr ? base : "/tmp") /
            ("strata-" + std::to_string(std::random_device{}()));
  std::filesystem::create_directories(folder_);
  keeps_order = GetParam().keeps_order;
  Open();
}

ConformanceTest::~ConformanceTest() {
  store_.reset();
  pipeline_.reset();
  std::filesystem::remove_all(folder_);
}

void ConformanceTest::Open() {
  auto p = Pipeline::FromText(config_, folder_.string(), registry_);
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
