// Pushdown equivalence: every composition answers as the oracle does, row for row, in pages of any
// size.
#include "query/print.h"
#include "tests/conformance/composition.h"
#include "tests/support/model.h"
#include "tests/support/random_query.h"

namespace strata::testing {
namespace {

class QuerySuite : public ConformanceTest {
 protected:
  std::map<std::string, Document> Fill(RandomJson& random, int documents) {
    std::map<std::string, Document> model;
    WriteBatch batch;
    for (int i = 0; i < documents; ++i) {
      const std::string id = (i % 3 == 0 ? "b" : "a") + std::to_string(random.Below(documents * 2));
      const Document d = WithId(random.Object(3), id);
      model[id] = d;
      batch.Put(d);
    }
    EXPECT_TRUE(store().Write(ctx(), batch).ok());
    return model;
  }
  static Document WithId(const std::string& text, const std::string& id) {
    return Doc("{\"id\":\"" + id + "\"" +
               (text == "{}" ? "" : "," + text.substr(1, text.size() - 2)) + "}");
  }

  // The first row in which two answers differ, or "".
  static std::string Difference(const std::vector<std::string>& found,
                                const std::vector<std::string>& expected) {
    for (size_t i = 0; i < std::max(found.size(), expected.size()); ++i) {
      const std::string f = i < found.size() ? found[i] : "(nothing)";
      const std::string e = i < expected.size() ? expected[i] : "(nothing)";
      if (f != e) return "row " + std::to_string(i) + ": found " + f + ", expected " + e;
    }
    return "";
  }

  // All rows, `page` at a time, each page by a run of its own from the continuation of the one
  // before.
  StatusOr<std::vector<std::string>> Paged(const Query& query, size_t page) {
    std::vector<std::string> rows;
    ASSIGN_OR_RETURN(const auto plan, PrepareComplete(store(), ctx(), query));
    OpenOptions options;
    for (;;) {
      ASSIGN_OR_RETURN(const auto cursor, plan->Open(ctx(), options));
      RowBatch batch;
      RETURN_IF_ERROR(cursor->Next(ctx(), page, &batch));
      EXPECT_LE(batch.rows.size(), page);
      for (const Document& d : batch.rows) rows.push_back(Shown(d));
      if (batch.end != EndReason::kMore) return rows;
      options.position = cursor->Position();
    }
  }
};

TEST_P(QuerySuite, AnswersAsTheOracleDoes) {
#ifdef STRATA_SANITIZED
  const int rounds = Rounds(4), queries_each = 60;
#else
  const int rounds = Rounds(10), queries_each = std::max(60, Rounds(300));
#endif
  const uint64_t seed = PrintedSeed();
  RandomJson random(seed);
  RandomQuery queries(seed + 1);
  for (int round = 0; round < rounds; ++round) {
    const auto old = Collect(store(), ctx(), Query());
    for (const Document& d : *old) ASSERT_TRUE(Delete(store(), ctx(), StoredId(d)).ok());
    const auto model = Fill(random, 40);
    for (int i = 0; i < queries_each; ++i) {
      const Query q = queries.Answerable();
      // Its rows come in the order of the members.
      if (!GetParam().keeps_order && q.ToString().find("recurse(") != std::string::npos) continue;
      auto expected = ModelAnswer(model, q);
      for (std::string& row : expected) row = Shown(row);
      const auto rows = Collect(store(), ctx(), q);
      ASSERT_TRUE(rows.ok()) << q.ToString() << "\n" << Describe(rows.status());
      std::vector<std::string> texts;
      for (const Document& d : *rows) texts.push_back(Shown(d));
      ASSERT_EQ(Difference(texts, expected), "") << q.ToString();
      const size_t page = 1 + i % 3;
      const auto paged = Paged(q, page);
      ASSERT_TRUE(paged.ok()) << q.ToString() << "\n" << Describe(paged.status());
      ASSERT_EQ(Difference(*paged, expected), "") << q.ToString() << " in pages of " << page;
    }
  }
}

TEST_P(QuerySuite, IdConditionsNarrowTheScan) {
  for (const char* id : {"a", "aa", "ab", "b", "c", "\xC3\xA9"}) {
    ASSERT_TRUE(Put(store(), ctx(), Doc(std::string("{\"id\":\"") + id + "\"}")).ok());
  }
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":7})")).ok());
  const auto ids = [&](std::string_view rql) {
    const auto rows = Collect(store(), ctx(), rql);
    std::string out;
    if (!rows.ok()) return Describe(rows.status());
    for (const Document& d : *rows) out += StoredId(d) + " ";
    return out;
  };
  EXPECT_EQ(ids("id=ab"), "ab ");
  EXPECT_EQ(ids("id=7"), "7 ");
  EXPECT_EQ(ids("id=string:7"), "");
  EXPECT_EQ(ids("in(id,(b,a,zz,b))"), "a b ");
  EXPECT_EQ(ids("prefix(id,a)"), "a aa ab ");
  EXPECT_EQ(ids("id=gt=a&id=lt=b"), "aa ab ");
  EXPECT_EQ(ids("id=ge=aa&id=le=b"), "aa ab b ");
  EXPECT_EQ(ids("between(id,(aa,b))"), "aa ab ");
  EXPECT_EQ(ids("id=ab&id=b"), "");
  EXPECT_EQ(ids("or(id=a,id=c)"), "a c ");
  const auto plan = PrepareComplete(store(), ctx(), *Query::Parse("id=ab"));
  EXPECT_NE(ExplainText((*plan)->Explain()).find("ids (1)"), std::string::npos);
}

TEST_P(QuerySuite, ALimitedPageGoesOnBehindItself) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(
        Put(store(), ctx(),
            Doc("{\"id\":\"" + std::to_string(i) + "\",\"n\":" + std::to_string(9 - i) + "}"))
            .ok());
  }
  for (const char* rql : {"limit(4)", "sort(-n)&limit(4)", "n=ge=0&select(id)&limit(4)"}) {
    std::string all;
    std::string after;
    for (int page = 0; page < 3; ++page) {
      const Query q =
          Query::Parse(std::string(rql) + (after.empty() ? "" : "&after(" + after + ")")).value();
      const auto plan = PrepareComplete(store(), ctx(), q);
      ASSERT_TRUE(plan.ok()) << plan.status();
      const auto cursor = (*plan)->Open(ctx(), {});
      ASSERT_TRUE(cursor.ok()) << cursor.status();
      RowBatch batch;
      do {
        ASSERT_TRUE((*cursor)->Next(ctx(), 256, &batch).ok());
        for (const Document& d : batch.rows) all += d.Find("id").String();
      } while (batch.end == EndReason::kMore);
      after = (*cursor)->Position();
      all += ' ';
    }
    EXPECT_EQ(all, "0123 4567 89 ") << rql;
  }
}

TEST_P(QuerySuite, ContinuationsAreRefusedForOtherQueries) {
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(Put(store(), ctx(), Doc("{\"id\":\"" + std::to_string(i) + "\"}")).ok());
  const auto plan = PrepareComplete(store(), ctx(), *Query::Parse("exists(id)"));
  const auto cursor = (*plan)->Open(ctx(), {});
  RowBatch batch;
  ASSERT_TRUE((*cursor)->Next(ctx(), 2, &batch).ok());
  const std::string at = (*cursor)->Position();
  const auto message = [&](std::string_view rql, const std::string& position) {
    const auto rows = Collect(store(), ctx(), std::string(rql) + "&after(" + position + ")");
    return rows.ok() ? std::to_string(rows->size()) : std::string(Message(rows.status()));
  };
  EXPECT_EQ(message("exists(id)", at), "3");
  EXPECT_EQ(message("exists(n)", at),
            "the continuation belongs to another query; only after(…) may differ");
  EXPECT_EQ(message("exists(id)", at + "A"),
            "this is no continuation; take one from an earlier page as it is");
  EXPECT_EQ(message("exists(id)", "x"),
            "this is no continuation; take one from an earlier page as it is");
}

TEST_P(QuerySuite, PreparedPlansTakeParameters) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Put(store(), ctx(),
                    Doc("{\"id\":\"p" + std::to_string(i) + "\",\"n\":" + std::to_string(i) + "}"))
                    .ok());
  }
  const auto plan =
      PrepareComplete(store(), ctx(), *Query::Parse("n=ge=$1&sort(-n)&limit($2)&values(n)"));
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto run = [&](std::vector<Node> values) {
    OpenOptions options;
    options.params = values;
    const auto rows = CollectRows(**plan, ctx(), options);
    std::string out;
    if (!rows.ok()) return Describe(rows.status());
    for (const Document& d : *rows) out += std::string(d.text()) + " ";
    return out;
  };
  EXPECT_EQ(run({Lit(2), Lit(2)}), "4 3 ");
  EXPECT_EQ(run({Lit(0), Lit(1)}), "4 ");
  EXPECT_EQ(run({Lit(0)}), "INVALID_ARGUMENT: the parameter $2 is not bound; 1 values were given");
}

TEST_P(QuerySuite, DeadlinesAndCancellationEndAQuery) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Put(store(), ctx(), Doc("{\"n\":1}")).ok());
  CancelSource cancel;
  cancel.Cancel();
  EXPECT_EQ(Collect(store(), ctx().WithCancel(cancel), Query()).status().code(),
            StatusCode::kCancelled);
  EXPECT_EQ(
      Collect(store(), ctx().WithTimeout(std::chrono::nanoseconds(-1)), Query()).status().code(),
      StatusCode::kDeadlineExceeded);
}

TEST_P(QuerySuite, AnOpenCursorSeesOneMoment) {
  for (int i = 0; i < 600; ++i)
    ASSERT_TRUE(
        Put(store(), ctx(), Doc("{\"id\":\"" + std::to_string(1000 + i) + "\",\"v\":0}")).ok());
  const auto plan = PrepareComplete(store(), ctx(), Query());
  const auto cursor = (*plan)->Open(ctx(), {});
  ASSERT_TRUE(cursor.ok());
  RowBatch batch;
  ASSERT_TRUE((*cursor)->Next(ctx(), 1, &batch).ok());
  for (int i = 0; i < 600; ++i)
    ASSERT_TRUE(Update(store(), ctx(), std::to_string(1000 + i), Doc("{\"v\":1}")).ok());
  for (int i = 0; i < 600; i += 2)
    ASSERT_TRUE(Delete(store(), ctx(), std::to_string(1000 + i)).ok());
  ASSERT_TRUE(Put(store(), ctx(), Doc("{\"id\":\"1300x\"}")).ok());
  size_t rows = 1;
  do {
    ASSERT_TRUE((*cursor)->Next(ctx(), 256, &batch).ok());
    for (const Document& d : batch.rows) EXPECT_EQ(d.Find("v").text(), "0");
    rows += batch.rows.size();
  } while (batch.end == EndReason::kMore);
  EXPECT_EQ(rows, 600u);
  EXPECT_EQ(*Count(store(), ctx()), 301u);
}

INSTANTIATE_CONFORMANCE(QuerySuite);

}  // namespace
}  // namespace strata::testing
