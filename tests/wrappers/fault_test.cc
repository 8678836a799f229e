// The production stacks with a stage that fails put in at every depth: whatever fails, what was
// acknowledged is there, what was not is there or not, and nothing else is.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <set>
#include <thread>

#include "tests/support/random_json.h"
#include "tests/wrappers/stack.h"
#include "wrappers/fulltext/fulltext_store.h"

namespace strata::testing {
namespace {

const Context& Ctx() { return Context::Background(); }

struct FaultyStack {
  const char* name;
  const char* stores;       // "#": a place for the fault stage
  bool text_index = false;  // of the member "word"
  int places() const {
    return static_cast<int>(std::count(stores, stores + std::strlen(stores), '#'));
  }
};

// The production stacks of the conformance suites, and one more.
constexpr FaultyStack kStacks[] = {
    {"inherit_cache_fulltext_rocksdb",
     R"("h":[{"type":"inherit","types":{"Product":{},"Toy":{"extends":"Product"}}},)"
     R"(#{"type":"cache"},#{"type":"fulltext","path":"text","commit_after":"5ms","max_wait":"1s",)"
     R"("fields":{"word":{"language":"none"}}},#{"type":"rocksdb","path":"d","durability":"async"}],)"
     R"("s":[#"Toy"])",
     true},
    {"cache_aggregate_rocksdb_replicate",
     R"("s":[#{"type":"cache"},#{"type":"aggregate","journal":"journal","properties":["*",["word"]],)"
     R"("inners":[[#{"type":"rocksdb","path":"d","durability":"async"}],)"
     R"([#{"type":"replicate","mode":"quorum","inners":[)"
     R"([#{"type":"memory"}],[#{"type":"rocksdb","path":"e","durability":"async"}],"memory:"]}]]}])"},
    {"fulltext_replicate_retry_rocksdb",
     R"("s":[#{"type":"fulltext","path":"text","commit_after":"5ms","max_wait":"1s",)"
     R"("fields":{"word":{"language":"none"}}},#{"type":"replicate","mode":"quorum",)"
     R"("reads":"primary","state":"group.json","ack_timeout":"1s","inners":[)"
     R"([#{"type":"retry"},#{"type":"rocksdb","path":"d","durability":"async"}],)"
     R"([#{"type":"retry"},#{"type":"rocksdb","path":"e","durability":"async"}],[#"memory:"]]}])",
     true},
    {"log_limits_expire_cache_rename_memory",
     R"("s":[#{"type":"log","path":"log.ndjson","sample":100},#{"type":"limit_concurrency","max":64},)"
     R"(#{"type":"expire","property":"ends"},#{"type":"cache"},)"
     R"(#{"type":"rename","fields":{"word":"stored_word"}},#"memory:"])"},
    {"retry_replicate_memory",
     R"("s":[#{"type":"retry"},#{"type":"replicate","inners":[[#{"type":"memory"}],)"
     R"([#{"type":"memory"}]],"ack_timeout":"1s"}])"},
};

struct FaultCase {
  size_t stack;
  int place;
  const char* when;
  int every;
};

std::vector<FaultCase> Cases() {
  std::vector<FaultCase> out;
  for (size_t s = 0; s < std::size(kStacks); ++s) {
    for (int place = 0; place < kStacks[s].places(); ++place) {
      for (const char* when : {"before", "after", "instead"}) {
        for (const int every : {7, 11, 17}) out.push_back({s, place, when, every});
      }
    }
  }
  return out;
}

std::string StoresOf(const FaultCase& c) {
  std::string out;
  int place = 0;
  for (const char* p = kStacks[c.stack].stores; *p != 0; ++p) {
    if (*p != '#') {
      out += *p;
    } else if (place++ == c.place) {
      out += std::string(R"({"type":"fault","when":")") + c.when +
             "\",\"every\":" + std::to_string(c.every) + "},";
    }
  }
  return out;
}

class Faults : public ::testing::TestWithParam<FaultCase> {};
INSTANTIATE_TEST_SUITE_P(All, Faults, ::testing::ValuesIn(Cases()), [](const auto& info) {
  return std::string(kStacks[info.param.stack].name) + "_at_" + std::to_string(info.param.place) +
         "_" + info.param.when + "_" + std::to_string(info.param.every);
});

// Tries until the stack answers: each n-th operation of one stage fails, so the next may not; a
// follower that was lost twice comes back after some seconds.
template <typename Call>
auto Patiently(const Call& call) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  auto result = call();
  for (int tries = 0; !result.ok() && std::chrono::steady_clock::now() < until; ++tries) {
    EXPECT_NE(result.status().code(), StatusCode::kInternal) << Describe(result.status());
    std::this_thread::sleep_for(std::chrono::milliseconds(tries < 20 ? 0 : 5));
    result = call();
  }
  return result;
}

// Two members say the same, which are in different parts of an aggregate: a half write shows.
std::string Word(const Document& d) {
  EXPECT_EQ(d.Find("word").text(), d.Find("same").text()) << d.text();
  return std::string(d.Find("word").text());
}

TEST_P(Faults, LoseAndInventNothing) {
  Stack stack(StoresOf(GetParam()));
  Store& store = stack.s();
  RandomJson random(PrintedSeed());
#ifdef STRATA_SANITIZED
  constexpr int kSteps = 60;
#else
  constexpr int kSteps = 200;
#endif
  // What may be there: one text of these; "" for nothing.
  std::map<std::string, std::set<std::string>> may;
  int failed = 0, done = 0;
  for (int i = 0; i < kSteps; ++i) {
    const std::string id = "k" + std::to_string(random.Below(8));
    auto& texts = may.try_emplace(id, std::set<std::string>{""}).first->second;
    if (random.Below(3) == 0) {
      const auto r = Patiently([&] { return Get(store, Ctx(), id); });
      ASSERT_TRUE(r.ok()) << Describe(r.status());
      const std::string found = *r ? Word((*r)->document) : "";
      ASSERT_TRUE(texts.contains(found)) << id << " is " << found;
      continue;
    }
    const std::string word = "\"w" + std::to_string(i) + "\"";
    Status s = OkStatus();
    std::string after = word;
    const Document d = Doc("{\"id\":\"" + id + "\",\"same\":" + word + ",\"word\":" + word + "}");
    switch (random.Below(4)) {
      case 0:
        s = Delete(store, Ctx(), id).status();
        after = "";
        break;
      case 1: {
        auto t = store.Begin(Ctx(), {});
        s = t.status();
        if (s.ok()) s = Put(**t, Ctx(), d).status();
        if (s.ok()) s = (*t)->Commit(Ctx()).status();
        break;
      }
      default:
        s = Put(store, Ctx(), d).status();
    }
    if (s.ok()) {
      texts = {after};
      ++done;
    } else {
      texts.insert(after);
      ++failed;
    }
  }
  EXPECT_GT(done, 0);
  const auto rows = Patiently([&] { return Collect(store, Ctx(), ""); });
  ASSERT_TRUE(rows.ok()) << Describe(rows.status());
  std::map<std::string, std::string> found;
  for (const Document& d : *rows) found[StoredId(d)] = Word(d);
  for (const auto& [id, texts] : may)
    EXPECT_TRUE(texts.contains(found.contains(id) ? found[id] : "")) << id;
  if (!kStacks[GetParam().stack].text_index) return;
  // The text index follows, whatever failed.
  for (const auto& [id, word] : found) {
    const std::string query = "fulltext(word," + word.substr(1, word.size() - 2) + ")&values(id)";
    const auto hits = Patiently([&] { return Collect(store, Ctx(), query); });
    ASSERT_TRUE(hits.ok()) << Describe(hits.status());
    EXPECT_EQ(Rows(*hits), "\"" + id + "\"");
  }
}

}  // namespace
}  // namespace strata::testing
