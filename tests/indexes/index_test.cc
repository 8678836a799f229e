// Indexes as they are asked for, refused, advised, and built and dropped among readers and writers.
#include <gmock/gmock.h>

#include <atomic>
#include <cmath>
#include <thread>
#include <unordered_map>

#include "core/exact_sum.h"
#include "store/auto_index.h"
#include "tests/indexes/index_fixture.h"
#include "tests/support/random_json.h"

namespace strata::testing {
namespace {

using ::testing::HasSubstr;

TEST_P(IndexTest, AUniqueIndexNamesItselfTheValueAndTheOther) {
  Open(R"([{"path":["name","year"],"unique":true}])");
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"a","name":"x","year":1})")).ok());
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"b","name":"x","year":2})")).ok());
  // What is missing binds nobody.
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"c","name":"x"})")).ok());
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"d","name":"x"})")).ok());
  const auto again = Put(*store_, Ctx(), Doc(R"({"id":"e","name":"x","year":1.0})"));
  EXPECT_EQ(again.status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Message(again.status()),
            "the index \"name,year\" is unique and has name \"x\", year 1.0 already, of the "
            "document \"a\"");
  // The same document may be written again, and the value is free when it has gone.
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"a","name":"x","year":1,"more":true})")).ok());
  ASSERT_TRUE(Delete(*store_, Ctx(), "a").ok());
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"e","name":"x","year":1})")).ok());
  EXPECT_EQ(Ids("name=x&year=1&using(name,year)"),
            "using: there is no index \"name\" (there are: \"scan\" \"name,year\")");
  EXPECT_EQ(Ids("name=x&year=1"), "e");
}

TEST_P(IndexTest, ABatchIsJudgedByWhatItMakesInTheEnd) {
  Open(R"([{"path":"n","unique":true}])");
  WriteBatch first;
  first.Put(Doc(R"({"id":"a","n":1})")).Put(Doc(R"({"id":"b","n":2})"));
  ASSERT_TRUE(store_->Write(Ctx(), first).ok());
  WriteBatch swap;
  swap.Put(Doc(R"({"id":"a","n":2})")).Put(Doc(R"({"id":"b","n":1})"));
  ASSERT_TRUE(store_->Write(Ctx(), swap).ok());
  EXPECT_EQ(Ids("sort(n)"), "b a");
  // One that fails leaves nothing, neither data nor index entries.
  WriteBatch bad;
  bad.Put(Doc(R"({"id":"c","n":3})")).Put(Doc(R"({"id":"d","n":1})"));
  const auto written = store_->Write(Ctx(), bad);
  EXPECT_EQ(written.status().code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(Message(written.status())), HasSubstr("operation 1 of the batch"));
  EXPECT_EQ(Ids("sort(n)&using(n)"), "b a");
  WriteBatch twice;
  twice.Put(Doc(R"({"id":"e","n":9})")).Put(Doc(R"({"id":"f","n":9})"));
  EXPECT_EQ(store_->Write(Ctx(), twice).status().code(), StatusCode::kAlreadyExists);
  // In a transaction, at the commit.
  auto t = store_->Begin(Ctx(), {});
  ASSERT_TRUE(t.ok());
  ASSERT_TRUE(Put(**t, Ctx(), Doc(R"({"id":"g","n":1})")).ok());
  EXPECT_EQ((*t)->Commit(Ctx()).status().code(), StatusCode::kAlreadyExists);
  ExpectWhole("n", "n");
}

TEST_P(IndexTest, AStoreTakesTheWholeQueryAndExplainsItByTheParametersNames) {
  Open(R"([{"path":"n"}])");
  for (int i = 0; i < 9; ++i) {
    ASSERT_TRUE(Put(*store_, Ctx(),
                    Doc("{\"id\":\"" + std::to_string(i) +
                        "\",\"n\":1,\"g\":" + std::to_string(i % 3) + "}"))
                    .ok());
  }
  const auto query = Query::Parse("n=$1&sort(-g)&g=lt=$2&select(g)&limit(2)").value();
  const auto plan = store_->Prepare(Ctx(), query).value();
  EXPECT_TRUE(plan->residual().empty()) << plan->residual().ToString();
  const std::vector<Node> values = {Lit(1), Lit(2)};
  OpenOptions options;
  options.params = values;
  const auto cursor = plan->Open(Ctx(), options).value();
  RowBatch batch;
  std::string found;
  do {
    ASSERT_TRUE(cursor->Next(Ctx(), kBatchRows, &batch).ok());
    for (const Document& d : batch.rows) found += d.text();
  } while (batch.end == EndReason::kMore);
  EXPECT_EQ(found, R"({"g":1}{"g":1})");
  ExplainNode n = cursor->Explain();
  while (!n.children.empty()) n = ExplainNode(n.children[0]);
  EXPECT_EQ(n.taken, std::vector<std::string>{"eq(n,$1)"});
  // A parameter that has no say in the way to the documents leaves the plan as it is.
  const auto sure = store_->Prepare(Ctx(), *Query::Parse("n=1&sort(g)&g=lt=$1")).value();
  EXPECT_THAT(ExplainText(sure->Explain()), ::testing::Not(HasSubstr("parameters")));
  // A hint stands before everything, also before the place where a page goes on.
  EXPECT_EQ(Ids("using(n)&n=1&limit(2)"), "0 1");
  const auto page = PrepareComplete(*store_, Ctx(), *Query::Parse("using(n)&n=1")).value();
  const auto first = page->Open(Ctx(), {}).value();
  ASSERT_TRUE(first->Next(Ctx(), 7, &batch).ok());
  EXPECT_EQ(Ids("using(n)&after(" + first->Position() + ")&n=1"), "7 8");
  // How many rows a limit cut off is known above it.
  const auto total =
      PrepareComplete(*store_, Ctx(), *Query::Parse("limit(4,0,Infinity)&distinct(g)"));
  const auto top = (*total)->Open(Ctx(), {}).value();
  std::optional<uint64_t> rows;
  do {
    ASSERT_TRUE(top->Next(Ctx(), kBatchRows, &batch).ok());
    if (batch.total) rows = batch.total;
  } while (batch.end == EndReason::kMore);
  EXPECT_EQ(rows, 9u);
}

TEST_P(IndexTest, AVoteHoldsTheUniqueValuesThatItWillTake) {
  Open(R"([{"path":"n","unique":true}])");
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"a","n":1})")).ok());
  auto hopeless = store_->Begin(Ctx(), {}).value();
  ASSERT_TRUE(Put(*hopeless, Ctx(), Doc(R"({"id":"b","n":1})")).ok());
  EXPECT_EQ(hopeless->Vote(Ctx()).code(), StatusCode::kAlreadyExists);
  auto t = store_->Begin(Ctx(), {}).value();
  ASSERT_TRUE(Put(*t, Ctx(), Doc(R"({"id":"c","n":2})")).ok());
  ASSERT_TRUE(t->Vote(Ctx()).ok());
  const auto other = Put(*store_, Ctx(), Doc(R"({"id":"d","n":2})"));
  EXPECT_EQ(other.status().code(), StatusCode::kAborted);
  EXPECT_EQ(Message(other.status()),
            "a transaction that is about to commit holds the value in the index \"n\"; run again");
  auto rival = store_->Begin(Ctx(), {}).value();
  ASSERT_TRUE(Put(*rival, Ctx(), Doc(R"({"id":"e","n":2})")).ok());
  EXPECT_EQ(rival->Vote(Ctx()).code(), StatusCode::kAborted);
  const auto committed = t->Commit(Ctx());
  ASSERT_TRUE(committed.ok()) << Describe(committed.status());
  EXPECT_EQ(Put(*store_, Ctx(), Doc(R"({"id":"d","n":2})")).status().code(),
            StatusCode::kAlreadyExists);
  EXPECT_EQ(Ids("sort(n)"), "a c");
}

TEST_P(IndexTest, ATransactionDoesNotReadByAnIndexThatIsYoungerThanItsSnapshot) {
  Open("[]");
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(Put(*store_, Ctx(), Doc("{\"id\":\"" + std::to_string(i) + "\",\"n\":1}")).ok());
  auto t = store_->Begin(Ctx(), {}).value();
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(Put(*store_, Ctx(), Doc("{\"id\":\"" + std::to_string(i) + "\",\"n\":2}")).ok());
  ASSERT_TRUE(Delete(*store_, Ctx(), "10").ok());
  ASSERT_TRUE(admin().CreateIndex(IndexFromPaths("n").value(), IndexOrigin::kAdded).ok());
  ASSERT_TRUE(admin().WaitForIndexes(Ctx()).ok());
  EXPECT_EQ(Counted("n=1&count()"), 9u);
  EXPECT_EQ((*Collect(*t, Ctx(), "n=1&count()"))[0].text(), "20");
  ASSERT_TRUE(Put(*t, Ctx(), Doc(R"({"id":"5","n":3})")).ok());
  EXPECT_EQ((*Collect(*t, Ctx(), "n=1&count()"))[0].text(), "19");
  EXPECT_EQ(Collect(*t, Ctx(), "n=1")->size(), 19u);
}

TEST_P(IndexTest, ARefusedWriteLeavesNoTraceInAUniqueIndex) {
  Open(R"([{"path":"n","unique":true}])");
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"a","n":0})")).ok());
  // Some writers are refused for their revision, others want what those would have freed or taken.
  std::vector<std::thread> writers;
  std::atomic<int> wrong{0};
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < 200 * kScale; ++i) {
        WriteBatch batch;
        WriteOp op;
        op.id = "a";
        op.document = Doc("{\"id\":\"a\",\"n\":7}");
        op.if_revision = 999999999;
        batch.ops.push_back(op);
        if (w < 2) {
          if (store_->Write(Ctx(), batch).status().code() != StatusCode::kFailedPrecondition)
            ++wrong;
        } else {
          const auto s =
              Put(*store_, Ctx(), Doc("{\"id\":\"b" + std::to_string(w) + "\",\"n\":0}"));
          if (s.status().code() != StatusCode::kAlreadyExists) ++wrong;
        }
      }
    });
  }
  for (std::thread& w : writers) w.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(Ids("n=0"), "a");
}

TEST_P(IndexTest, NamesThatBeginWithASignAreKeptAsTheyAre) {
  const std::string indexes = R"([{"path":"+-x"},{"path":"-+y"}])";
  Open(indexes);
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"a","-x":1,"x":5,"+y":2})")).ok());
  ASSERT_TRUE(Put(*store_, Ctx(), Doc(R"({"id":"b","-x":2,"x":4,"+y":1})")).ok());
  if (GetParam() != "memory") Open(indexes);
  EXPECT_EQ(Ids("sort(+-x)&using(%2B-x)"), "a b");
  EXPECT_EQ(Ids("sort(-+y)&using(-%2By)"), "a b");
  EXPECT_EQ(Ids("sort(x)"), "b a");
}

TEST_P(IndexTest, OneOfManyWritersGetsAUniqueValue) {
  Open(R"([{"path":"n","unique":true}])");
  std::atomic<int> won{0};
  std::atomic<int> lost{0};
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < 100 * kScale; ++i) {
        const auto s = Create(*store_, Ctx(),
                              Doc("{\"id\":\"" + std::to_string(w) + "-" + std::to_string(i) +
                                  "\",\"n\":" + std::to_string(i) + "}"));
        if (s.ok()) {
          ++won;
        } else if (s.status().code() == StatusCode::kAlreadyExists) {
          ++lost;
        }
      }
    });
  }
  for (std::thread& w : writers) w.join();
  EXPECT_EQ(won, 100 * kScale);
  EXPECT_EQ(lost, 300 * kScale);
  EXPECT_EQ(Counted("count()"), static_cast<uint64_t>(100 * kScale));
  ExpectWhole("n", "n");
}

TEST_P(IndexTest, ATextTooLongToBeIndexedIsRefusedWithTheIndex) {
  Open(R"([{"path":"s"}])");
  const auto s =
      Put(*store_, Ctx(), Doc("{\"id\":\"a\",\"s\":\"" + std::string(20000, 'x') + "\"}"));
  EXPECT_EQ(s.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(s.status())), HasSubstr("the index \"s\" would hold a key of"));
  EXPECT_EQ(Counted("count()"), 0u);
}

TEST_P(IndexTest, AnIndexIsBuiltAndDroppedWhileOthersReadAndWrite) {
  Open("[]");
  WriteBatch batch;
  for (int i = 0; i < 500 * kScale; ++i) {
    batch.Put(Doc("{\"id\":\"" + std::to_string(i) + "\",\"n\":" + std::to_string(i % 97) + "}"));
  }
  ASSERT_TRUE(store_->Write(Ctx(), batch).ok());
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0};
  std::vector<std::thread> clients;
  for (int w = 0; w < 2; ++w) {
    clients.emplace_back([&, w] {
      std::mt19937 random(static_cast<unsigned>(w));
      while (!stop) {
        const std::string id = std::to_string(random() % (500 * kScale));
        const auto s =
            random() % 5 == 0
                ? Delete(*store_, Ctx(), id).status()
                : Put(*store_, Ctx(),
                      Doc("{\"id\":\"" + id + "\",\"n\":" + std::to_string(random() % 97) + "}"))
                      .status();
        if (!s.ok()) ++failures;
      }
    });
  }
  clients.emplace_back([&] {
    for (int i = 0; !stop; ++i) {
      const auto rows = Collect(*store_, Ctx(), "n=" + std::to_string(i % 97) + "&sort(-n)");
      if (!rows.ok() && rows.status().code() != StatusCode::kAborted) ++failures;
      if (!rows.ok()) continue;
      for (const Document& d : *rows) {
        if (d.Find("n").text() != std::to_string(i % 97)) ++failures;
      }
    }
  });
  for (int round = 0; round < 3; ++round) {
    const IndexSpec spec = IndexFromPaths("n").value();
    EXPECT_TRUE(admin().CreateIndex(spec, IndexOrigin::kAdded).ok());
    EXPECT_EQ(admin().CreateIndex(spec, IndexOrigin::kAdded).code(), StatusCode::kAlreadyExists);
    EXPECT_TRUE(admin().WaitForIndexes(Ctx()).ok());
    std::this_thread::yield();
    if (round == 2) break;
    EXPECT_TRUE(admin().DropIndex("n").ok());
    EXPECT_EQ(admin().DropIndex("n").code(), StatusCode::kNotFound);
    EXPECT_TRUE(admin().WaitForIndexes(Ctx()).ok());
  }
  stop = true;
  for (std::thread& c : clients) c.join();
  EXPECT_EQ(failures, 0);
  ExpectWhole("n", "n");
}

TEST_P(IndexTest, AdviceComesFromWhatQueriesDid) {
  Open("[]", R"(,"auto_index":"dry_run")");
  WriteBatch batch;
  for (int i = 0; i < 400; ++i) {
    batch.Put(Doc("{\"id\":\"" + std::to_string(i) + "\",\"a\":" + std::to_string(i % 40) +
                  ",\"b\":" + std::to_string(i) + ",\"t\":[\"x" + std::to_string(i % 4) + "\"]}"));
  }
  ASSERT_TRUE(store_->Write(Ctx(), batch).ok());
  const auto proposals = [&] {
    std::string out;
    for (const auto& p : ProposeIndexes(admin().Indexes(), admin().queries().Candidates(), 400.0))
      out += p.spec.name + " ";
    return out;
  };
  EXPECT_EQ(proposals(), "");
  for (int i = 0; i < 20; ++i) {
    Ids("a=" + std::to_string(i) + "&sort(-b)&limit(3)");
    Ids("contains(t,x" + std::to_string(i % 4) + ")");
    Ids("sort(b)");  // looks at what it gives: an index would save nothing
  }
  EXPECT_EQ(proposals(), "a,-b t[] ");
  AutoIndexer dry(&admin(), AutoIndex::kDryRun, 1);
  EXPECT_EQ(dry.Round(400), "would build a,-b");
  AutoIndexer indexer(&admin(), AutoIndex::kOn, 1);
  EXPECT_EQ(indexer.Round(400), "builds a,-b");
  ASSERT_TRUE(admin().WaitForIndexes(Ctx()).ok());
  EXPECT_THAT(
      ExplainText(
          (*PrepareComplete(*store_, Ctx(), *Query::Parse("a=1&sort(-b)&limit(3)")))->Explain()),
      HasSubstr("index a,-b"));
  // It is not dropped for another while it serves queries …
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(indexer.Round(400), "");
    Ids("a=" + std::to_string(round) + "&sort(-b)&limit(3)");
  }
  // … but when it has served none for a while.
  EXPECT_EQ(indexer.Round(400), "");
  EXPECT_EQ(indexer.Round(400), "");
  EXPECT_EQ(indexer.Round(400), "");
  EXPECT_EQ(indexer.Round(400), "dropped a,-b");
  EXPECT_EQ(indexer.Round(400), "builds t[]");
}

TEST_P(IndexTest, ScansWithHelpersGiveTheSameRowsInTheSameOrder) {
  Open("[]");
  constexpr int kDocuments = 24000;  // more than those from which a scan takes helpers
  std::string expected;
  for (int at = 0; at < kDocuments;) {
    WriteBatch batch;
    for (int i = 0; i < 1000; ++i, ++at) {
      const std::string id = std::to_string(100000 + at);
      batch.Put(Doc("{\"id\":\"" + id + "\",\"n\":" + std::to_string(at * 7919 % 100) + "}"));
      if (at * 7919 % 100 < 30) expected += (expected.empty() ? "" : " ") + id;
    }
    ASSERT_TRUE(store_->Write(Ctx(), batch).ok());
  }
  // Others write what the query does not ask for, while it runs.
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      (void)Put(*store_, Ctx(), Doc("{\"id\":\"9" + std::to_string(i % 500) + "\",\"n\":99}"));
      (void)Delete(*store_, Ctx(), "9" + std::to_string((i + 250) % 500));
    }
  });
  const auto plan = PrepareComplete(*store_, Ctx(), *Query::Parse("n=lt=30")).value();
  for (const size_t page : {size_t{100000}, size_t{700}}) {
    std::string found;
    OpenOptions options;
    for (bool more = true; more;) {
      const auto cursor = plan->Open(Ctx(), options).value();
      RowBatch batch;
      size_t rows = 0;
      do {
        EXPECT_TRUE(cursor->Next(Ctx(), std::min(page - rows, kBatchRows), &batch).ok());
        rows += batch.rows.size();
        for (const Document& d : batch.rows) found += (found.empty() ? "" : " ") + StoredId(d);
      } while (batch.end == EndReason::kMore && rows < page);
      more = batch.end == EndReason::kMore;
      options.position = cursor->Position();
    }
    EXPECT_EQ(found, expected) << "in pages of " << page;
  }
  CancelSource cancel;
  cancel.Cancel();
  EXPECT_EQ(Collect(*store_, Ctx().WithCancel(cancel), "n=lt=30").status().code(),
            StatusCode::kCancelled);
  EXPECT_EQ(Counted("n=lt=30&count()"), static_cast<uint64_t>(kDocuments) * 30 / 100);
  stop = true;
  writer.join();
}

TEST_P(IndexTest, AggregationsWithHelpersAreThoseOfOneThread) {
  Open("[]");
  constexpr int kDocuments = 26000;  // enough for helpers
  constexpr int kGroups[] = {1, 7, 900, kDocuments};
  struct Expected {
    std::string key, first, least;
    int64_t count = 0;
    ExactSum sum;
  };
  std::vector<Expected> expected[std::size(kGroups)];
  std::unordered_map<std::string, size_t> places[std::size(kGroups)];
  std::mt19937_64 random(PrintedSeed());
  WriteBatch batch;
  for (int i = 0; i < kDocuments; ++i) {
    // Amounts whose sum in doubles depends on the order.
    const double x =
        std::ldexp(static_cast<double>(random() >> 12), static_cast<int>(random() % 60)) *
        (random() % 2 == 0 ? 1 : -1);
    const std::string amount = Number(x).ToString();
    std::string id = std::to_string(i);
    id = std::string(6 - id.size(), '0') + id;
    std::string text = "{\"id\":\"" + id + "\",\"x\":" + amount;
    for (size_t g = 0; g < std::size(kGroups); ++g) {
      // A value comes up first in order of its number.
      const int value = std::min(i, static_cast<int>(random() % static_cast<uint64_t>(kGroups[g])));
      const auto n = std::to_string(g);
      const std::string key =
          g % 2 == 0 ? std::to_string(value) : "\"" + std::to_string(value) + "\"";
      text += ",\"g" + n + "\":" + key;
      auto& groups = expected[g];
      const auto [place, added] = places[g].try_emplace(key, groups.size());
      if (added) groups.push_back({key, "\"" + id + "\"", amount, 0, {}});
      Expected& e = groups[place->second];
      ++e.count;
      e.sum.Add(x);
      if (x < Number::Parse(e.least)->ToDouble()) e.least = amount;
    }
    batch.Put(Doc(text + "}"));
    if (batch.ops.size() == 1000) {
      ASSERT_TRUE(store_->Write(Ctx(), batch).ok());
      batch = WriteBatch();
    }
  }
  for (size_t g = 0; g < std::size(kGroups); ++g) {
    const std::string n = std::to_string(g);
    const std::string rql = "aggregate(g" + n + ",count(),sum(x),min(x),first(id))";
    for (const size_t budget : {size_t{256} << 20, size_t{60} << 10}) {
      OpenOptions options;
      options.memory_budget = budget;
      // The first run reads documents, the third one columns where there are any.
      for (int run = 0; run < 3; ++run) {
        const auto rows = Collect(*store_, Ctx(), *Query::Parse(rql), options);
        ASSERT_TRUE(rows.ok()) << Describe(rows.status());
        if (g == 3) {  // nearly all differ
          uint64_t counted = 0;
          for (const Document& d : *rows)
            counted += static_cast<uint64_t>(d.Find("count()").number().int_value());
          ASSERT_EQ(counted, static_cast<uint64_t>(kDocuments));
          continue;
        }
        ASSERT_EQ(rows->size(), expected[g].size()) << rql;
        for (size_t i = 0; i < rows->size(); ++i) {
          const Expected& e = expected[g][i];
          ASSERT_EQ((*rows)[i].text(),
                    "{\"g" + n + "\":" + e.key + ",\"count()\":" + std::to_string(e.count) +
                        ",\"sum(x)\":" + e.sum.Total().ToString() + ",\"min(x)\":" + e.least +
                        ",\"first(id)\":" + e.first + "}")
              << rql << " within " << budget << ", run " << run;
        }
      }
    }
  }
}

// What a function keeps may shrink; a group whose rows were put off must not come up again for it.
TEST_P(IndexTest, AGroupThatWasPutOffComesOnce) {
  Open("[]");
  constexpr int kDocuments = 24000;
  WriteBatch batch;
  for (int i = 0; i < kDocuments; ++i) {
    // Long values first, short ones later, and in the end groups that found no room.
    const int group = i < 4000 ? i % 300 : i < 16000 ? i % 40 : 200 + i % 100;
    std::string id = std::to_string(100000 + i);
    batch.Put(Doc("{\"id\":\"" + id + "\",\"k\":" + std::to_string(group) + ",\"v\":\"" +
                  (i < 4000 ? std::string(4000, 'b') : "a") + "\"}"));
    if (batch.ops.size() == 1000) {
      ASSERT_TRUE(store_->Write(Ctx(), batch).ok());
      batch = WriteBatch();
    }
  }
  OpenOptions options;
  options.memory_budget = 1 << 20;
  const Query q = *Query::Parse("aggregate(k,min(v),count())");
  const auto whole = Collect(*store_, Ctx(), q);
  const auto spilled = Collect(*store_, Ctx(), q, options);
  ASSERT_TRUE(whole.ok() && spilled.ok()) << Describe(spilled.status());
  ASSERT_EQ(whole->size(), 300u);
  ASSERT_EQ(spilled->size(), 300u);
  for (size_t i = 0; i < whole->size(); ++i) EXPECT_EQ((*whole)[i].text(), (*spilled)[i].text());
}

TEST_P(IndexTest, AHintForTheOrderServesASumToo) {
  Open(R"([{"path":"n"}])");
  for (const char* id : {"a", "b"})
    ASSERT_TRUE(Put(*store_, Ctx(), Doc("{\"id\":\"" + std::string(id) + "\",\"n\":2}")).ok());
  const auto sum = Collect(*store_, Ctx(), "sort(n)&sum(n)&using(n)");
  ASSERT_TRUE(sum.ok()) << Describe(sum.status());
  EXPECT_EQ((*sum)[0].text(), "4");
}

TEST_P(IndexTest, StatisticsTellRareValuesFromFrequentOnes) {
  Open(R"([{"path":"a"},{"path":["a","b"]}])");
  WriteBatch batch;
  for (int i = 0; i < 20000; ++i) {
    // One value has half of the documents, the others share the rest.
    const int a = i % 2 == 0 ? 0 : 1 + i % 4000;
    batch.Put(Doc("{\"id\":\"" + std::to_string(i) + "\",\"a\":" + std::to_string(a) +
                  ",\"b\":" + std::to_string(i % 10) + "}"));
  }
  ASSERT_TRUE(store_->Write(Ctx(), batch).ok());
  for (const bool again : {false, true}) {
    if (again) {
      ASSERT_TRUE(admin().Analyze(Ctx()).ok());
    }
    const auto estimate = [&](const std::string& rql) {
      return *(*PrepareComplete(*store_, Ctx(), *Query::Parse(rql)))->Explain().estimated_rows;
    };
    EXPECT_NEAR(estimate("a=0&using(a)"), 10000, 1500);
    EXPECT_LT(estimate("a=2&using(a)"), 60);
    EXPECT_NEAR(estimate("a=gt=2000&using(a)"), 5000, 1200);
    EXPECT_LT(estimate("a=gt=3999&using(a)"), 100);
    for (const IndexReport& r : admin().Indexes()) {
      EXPECT_EQ(r.stats->entries(), 20000u);
      EXPECT_NEAR(r.stats->Distinct(1), 2001, 400);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Bases, IndexTest, ::testing::Values("memory", "rocksdb"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace strata::testing
