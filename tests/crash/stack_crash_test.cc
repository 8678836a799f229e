// Kills processes that write through stacks which keep one truth in two places, and looks whether
// the two still agree.
#include <map>
#include <random>

#include "pipeline/all_stages.h"
#include "pipeline/pipeline.h"
#include "store/introspection.h"
#include "store/ops.h"
#include "tests/crash/kill.h"
#include "tests/support/random_json.h"
#include "wrappers/fulltext/fulltext_store.h"

namespace strata::testing {
namespace {

const Context& Ctx() { return Context::Background(); }

std::unique_ptr<Pipeline> OpenStack(const std::string& text, const std::string& folder) {
  StageRegistry registry;
  EXPECT_TRUE(RegisterAll(registry).ok());
  auto p = Pipeline::FromText(text, folder, registry);
  EXPECT_TRUE(p.ok()) << Describe(p.status());
  return p.ok() ? *std::move(p) : nullptr;
}

// The i-th write of a run: one to three documents, each in two halves that must agree.
WriteBatch BatchOf(uint64_t seed, uint64_t i) {
  std::mt19937_64 random(seed * 1000003 + i);
  WriteBatch batch;
  for (uint64_t n = random() % 3;; --n) {
    const std::string id = "d" + std::to_string(random() % 30);
    const std::string mark =
        std::to_string(seed) + "x" + std::to_string(i) + "x" + std::to_string(n);
    std::string text = "{\"id\":\"" + id + "\",\"left\":\"" + mark + "\"";
    if (random() % 4 != 0) text += ",\"right\":\"" + mark + "\"";
    if (random() % 6 == 0) {
      batch.Delete(id);
    } else {
      batch.Put(Document::FromTrusted(text + "}"), id);
    }
    if (n == 0) return batch;
  }
}

using State = std::map<std::string, std::string>;

void Apply(State* state, const WriteBatch& batch) {
  for (const WriteOp& op : batch.ops) {
    if (op.kind == WriteKind::kDelete) {
      state->erase(op.id);
    } else {
      (*state)[op.id] = op.document.text();
    }
  }
}

State StateOf(Store& store) {
  State state;
  const auto rows = Collect(store, Ctx(), Query());
  EXPECT_TRUE(rows.ok()) << Describe(rows.status());
  if (rows.ok()) {
    for (const Document& d : *rows) state[StoredId(d)] = d.text();
  }
  return state;
}

// A figure of the store "s".
uint64_t Figure(Pipeline& pipeline, std::string_view metric) {
  const auto* told = dynamic_cast<const Introspection*>(pipeline.FindStage("s").get());
  if (told != nullptr) {
    for (const Metric& m : told->Metrics()) {
      if (m.name == metric) return static_cast<uint64_t>(m.value);
    }
  }
  ADD_FAILURE() << "there is no " << metric;
  return 0;
}

// Says how many kills fell where something was left to do. Sanitized runs
// kill too seldom to demand any.
void ExpectSome(const char* what, uint64_t kills) {
  std::printf("%llu kills of %d %s\n", static_cast<unsigned long long>(kills), kKills, what);
#ifndef STRATA_SANITIZED
  EXPECT_GT(kills, 0u) << what;
#endif
}

// Runs, kills and reopens; `look` sees each reopened pipeline.
template <typename Look>
void Rounds(const std::string& config, const std::string& folder, int max_micros, Look look) {
  const uint64_t seed = PrintedSeed();
  std::mt19937_64 random(seed);
  Victims victims(folder, [&](int run, int fd) {
    const auto pipeline = OpenStack(config, folder);
    if (pipeline == nullptr) return;
    Store& store = *pipeline->Find("s");
    if (write(fd, "o", 1) != 1) return;
    for (uint64_t i = 0;; ++i) {
      if (!store.Write(Ctx(), BatchOf(seed + static_cast<uint64_t>(run), i)).ok()) return;
      if (write(fd, ".", 1) != 1) return;
    }
  });
  State state;
  uint64_t acknowledged_in_all = 0;
  for (int run = 0; run < kKills; ++run) {
    const uint64_t run_seed = seed + static_cast<uint64_t>(run);
    const uint64_t acknowledged =
        victims
            .RunAndKill(run, static_cast<int>(random() % static_cast<uint64_t>(max_micros)),
                        run % 8 != 0)
            .size();
    acknowledged_in_all += acknowledged;
    for (uint64_t i = 0; i < acknowledged; ++i) Apply(&state, BatchOf(run_seed, i));
    State or_else = state;
    Apply(&or_else, BatchOf(run_seed, acknowledged));
    const auto pipeline = OpenStack(config, folder);
    ASSERT_NE(pipeline, nullptr);
    const State found = StateOf(*pipeline->Find("s"));
    ASSERT_TRUE(found == state || found == or_else)
        << "run " << run << " after " << acknowledged << " writes";
    state = found;
    look(*pipeline, state);
    if (::testing::Test::HasFatalFailure()) return;
  }
  std::printf("%d kills, %llu writes acknowledged\n", kKills,
              static_cast<unsigned long long>(acknowledged_in_all));
  EXPECT_GT(acknowledged_in_all, 0u);
}

using StackCrash = CrashTest;

TEST_F(StackCrash, PartsOfAnAggregateAgree) {
  std::filesystem::create_directories(Path("aggregate"));
  const std::string base = R"("type":"rocksdb","write_buffer":"1MiB","durability":"async")";
  const std::string config =
      R"({"stores":{"a":{)" + base + R"(,"path":"a"},"b":{)" + base + R"(,"path":"b"},)" +
      R"("s":{"type":"aggregate","inners":["a","b"],"properties":["*",["right"]],)"
      R"("journal":"journal"}},"serve":["s","a","b"]})";
  uint64_t cut = 0;
  Rounds(config, Path("aggregate"), 12000, [&](Pipeline& pipeline, const State& state) {
    cut += Figure(pipeline, "finished");
    // No half of a commit, and no part without its record.
    for (const auto& [id, text] : state) {
      const Document d = *Document::Parse(text);
      if (d.Find("right").exists()) {
        ASSERT_EQ(d.Find("left").text(), d.Find("right").text());
      }
    }
    for (const auto& [id, text] : StateOf(*pipeline.Find("b"))) {
      ASSERT_TRUE(state.contains(id)) << id;
    }
  });
  ExpectSome("cut a commit, which was finished", cut);
}

constexpr char kTextIndex[] =
    R"({"type":"fulltext","path":"text","commit_after":"2ms",)"
    R"("fields":{"left":{"language":"none"},"right":{"language":"none"}}})";

void ExpectTextIndexEqualsData(Pipeline& pipeline, const State& state) {
  Store& store = *pipeline.Find("s");
  auto* admin = dynamic_cast<FulltextAdmin*>(pipeline.FindStage("s").get());
  ASSERT_NE(admin, nullptr);
  ASSERT_TRUE(admin->WaitWhole(Ctx()).ok());
  const Status sound = admin->Check(Ctx());
  ASSERT_TRUE(sound.ok()) << Describe(sound);
  for (const auto& [id, text] : state) {
    const std::string word = Document::Parse(text)->Find("left").String();
    const auto rows = Collect(store, Ctx(), "fulltext(left," + word + ")&values(id)");
    ASSERT_TRUE(rows.ok()) << Describe(rows.status());
    ASSERT_EQ(rows->size(), 1u) << word;
    ASSERT_EQ((*rows)[0].root().String(), id);
  }
}

TEST_F(StackCrash, ATextIndexEqualsItsData) {
  std::filesystem::create_directories(Path("text"));
  const std::string config =
      std::string(R"({"stores":{"s":[)") + kTextIndex +
      R"(,{"type":"rocksdb","path":"data","write_buffer":"1MiB","durability":"async"}]}})";
  uint64_t behind = 0;
  Rounds(config, Path("text"), 5000, [&](Pipeline& pipeline, const State& state) {
    ExpectTextIndexEqualsData(pipeline, state);
    // An index that lacks nothing has nothing to commit.
    behind += Figure(pipeline, "builds") == 0 && Figure(pipeline, "commits") > 0;
  });
  ExpectSome("left an index behind its data", behind);
}

// Whose feed does not say what the index lacks.
TEST_F(StackCrash, ATextIndexOverAnAggregateEqualsItsData) {
  std::filesystem::create_directories(Path("both"));
  const std::string base = R"("type":"rocksdb","write_buffer":"1MiB","durability":"async")";
  const std::string config = std::string(R"({"stores":{"s":[)") + kTextIndex +
                             R"(,{"type":"aggregate","properties":["*",["right"]],)" +
                             R"("journal":"journal","inners":[{)" + base + R"(,"path":"a"},{)" +
                             base + R"(,"path":"b"}]}]}})";
  uint64_t behind = 0;
  Rounds(config, Path("both"), 8000, [&](Pipeline& pipeline, const State& state) {
    ExpectTextIndexEqualsData(pipeline, state);
    // What a comparison indexed is what differed.
    behind += Figure(pipeline, "builds") == 0 && Figure(pipeline, "built") > 0;
  });
  ExpectSome("left an index that differed from its data", behind);
}

}  // namespace
}  // namespace strata::testing
