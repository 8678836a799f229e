// The law with clients that write at once: what a client searches for after its own acknowledged
// write agrees with a look at what it wrote, whatever others write; in the end all of it does.
#include <atomic>
#include <deque>
#include <functional>
#include <optional>
#include <thread>

#include "core/json_patch.h"
#include "tests/wrappers/stack.h"
#include "wrappers/fulltext/fulltext_store.h"
#include "wrappers/fulltext/text_oracle.h"

namespace strata::testing {
namespace {

const Context& ctx() { return Context::Background(); }

std::vector<std::pair<std::string, std::string>> Fields() {
  return {{"title", "english"}, {"body", "german"}};
}

// Owns documents that nobody else writes, so it knows what a search finds among them. Belongs to
// one thread.
class Client {
 public:
  Client(Store& store, int number, uint64_t seed, std::atomic<bool>& stop)
      : store_(store),
        number_(number),
        stop_(stop),
        oracle_(Fields()),
        random_(oracle_, seed + static_cast<uint64_t>(number)) {}

  // Puts all of its documents.
  void Fill() {
    WriteBatch batch;
    for (int n = 0; n < kDocuments; ++n) batch.Put(New(Id(n), &model_));
    const auto w = store_.Write(ctx(), batch);
    ASSERT_TRUE(w.ok()) << Describe(w.status());
  }
  void Write(int rounds) {
    for (int i = 0; i < rounds && !stop_; ++i) {
      ASSERT_NO_FATAL_FAILURE(Act());
      for (int n = random_.Below(3); n > 0; --n) {
        ASSERT_NO_FATAL_FAILURE(Search(store_, model_));
      }
    }
  }
  // Writes nothing.
  void Search(const std::atomic<bool>& over) {
    while (!over && !stop_) {
      ASSERT_NO_FATAL_FAILURE(Search(store_, model_));
    }
  }
  const TextModel& model() const { return model_; }

 private:
  static constexpr int kDocuments = 12;

  std::string Prefix() const { return "c" + std::to_string(number_) + "-"; }
  std::string Id(int n) const { return Prefix() + std::to_string(n); }
  Document New(const std::string& id, TextModel* model) {
    const Document d = random_.NewDocument(id, ",\"owner\":" + std::to_string(number_));
    (*model)[id] = oracle_.Read(d);
    return d;
  }

  void Act() {
    if (random_.Chance(5)) return Transact();
    if (random_.Chance(5)) return WriteTogether();
    WriteOne(store_, &model_);
  }

  template <typename Target>
  void WriteOne(Target& target, TextModel* model) {
    const std::string id = Id(random_.Below(kDocuments));
    const auto it = model->find(id);
    if (random_.Chance(4)) {
      const auto w = Delete(target, ctx(), id);
      ASSERT_TRUE(w.ok()) << Describe(w.status());
      model->erase(id);
    } else if (it != model->end() && random_.Chance(3)) {
      const Document merge = Doc("{\"body\":" + random_.Text() + "}");
      const auto w = Update(target, ctx(), id, merge);
      ASSERT_TRUE(w.ok()) << Describe(w.status());
      it->second = oracle_.Read(*MergePatch(it->second.document, merge));
    } else {
      const auto w = Put(target, ctx(), New(id, model));
      ASSERT_TRUE(w.ok()) << Describe(w.status());
    }
  }

  void WriteTogether() {
    WriteBatch batch;
    for (int n = 2 + random_.Below(4); n > 0; --n) {
      const std::string id = Id(random_.Below(kDocuments));
      if (random_.Chance(3)) {
        batch.Delete(id);
        model_.erase(id);
      } else {
        batch.Put(New(id, &model_));
      }
    }
    const auto w = store_.Write(ctx(), batch);
    ASSERT_TRUE(w.ok()) << Describe(w.status());
  }

  // Within it, searches see what it wrote so far.
  void Transact() {
    auto t = store_.Begin(ctx(), {});
    ASSERT_TRUE(t.ok()) << Describe(t.status());
    TextModel pending = model_;
    std::optional<TextModel> saved;
    for (int n = 1 + random_.Below(4); n > 0; --n) {
      ASSERT_NO_FATAL_FAILURE(WriteOne(**t, &pending));
      if (random_.Chance(3)) {
        ASSERT_TRUE((*t)->Savepoint("here").ok());
        saved = pending;
      } else if (saved && random_.Chance(3)) {
        ASSERT_TRUE((*t)->RollbackTo("here").ok());
        pending = *saved;
      }
      if (random_.Chance(2)) {
        ASSERT_NO_FATAL_FAILURE(Search(**t, pending));
      }
    }
    const bool aborts = random_.Chance(3);
    const Status ended = aborts ? (*t)->Abort() : (*t)->Commit(ctx()).status();
    ASSERT_TRUE(ended.ok()) << Describe(ended);
    if (!aborts) model_ = std::move(pending);
  }

  template <typename Target>
  void Search(Target& target, const TextModel& model) {
    std::vector<Node> also;
    if (random_.Chance(2)) also.push_back(Eq("owner", number_).node());
    const TextQuestion asked = random_.Ask(std::move(also));
    const auto rows = Collect(target, ctx(), asked.query);
    ASSERT_TRUE(rows.ok()) << asked.query.ToString() << Describe(rows.status());
    ASSERT_EQ(IdsOf(*rows, Prefix()), IdsOf(model, asked.holds)) << asked.query.ToString();
  }

  Store& store_;
  const int number_;
  std::atomic<bool>& stop_;
  const TextOracle oracle_;
  RandomTexts random_;
  TextModel model_;
};

// A thread that stops the others when it fails.
std::thread Start(std::atomic<bool>& stop, std::function<void()> work) {
  return std::thread([&stop, work = std::move(work)] {
    bool done = false;
    [&] {
      ASSERT_NO_FATAL_FAILURE(work());
      done = true;
    }();
    if (!done) stop = true;
  });
}

// Nobody writes any more: a client's searches find what is in all models.
void SearchAll(Stack& stack, const TextModel& all, int rounds, uint64_t seed) {
  const TextOracle oracle(Fields());
  RandomTexts random(oracle, seed);
  for (int i = 0; i < rounds; ++i) {
    const TextQuestion asked = random.Ask();
    const auto rows = Collect(stack.s(), ctx(), asked.query);
    ASSERT_TRUE(rows.ok()) << asked.query.ToString() << Describe(rows.status());
    ASSERT_EQ(IdsOf(*rows), IdsOf(all, asked.holds)) << asked.query.ToString();
  }
  auto* admin = dynamic_cast<FulltextAdmin*>(stack.pipeline().FindStage("s").get());
  ASSERT_NE(admin, nullptr);
  const Status same = admin->Check(ctx());
  ASSERT_TRUE(same.ok()) << Describe(same);
}

struct Layers {
  const char* name;
  const char* options;
  const char* below;
  bool lasting;  // outlives the stack
};
void PrintTo(const Layers& l, std::ostream* out) { *out << l.name; }

class ConcurrentFulltextLaw : public ::testing::TestWithParam<Layers> {};

TEST_P(ConcurrentFulltextLaw, ClientsFindWhatALookAtTheirTextsFinds) {
#ifdef STRATA_SANITIZED
  constexpr int kRounds = 25, kQuestions = 40;
#else
  constexpr int kRounds = 300, kQuestions = 400;
#endif
  constexpr int kWriters = 4, kSearchers = 2;
  const uint64_t seed = PrintedSeed();
  Stack stack(std::string(R"("s":[{"type":"fulltext","path":"text",
                                   "fields":{"title":{"weight":3},"body":{"language":"german"}},
                                   "terms":["kind","owner"],"values":["year","kind"])") +
              GetParam().options + "}," + GetParam().below + "]");
  std::atomic<bool> stop{false}, over{false};
  std::deque<Client> clients;
  std::vector<std::thread> writers, searchers;
  for (int n = 0; n < kWriters + kSearchers; ++n) {
    Client& c = clients.emplace_back(stack.s(), n, seed, stop);
    if (n < kWriters) {
      writers.push_back(Start(stop, [&c] { c.Write(kRounds); }));
    } else {
      searchers.push_back(Start(stop, [&] {
        ASSERT_NO_FATAL_FAILURE(c.Fill());
        c.Search(over);
      }));
    }
  }
  for (std::thread& t : writers) t.join();
  over = true;
  for (std::thread& t : searchers) t.join();
  if (HasFatalFailure()) return;
  TextModel all;
  for (const Client& c : clients) all.insert(c.model().begin(), c.model().end());
  ASSERT_NO_FATAL_FAILURE(SearchAll(stack, all, kQuestions, ~seed));
  // What was read was never made anew.
  EXPECT_EQ(stack.Figure("builds"), 1);
  EXPECT_EQ(stack.Figure("comparisons"), 0);
  if (!GetParam().lasting) return;
  stack.Reopen();
  ASSERT_NO_FATAL_FAILURE(SearchAll(stack, all, kQuestions, seed));
  EXPECT_EQ(stack.Figure("builds"), 0);
  EXPECT_EQ(stack.Figure("comparisons"), 0);
}

constexpr Layers kLayers[] = {
    {"memory", "", R"("memory:")", false},
    {"memory_in_small_commits", R"(,"commit_after":"1ms","commit_changes":3)", R"("memory:")",
     false},
    {"rocksdb", "", R"({"type":"rocksdb","path":"d","durability":"async"})", true},
    {"rocksdb_in_small_commits", R"(,"commit_after":"1ms","commit_changes":3)",
     R"({"type":"rocksdb","path":"d","durability":"async"})", true},
    {"aggregate", R"(,"commit_after":"5ms")",
     R"({"type":"aggregate","inners":["memory:","memory:"],"properties":["*",["body","year"]]})",
     false},
};
INSTANTIATE_TEST_SUITE_P(All, ConcurrentFulltextLaw, ::testing::ValuesIn(kLayers),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace strata::testing
