// What the small stages do beyond passing everything on.
#include <atomic>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "core/instant.h"
#include "core/trace.h"
#include "tests/wrappers/stack.h"

namespace strata::testing {
namespace {

const Context& ctx() { return Context::Background(); }

TEST(Retry, RepeatsWhatMayBeRepeated) {
  Stack stack(R"("s":[{"type":"retry","pause":"1ms","max_pause":"2ms"},
                      {"type":"fault","every":2,"operation":"write"},{"type":"memory"}])");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(Put(stack.s(), ctx(), Doc("{\"n\":1}")).ok());
  }
  EXPECT_EQ(*Count(stack.s(), ctx()), 20u);
  EXPECT_GT(stack.Figure("retries"), 10);
}

TEST(Retry, AWriteWhoseAnswerWasLostIsNotDoneTwice) {
  Stack stack(R"("s":[{"type":"retry","pause":"1ms"},
      {"type":"fault","every":2,"when":"after","operation":"write"},{"type":"memory"}])");
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Put(stack.s(), ctx(), Doc("{\"n\":1}")).ok());
  EXPECT_EQ(*Count(stack.s(), ctx()), 10u);
  // Whether it was done cannot be known, and repeating it would say ALREADY_EXISTS of its own work.
  int failed = 0;
  for (int i = 0; i < 4; ++i)
    failed += !Create(stack.s(), ctx(), Doc("{\"id\":\"c" + std::to_string(i) + "\"}")).ok();
  EXPECT_EQ(failed, 2);
}

TEST(Retry, RepeatsWhatWasAborted) {
  Stack stack(R"("s":[{"type":"retry","pause":"1ms","max_pause":"2ms"},
                      {"type":"fault","every":2,"operation":"write","code":"aborted"},
                      {"type":"memory"}])");
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Put(stack.s(), ctx(), Doc("{\"n\":1}")).ok());
  EXPECT_EQ(*Count(stack.s(), ctx()), 10u);
  int aborted = 0;
  for (int i = 0; i < 4; ++i) {
    const auto created = Create(stack.s(), ctx(), Doc("{\"id\":\"c" + std::to_string(i) + "\"}"));
    aborted += created.status().code() == StatusCode::kAborted;
  }
  EXPECT_EQ(aborted, 2);
}

TEST(Retry, StopsWithItsBudgetAndTheDeadline) {
  Stack stack(R"("s":[{"type":"retry","attempts":100,"pause":"1ms","max_pause":"1ms","budget":0},
                      {"type":"fault","every":1},{"type":"memory"}])");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Code(Get(stack.s(), ctx(), "a").status()), "UNAVAILABLE");
  EXPECT_EQ(stack.Figure("retries"), 100);
  EXPECT_GT(stack.Figure("over_budget"), 0);
}

TEST(LimitRate, LetsABurstPassAndRefusesWhatWouldWaitTooLong) {
  Stack stack(
      R"("s":[{"type":"limit_rate","rate":1,"burst":5,"max_wait":"0ms"},{"type":"memory"}])");
  int passed = 0;
  auto refused = Get(stack.s(), ctx(), "a");
  for (; refused.ok() && passed < 1000; ++passed) refused = Get(stack.s(), ctx(), "a");
  EXPECT_GE(passed, 5);
  EXPECT_EQ(Code(refused.status()), "RESOURCE_EXHAUSTED");
  EXPECT_NE(Message(refused.status()).find("try again in"), std::string_view::npos);
}

TEST(LimitConcurrency, BoundsWhatRunsAndWhatWaits) {
  Stack stack(R"("s":[{"type":"limit_concurrency","max":2,"queue":1,"max_wait":"5s"},
                      {"type":"slow","delay":"2s"},{"type":"memory"}])");
  std::atomic<int> ok{0}, refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      const auto r = Get(stack.s(), ctx(), "a");
      (r.ok() ? ok : refused)++;
      if (!r.ok()) {
        EXPECT_EQ(Code(r.status()), "RESOURCE_EXHAUSTED");
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(ok.load(), 3);
  EXPECT_EQ(refused.load(), 3);
  EXPECT_EQ(stack.Figure("running"), 0);
  EXPECT_EQ(stack.Figure("waiting"), 0);
}

TEST(Slow, WaitingEndsWithTheCaller) {
  Stack stack(R"("s":[{"type":"slow","delay":"1h"},{"type":"memory"}])");
  EXPECT_EQ(Code(Get(stack.s(), ctx().WithTimeout(std::chrono::milliseconds(20)), "a").status()),
            "DEADLINE_EXCEEDED");
}

TEST(Expire, HidesAndRemovesAndReportsWhatHasEnded) {
  Stack stack(R"("s":[{"type":"expire","sweep":"20ms"},"m"],"m":"memory:",
                 "hidden":[{"type":"expire","sweep":"0ms"},"m2"],"m2":"memory:")");
  const std::string past = "2020-01-01T00:00:00Z";
  const std::string doc = "{\"id\":\"a\",\"expires\":\"" + past + "\"}";
  ASSERT_TRUE(Put(stack["m2"], ctx(), Doc(doc)).ok());
  ASSERT_TRUE(Put(stack["m2"], ctx(), Doc(R"({"id":"b","expires":"soon"})")).ok());
  Store& hidden = stack["hidden"];
  EXPECT_FALSE(Get(hidden, ctx(), "a")->has_value());
  EXPECT_EQ(Rows(Collect(hidden, ctx(), "values(id)")), "\"b\"");
  EXPECT_EQ(*Count(hidden, ctx()), 1u);
  EXPECT_EQ(Code(Update(hidden, ctx(), "a", Doc("{}")).status()), "NOT_FOUND");
  EXPECT_FALSE(Delete(hidden, ctx(), "a")->deleted);
  EXPECT_TRUE(Create(hidden, ctx(), Doc(R"({"id":"a","n":1})")).ok());
  EXPECT_TRUE(Get(hidden, ctx(), "a")->has_value());

  auto changes = stack.s().Subscribe(ctx(), {});
  ASSERT_TRUE(changes.ok());
  ASSERT_TRUE(Put(stack["m"], ctx(), Doc(doc)).ok());
  std::vector<Change> seen;
  while (seen.size() < 2) {
    const auto b = (*changes)->Next(ctx().WithTimeout(std::chrono::seconds(20)));
    ASSERT_TRUE(b.ok()) << b.status();
    seen.insert(seen.end(), b->changes.begin(), b->changes.end());
  }
  EXPECT_EQ(seen[1].kind, ChangeKind::kDelete);
  EXPECT_EQ(seen[1].before.text(), doc);
}

TEST(Expire, WritingAnewWhatHasEndedIsADeletionAndACreation) {
  for (const char* base : {R"({"type":"memory"})", R"({"type":"rocksdb","path":"d"})"}) {
    Stack stack(Concat(R"("s":[{"type":"expire","sweep":"0ms"},"m"],"m":)", base));
    const std::string ended = R"({"id":"a","n":1,"expires":"2020-01-01T00:00:00Z"})";
    ASSERT_TRUE(Put(stack["m"], ctx(), Doc(ended)).ok());
    auto changes = stack.s().Subscribe(ctx(), {});
    ASSERT_TRUE(changes.ok());
    const auto written = Put(stack.s(), ctx(), Doc(R"({"id":"a","n":2})"));
    ASSERT_TRUE(written.ok()) << written.status();
    EXPECT_TRUE(written->created);
    std::vector<Change> seen;
    while (seen.size() < 2) {
      const auto b = (*changes)->Next(ctx().WithTimeout(std::chrono::seconds(20)));
      ASSERT_TRUE(b.ok()) << b.status();
      seen.insert(seen.end(), b->changes.begin(), b->changes.end());
    }
    EXPECT_EQ(seen[0].kind, ChangeKind::kDelete);
    EXPECT_EQ(seen[0].before.text(), ended);
    EXPECT_EQ(seen[1].kind, ChangeKind::kCreate);
    EXPECT_EQ(seen[1].after.text(), R"({"id":"a","n":2})");
    EXPECT_EQ(seen[1].sequence, written->revision);
    EXPECT_EQ(Get(stack.s(), ctx(), "a")->value().revision, written->revision);
  }
}

TEST(Expire, PassesOnThatAValueIsTaken) {
  Stack stack(R"("s":[{"type":"expire"},
                      {"type":"memory","indexes":[{"path":"email","unique":true}]}])");
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"a","email":"x"})")).ok());
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"b","email":"y"})")).ok());
  EXPECT_EQ(Code(Put(stack.s(), ctx(), Doc(R"({"id":"c","email":"x"})")).status()),
            "ALREADY_EXISTS");
  EXPECT_EQ(Code(Update(stack.s(), ctx(), "b", Doc(R"({"email":"x"})")).status()),
            "ALREADY_EXISTS");
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "sort(id)&values(email)")), R"("x" "y")");
}

TEST(Expire, GivesATimeToLive) {
  Stack stack(R"("s":[{"type":"expire","ttl":"1h"},{"type":"memory"}])");
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"a"})")).ok());
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc("{}"), "b").ok());
  const auto a = Get(stack.s(), ctx(), "a");
  const auto at = ParseRfc3339((*a)->document.Find("expires").String());
  ASSERT_TRUE(at.has_value()) << (*a)->document.text();
  const int64_t in = at->seconds - Clock::System().UnixMillis() / 1000;
  EXPECT_GT(in, 3500);
  EXPECT_LE(in, 3601);
}

TEST(Rename, ShowsAndStoresUnderTheRightNames) {
  Stack stack(R"("s":[{"type":"rename","fields":{"title":"name","name":"full"}},"m"],"m":
                 {"type":"memory","indexes":[{"path":"name"}]})");
  ASSERT_TRUE(Put(stack["m"], ctx(), Doc(R"({"id":"a","name":"x","full":"y","title":"z"})")).ok());
  EXPECT_EQ(Get(stack.s(), ctx(), "a")->value().document.text(),
            R"({"id":"a","title":"x","name":"y"})");
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "title=x&select(name)")), R"({"name":"y"})");
  EXPECT_EQ(Rows(Collect(stack.s(), ctx(), "full=y&values(id)")), "");
  const auto plan = PrepareComplete(stack.s(), ctx(), *Query::Parse("title=x"));
  EXPECT_NE(ExplainText((*plan)->Explain()).find("eq(name,x)"), std::string::npos);
  const WriteOp patch{WriteKind::kPatch,
                      "a",
                      Doc(R"([{"op":"move","from":"/title","path":"/name"}])"),
                      Presence::kAny,
                      {}};
  ASSERT_TRUE(WriteOne(stack.s(), ctx(), patch).ok());
  EXPECT_EQ(Get(stack["m"], ctx(), "a")->value().document.text(),
            R"({"id":"a","full":"x","title":"z"})");
  EXPECT_EQ(Code(Put(stack.s(), ctx(), Doc(R"({"id":"b","full":1})")).status()),
            "INVALID_ARGUMENT");
}

TEST(Tracing, SpansSayWhichStageDidWhatBeneathWhichOtherOne) {
  Stack stack(R"("s":[{"type":"cache"},{"type":"rename","fields":{"a":"b"}},"memory:"])");
  SpanList spans;
  const Context ctx = Context::Background().WithTrace("t1").WithSpans(&spans);
  ASSERT_TRUE(Get(stack.s(), ctx, "x").ok());
  ASSERT_TRUE(Collect(stack.s(), ctx, "a=1").ok());
  ASSERT_FALSE(Get(stack.s(), ctx.WithTimeout(std::chrono::nanoseconds(0)), "y").ok());
  std::map<uint64_t, std::string> names;
  std::string read, next, failed;
  for (const Span& s : spans.spans()) {
    EXPECT_EQ(s.trace_id, "t1");
    EXPECT_GE(s.duration.count(), 0);
    names[s.id] = names[s.parent] + " > " + s.stage;
    if (s.operation == "read" && s.code == StatusCode::kOk) read = names[s.id];
    if (s.operation == "next") next = std::max(next, names[s.id]);
    if (s.code != StatusCode::kOk) failed = s.stage;
  }
  EXPECT_EQ(read, " > s/0 (cache) > s/1 (rename) > s/2 (memory)");
  EXPECT_EQ(next, " > s/0 (cache) > s/1 (rename) > s/2 (memory)");
  EXPECT_EQ(failed, "s/0 (cache)");
  EXPECT_EQ(SpansText({}), "");
  EXPECT_NE(SpansText(spans.spans()).find("\n    read  s/2 (memory)"), std::string::npos)
      << SpansText(spans.spans());
  const auto json = Document::Parse(SpansJson(spans.spans()));
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->root().size(), spans.spans().size());
  // A list that is full says how many it left out.
  SpanList one(1);
  for (int i = 0; i < 3; ++i) one.Ended({});
  EXPECT_EQ(one.dropped(), 2u);
}

TEST(Metrics, ArePrometheusText) {
  Stack stack(R"("s":[{"type":"cache"},"memory:"])");
  ASSERT_TRUE(Get(stack.s(), Context::Background(), "x").ok());
  const std::string text = stack.pipeline().MetricsText();
  EXPECT_NE(text.find("# TYPE strata_cache_misses_total counter\n"
                      "strata_cache_misses_total{stage=\"s/0 (cache)\",type=\"cache\"} 1\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("strata_calls_total{stage=\"s/1 (memory)\",type=\"memory\","
                      "operation=\"read\"} 1\n"),
            std::string::npos);
  // Every family is described once, and before its samples.
  std::set<std::string> described;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(described.insert(line.substr(7, line.find(' ', 7) - 7)).second) << line;
    } else if (!line.starts_with('#')) {
      EXPECT_TRUE(described.contains(line.substr(0, line.find('{')))) << line;
    }
  }
}

}  // namespace
}  // namespace strata::testing
