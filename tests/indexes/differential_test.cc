// Every plan gives the oracle's rows in the oracle's order: random documents, random sets of
// indexes, random queries, each under every plan that can serve it, in pages of 1, 2, 3 and all at
// once, on memory and RocksDB, and within a transaction that has written.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

#include "pipeline/all_stages.h"
#include "pipeline/pipeline.h"
#include "store/index_admin.h"
#include "store/ops.h"
#include "tests/indexes/small_world.h"
#include "tests/support/model.h"
#include "tests/support/random_query.h"

namespace strata::testing {
namespace {

// The first row in which two answers differ, or "".
std::string Difference(const std::vector<std::string>& found,
                       const std::vector<std::string>& expected) {
  for (size_t i = 0; i < std::max(found.size(), expected.size()); ++i) {
    const std::string f = i < found.size() ? found[i] : "(nothing)";
    const std::string e = i < expected.size() ? expected[i] : "(nothing)";
    if (f != e) return "row " + std::to_string(i) + ": found " + f + ", expected " + e;
  }
  return "";
}

class DifferentialTest : public ::testing::TestWithParam<std::string> {
 protected:
  DifferentialTest()
      : seed_(PrintedSeed()), world_(seed_), wild_(seed_ + 1), wild_json_(seed_ + 2) {
    EXPECT_TRUE(RegisterAll(registry_).ok());
    const char* base = std::getenv("TEST_TMPDIR");
    folder_ = std::filesystem::path(base != nullptr ? base : "/tmp") /
              ("strata-" + std::to_string(std::random_device{}()));
  }
  ~DifferentialTest() override {
    pipeline_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Open(const std::string& indexes) {
    store_.reset();
    pipeline_.reset();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    const std::string base =
        GetParam() == "memory"
            ? Concat(R"({"type":"memory","columns":")", world_.Below(3) == 0 ? "auto" : "always",
                     "\"")
            : R"({"type":"rocksdb","path":"data","write_buffer":"4MiB","durability":"async")";
    auto p = Pipeline::FromText(
        R"({"stores":{"s":)" + base + R"(,"indexes":)" + indexes + R"(}},"serve":["s"]})",
        folder_.string(), registry_);
    ASSERT_TRUE(p.ok()) << Describe(p.status());
    pipeline_ = *std::move(p);
    store_ = pipeline_->Find("s");
    names_ = {"scan"};
    for (const IndexReport& r : dynamic_cast<IndexAdmin&>(*pipeline_->FindBase("s")).Indexes()) {
      ASSERT_EQ(r.state, IndexState::kReady);
      names_.push_back(r.spec.name);
    }
  }

  // Documents come, change and go, some through transactions.
  template <typename Target>
  void Scribble(Target& target, int writes, std::map<std::string, Document>* model) {
    WriteBatch batch;
    for (int i = 0; i < writes; ++i) {
      const std::string id_json = world_.Id(40);
      const std::string id = id_json[0] == '"' ? id_json.substr(1, id_json.size() - 2) : id_json;
      if (world_.Below(6) == 0) {
        batch.Delete(id);
        model->erase(id);
      } else {
        const std::string wild = wild_json_.Object(3);
        const std::string text =
            world_.Below(8) != 0 || wild == "{}"
                ? world_.DocumentText(id_json)
                : "{\"id\":" + id_json + ",\"key\":[" + id_json + "]," + wild.substr(1);
        const auto d = Document::Parse(text);
        ASSERT_TRUE(d.ok()) << text << d.status();
        (*model)[id] = *d;
        batch.Put(*d);
      }
      if (i % 7 != 0 && i + 1 < writes) continue;
      const auto written = target.Write(Context::Background(), batch);
      ASSERT_TRUE(written.ok()) << Describe(written.status());
      batch = WriteBatch();
    }
  }

  // All rows, `page` at a time, each page by a run of its own.
  template <typename Target>
  StatusOr<std::vector<std::string>> Rows(Target& target, const Query& query, size_t page) {
    std::vector<std::string> rows;
    ASSIGN_OR_RETURN(const auto plan, PrepareComplete(target, Context::Background(), query));
    OpenOptions options;
    for (;;) {
      ASSIGN_OR_RETURN(const auto cursor, plan->Open(Context::Background(), options));
      RowBatch batch;
      RETURN_IF_ERROR(cursor->Next(Context::Background(), page, &batch));
      for (const Document& d : batch.rows) rows.emplace_back(d.text());
      if (batch.end != EndReason::kMore) return rows;
      options.position = cursor->Position();
    }
  }

  // Asks under every plan that can serve the query.
  template <typename Target>
  void Compare(Target& target, const std::map<std::string, Document>& model, const Query& q,
               int round) {
    const std::vector<std::string> expected = ModelAnswer(model, q);
    const size_t page = round % 4 == 3 ? kBatchRows : 1 + round % 4;
    std::vector<Query> plans = {q};
    const auto hint = [&](std::vector<Node> names) {
      std::vector<Node> stages = {Node::Call(Op::kUsing, std::move(names))};
      stages.insert(stages.end(), q.stages().begin(), q.stages().end());
      plans.push_back(Query::Of(q.conjuncts(), std::move(stages)));
    };
    for (const std::string& n : names_) hint({Node::Str(n)});
    if (names_.size() > 2) {
      const int a = 1 + world_.Below(static_cast<int>(names_.size()) - 1);
      const int b = 1 + world_.Below(static_cast<int>(names_.size()) - 1);
      if (a != b) hint({Node::Str(names_[a]), Node::Str(names_[b])});
    }
    for (const Query& plan : plans) {
      const auto rows = Rows(target, plan, page);
      if (!rows.ok() && rows.status().code() == StatusCode::kInvalidArgument &&
          Message(rows.status()).find("cannot serve") != std::string::npos) {
        continue;
      }
      ASSERT_TRUE(rows.ok()) << plan.ToString() << "\n" << Describe(rows.status());
      ++plans_run_;
      ASSERT_EQ(Difference(*rows, expected), "")
          << plan.ToString() << " in pages of " << page << "\n"
          << ExplainText((*PrepareComplete(target, Context::Background(), plan))->Explain());
    }
  }

  Query AnyQuery() { return world_.Below(4) == 0 ? wild_.Answerable() : world_.AnyQuery(); }

  const uint64_t seed_;
  SmallWorld world_;
  RandomQuery wild_;
  RandomJson wild_json_;
  StageRegistry registry_;
  std::filesystem::path folder_;
  std::unique_ptr<Pipeline> pipeline_;
  std::shared_ptr<Store> store_;
  std::vector<std::string> names_;
  uint64_t plans_run_ = 0;
};

TEST_P(DifferentialTest, EveryPlanAnswersAsTheOracleDoes) {
  const bool memory = GetParam() == "memory";
#ifdef STRATA_SANITIZED
  const int rounds = memory ? 20 : 6, queries = 60;
#else
  const int rounds = memory ? 400 : 60, queries = memory ? 220 : 250;
#endif
  uint64_t asked = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::string indexes = world_.Indexes();
    SCOPED_TRACE(indexes);
    ASSERT_NO_FATAL_FAILURE(Open(indexes));
    std::map<std::string, Document> model;
    for (int i = 0; i < queries; ++i) {
      if (i % 20 == 0) {
        ASSERT_NO_FATAL_FAILURE(Scribble(*store_, 25, &model));
      }
      ++asked;
      ASSERT_NO_FATAL_FAILURE(Compare(*store_, model, AnyQuery(), i));
    }
    // The same within a transaction that has written, and nothing of it afterwards.
    auto transaction = store_->Begin(Context::Background(), {});
    ASSERT_TRUE(transaction.ok());
    std::map<std::string, Document> mine = model;
    ASSERT_NO_FATAL_FAILURE(Scribble(**transaction, 15, &mine));
    ASSERT_NO_FATAL_FAILURE(Compare(**transaction, mine, Query(), 3));
    for (int i = 0; i < queries / 8; ++i) {
      ++asked;
      ASSERT_NO_FATAL_FAILURE(Compare(**transaction, mine, AnyQuery(), i));
    }
    ASSERT_TRUE((*transaction)->Abort().ok());
    ASSERT_NO_FATAL_FAILURE(Compare(*store_, model, AnyQuery(), round));
  }
  std::printf("%llu queries, %llu plans\n", static_cast<unsigned long long>(asked),
              static_cast<unsigned long long>(plans_run_));
}

INSTANTIATE_TEST_SUITE_P(Bases, DifferentialTest, ::testing::Values("memory", "rocksdb"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace strata::testing
