// Kills the process that writes, at any moment, hundreds of times, and looks at what is left.

#include <map>
#include <random>
#include <string>

#include "base_stores/rocksdb/rocksdb_store.h"
#include "store/ops.h"
#include "tests/crash/kill.h"
#include "tests/support/random_json.h"
#include "tools/importer.h"

namespace strata {
namespace {

using testing::CrashTest;
using testing::Victims;

using State = std::map<std::string, std::string>;

std::shared_ptr<Store> OpenAt(const std::string& path, RocksdbDurability durability) {
  RocksdbOptions options;
  options.path = path;
  options.durability = durability;
  options.indexes = {IndexFromPaths("run,-i").value()};
  options.write_buffer = 1 << 20;  // small, so that files are written and compacted within a run
  auto store = OpenRocksdbStore(options);
  EXPECT_TRUE(store.ok()) << Describe(store.status());
  return store.ok() ? *store : nullptr;
}

// The i-th batch of a run: several documents that belong together.
WriteBatch BatchOf(uint64_t seed, uint64_t i) {
  std::mt19937_64 random(seed * 1000003 + i);
  WriteBatch batch;
  const std::string key = std::to_string(random() % 40);
  if (random() % 5 == 0) {
    batch.Delete("x" + key).Delete("y" + key);
  } else {
    const std::string body = ",\"run\":" + std::to_string(seed) + ",\"i\":" + std::to_string(i) +
                             ",\"pad\":\"" + std::string(random() % 800, 'p') + "\"}";
    batch.Put(Document::FromTrusted("{\"id\":\"x" + key + "\"" + body));
    batch.Put(Document::FromTrusted("{\"id\":\"y" + key + "\"" + body));
  }
  return batch;
}

void ApplyTo(State* state, const WriteBatch& batch) {
  for (const WriteOp& op : batch.ops) {
    if (op.kind == WriteKind::kDelete) {
      state->erase(op.id);
    } else {
      (*state)[StoredId(op.document)] = op.document.text();
    }
  }
}

State StateOf(Store& store) {
  State state;
  const auto rows = Collect(store, Context::Background(), Query());
  EXPECT_TRUE(rows.ok()) << Describe(rows.status());
  for (const Document& d : *rows) state[StoredId(d)] = d.text();
  return state;
}

// Replays the change log from `*next` to the sequence `last` over `state`.
void Replay(Store& store, uint64_t last, State* state, uint64_t* next) {
  SubscribeRequest request;
  request.from = *next;
  const auto s = store.Subscribe(Context::Background(), request);
  ASSERT_TRUE(s.ok()) << s.status();
  while (*next <= last) {
    const auto batch = (*s)->Next(Context::Background().WithTimeout(std::chrono::minutes(5)));
    ASSERT_TRUE(batch.ok()) << batch.status();
    ASSERT_FALSE(batch->gap);
    *next = batch->resume_from;
    for (const Change& c : batch->changes) {
      ASSERT_EQ(c.before.text(), state->contains(c.id) ? (*state)[c.id] : "");
      if (c.after) {
        (*state)[c.id] = c.after.text();
      } else {
        state->erase(c.id);
      }
    }
  }
}

TEST_F(CrashTest, AcknowledgedWritesSurviveAndBatchesAreWhole) {
  const uint64_t seed = testing::PrintedSeed();
  std::mt19937_64 random(seed);
  const std::string path = Path("written");
  const auto seed_of = [=](int run) { return seed + static_cast<uint64_t>(run); };
  const auto durability_of = [](int run) {
    return run % 3 == 0 ? RocksdbDurability::kAsync : RocksdbDurability::kSync;
  };
  Victims victims(Path("."), [=](int run, int fd) {
    const auto store = OpenAt(path, durability_of(run));
    if (store == nullptr || write(fd, "o", 1) != 1) return;
    for (uint64_t i = 0;; ++i) {
      if (!store->Write(Context::Background(), BatchOf(seed_of(run), i)).ok()) return;
      if (write(fd, ".", 1) != 1) return;
    }
  });
  State state;        // before the run
  uint64_t next = 1;  // sequence after it
  uint64_t acknowledged_in_all = 0;
  for (int run = 0; run < testing::kKills; ++run) {
    const uint64_t run_seed = seed_of(run);
    const auto durability = durability_of(run);
    const std::string acks =
        victims.RunAndKill(run, static_cast<int>(random() % 15000), run % 8 != 0);
    const uint64_t acknowledged = acks.size();
    acknowledged_in_all += acknowledged;
    const auto store = OpenAt(path, durability);
    ASSERT_NE(store, nullptr);
    const State found = StateOf(*store);
    // The index holds what the documents say.
    const auto sorted = [&](const char* hint) {
      std::string all;
      const auto rows = Collect(*store, Context::Background(),
                                std::string("sort(run,-i)&values(id,run,i)&using(") + hint + ")");
      EXPECT_TRUE(rows.ok()) << Describe(rows.status());
      for (const Document& d : *rows) all += d.text();
      return all;
    };
    ASSERT_EQ(sorted("run%2C-i"), sorted("scan"));
    // Everything acknowledged, and the one batch that may have been on its way, wholly or not at
    // all.
    State expected = state;
    for (uint64_t i = 0; i < acknowledged; ++i) ApplyTo(&expected, BatchOf(run_seed, i));
    State or_else = expected;
    ApplyTo(&or_else, BatchOf(run_seed, acknowledged));
    ASSERT_TRUE(found == expected || found == or_else)
        << "run " << run << " after " << acknowledged << " batches";
    // The change log leads from the state before to the state after, to which a mark is added.
    const std::string mark = "{\"id\":\"mark\",\"run\":" + std::to_string(run) + "}";
    const auto marked = Put(*store, Context::Background(), *Document::Parse(mark));
    ASSERT_TRUE(marked.ok()) << marked.status();
    State after = found;
    after["mark"] = mark;
    State replayed = state;
    Replay(*store, marked->revision, &replayed, &next);
    ASSERT_TRUE(replayed == after) << "run " << run;
    state = std::move(after);
  }
  std::printf("%d kills, %llu batches acknowledged\n", testing::kKills,
              static_cast<unsigned long long>(acknowledged_in_all));
  EXPECT_GT(acknowledged_in_all, 0u);
}

TEST_F(CrashTest, AnImportLeavesAPrefixOfWholeBatches) {
  std::mt19937_64 random(testing::PrintedSeed());
  constexpr uint64_t kBatch = 32;
  const auto path_of = [this](int run) { return Path("imported" + std::to_string(run)); };
  Victims victims(Path("."), [&](int run, int fd) {
    const auto store = OpenAt(path_of(run), RocksdbDurability::kSync);
    if (store == nullptr || write(fd, "o", 1) != 1) return;
    uint64_t i = 0;
    tools::ImportOptions options;
    options.batch = kBatch;
    tools::Import(
        *store, Context::Background(),
        [&]() -> StatusOr<std::optional<tools::SourceItem>> {
          ++i;
          return tools::SourceItem{i, "{\"id\":\"" + std::to_string(1000000 + i) +
                                          "\",\"i\":" + std::to_string(i) + ",\"pad\":\"" +
                                          std::string(400, 'p') + "\"}"};
        },
        [] { return uint64_t{0}; }, [] { return std::string("line"); }, options);
  });
  for (int run = 0; run < testing::kKills / 10; ++run) {
    const std::string path = path_of(run);
    victims.RunAndKill(run, static_cast<int>(random() % 80000), true);
    auto store = OpenAt(path, RocksdbDurability::kSync);
    ASSERT_NE(store, nullptr);
    const auto rows = Collect(*store, Context::Background(), "values(i)");
    ASSERT_TRUE(rows.ok());
    EXPECT_EQ(rows->size() % kBatch, 0u);
    for (size_t k = 0; k < rows->size(); ++k) ASSERT_EQ((*rows)[k].text(), std::to_string(k + 1));
    store.reset();
    std::filesystem::remove_all(path);
  }
}

}  // namespace
}  // namespace strata
