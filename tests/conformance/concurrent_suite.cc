// The law of every stage: many clients at once, and to each its own documents are as in a store
// that it has for itself, at every moment; at the end there is what all of them left.
#include <thread>

#include "tests/conformance/composition.h"
#include "tests/support/model.h"
#include "tests/support/random_query.h"

namespace strata::testing {
namespace {

constexpr int kClients = 4;

using Model = std::map<std::string, Document>;

class ConcurrentSuite : public ConformanceTest {
 protected:
  static std::vector<std::string> Texts(const std::vector<Document>& rows) {
    std::vector<std::string> out;
    for (const Document& d : rows) out.push_back(Shown(d));
    return out;
  }

  // One client, whose ids begin with `prefix`. Gives what it left, or nothing after a failure.
  Model Run(const std::string& prefix, uint64_t seed, int steps) {
    RandomJson random(seed);
    RandomQuery queries(seed + 1);
    Model model;
    for (int step = 0; step < steps && !HasFailure(); ++step) {
      switch (random.Below(6)) {
        case 0:
        case 1:
          Batch(random, prefix, &model);
          break;
        case 2:
          InTransaction(random, prefix, &model);
          break;
        case 3:
          Look(random, prefix, model);
          break;
        default:
          Ask(queries.Answerable(), prefix, model);
      }
    }
    return model;
  }

  // A batch of random writes, and what it makes of the model.
  static WriteBatch Writes(RandomJson& random, const std::string& prefix, Model* model) {
    WriteBatch batch;
    for (int n = 1 + random.Below(3); n > 0; --n) {
      const std::string id = prefix + std::to_string(random.Below(6));
      if (random.Below(3) == 0) {
        batch.Delete(id);
        model->erase(id);
        continue;
      }
      const std::string text = random.Object(2);
      const Document d =
          Doc("{\"id\":\"" + id + "\"" + (text == "{}" ? "}" : "," + text.substr(1)));
      batch.Put(d);
      (*model)[id] = d;
    }
    return batch;
  }

  void Batch(RandomJson& random, const std::string& prefix, Model* model) {
    Model after = *model;
    const auto written = store().Write(ctx(), Writes(random, prefix, &after));
    // Aborted: nothing was written.
    if (written.status().code() == StatusCode::kAborted) return;
    ASSERT_TRUE(written.ok()) << Describe(written.status());
    *model = std::move(after);
  }

  void InTransaction(RandomJson& random, const std::string& prefix, Model* model) {
    auto t = store().Begin(ctx(), {});
    ASSERT_TRUE(t.ok()) << Describe(t.status());
    Model after = *model;
    for (int n = 1 + random.Below(2); n > 0; --n) {
      const auto written = (*t)->Write(ctx(), Writes(random, prefix, &after));
      if (written.status().code() == StatusCode::kAborted) return;
      ASSERT_TRUE(written.ok()) << Describe(written.status());
      const std::string id = prefix + std::to_string(random.Below(6));
      Compare(Get(**t, ctx(), id), id, after);
    }
    if (random.Below(3) == 0) {
      ASSERT_TRUE((*t)->Abort().ok());
      return;
    }
    const auto committed = (*t)->Commit(ctx());
    if (committed.status().code() == StatusCode::kAborted) return;
    ASSERT_TRUE(committed.ok()) << Describe(committed.status());
    *model = std::move(after);
  }

  void Look(RandomJson& random, const std::string& prefix, const Model& model) {
    const std::string id = prefix + std::to_string(random.Below(6));
    Compare(Get(store(), ctx(), id), id, model);
  }

  static void Compare(const StatusOr<std::optional<Record>>& found, const std::string& id,
                      const Model& model) {
    ASSERT_TRUE(found.ok()) << Describe(found.status());
    const auto expected = model.find(id);
    ASSERT_EQ(*found ? Shown((*found)->document) : "nothing",
              expected == model.end() ? "nothing" : Shown(expected->second))
        << id;
  }

  void Ask(const Query& any, const std::string& prefix, const Model& model) {
    if (!GetParam().keeps_order && any.ToString().find("recurse(") != std::string::npos) return;
    Query own = Query().Where(Prefix(kIdProperty, prefix));
    std::vector<Node> conjuncts = own.conjuncts();
    conjuncts.insert(conjuncts.end(), any.conjuncts().begin(), any.conjuncts().end());
    own = Query::Of(std::move(conjuncts), any.stages());
    const auto rows = Collect(store(), ctx(), own);
    ASSERT_TRUE(rows.ok()) << own.ToString() << "\n" << Describe(rows.status());
    std::vector<std::string> expected = ModelAnswer(model, any);
    for (std::string& row : expected) row = Shown(row);
    ASSERT_EQ(Texts(*rows), expected) << own.ToString();
  }
};

TEST_P(ConcurrentSuite, EachClientHasAStoreForItself) {
  if (store().capabilities().freshness < Freshness::kLatest) GTEST_SKIP() << "reads may be behind";
#ifdef STRATA_SANITIZED
  const int steps = std::max(20, Rounds(200));
#else
  const int steps = std::max(60, Rounds(1000));
#endif
  const uint64_t seed = PrintedSeed();
  Model left[kClients];
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&, c] {
      const std::string prefix = std::string(1, static_cast<char>('a' + c)) + "-";
      left[c] = Run(prefix, seed + 10 * static_cast<uint64_t>(c), steps);
    });
  }
  for (std::thread& t : clients) t.join();
  if (HasFailure()) return;
  std::vector<std::string> expected;
  for (const Model& m : left) {
    for (const auto& [id, d] : m) expected.push_back(Shown(d));
  }
  const auto rows = Collect(store(), ctx(), Query());
  ASSERT_TRUE(rows.ok()) << Describe(rows.status());
  EXPECT_EQ(Texts(*rows), expected);
}

INSTANTIATE_CONFORMANCE(ConcurrentSuite);

}  // namespace
}  // namespace strata::testing
