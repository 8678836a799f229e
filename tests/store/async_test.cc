// Futures over a store, and a change log that is too short for its reader.
#include "store/async.h"

#include <gtest/gtest.h>

#include "base_stores/memory/memory_store.h"

namespace strata {
namespace {

const Context& Ctx() { return Context::Background(); }

TEST(Async, FuturesGiveWhatTheCallsGive) {
  ThreadPool pool(2);
  const std::shared_ptr<Store> store = NewMemoryStore();
  std::vector<std::future<StatusOr<WriteResult>>> writes;
  for (int i = 0; i < 50; ++i) {
    WriteBatch batch;
    batch.Put(
        *Document::Parse("{\"id\":\"" + std::to_string(i) + "\",\"n\":" + std::to_string(i) + "}"));
    writes.push_back(WriteAsync(pool, store, Ctx(), std::move(batch)));
  }
  for (auto& w : writes) ASSERT_TRUE(w.get().ok());
  auto got = GetAsync(pool, store, Ctx(), "7").get();
  ASSERT_TRUE(got.ok() && got->has_value());
  EXPECT_EQ((*got)->document.text(), R"({"id":"7","n":7})");
  auto rows = CollectAsync(pool, store, Ctx(), *Query::Parse("sum(n)")).get();
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ((*rows)[0].text(), "1225");
}

TEST(Async, AStoreLivesUntilItsTasksHaveRun) {
  ThreadPool pool(1);
  std::shared_ptr<Store> store = NewMemoryStore();
  auto f = GetAsync(pool, store, Ctx(), "x");
  store.reset();
  EXPECT_TRUE(f.get().ok());
}

TEST(ChangeLog, AReaderThatFallsBehindGetsAGap) {
  MemoryOptions options;
  options.change_log_entries = 10;
  const std::shared_ptr<Store> store = NewMemoryStore(options);
  SubscribeRequest request;
  const auto s = store->Subscribe(Ctx(), request);
  ASSERT_TRUE(s.ok());
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(
        Put(*store, Ctx(), *Document::Parse("{\"id\":\"" + std::to_string(i) + "\"}")).ok());
  }
  const auto gap = (*s)->Next(Ctx().WithTimeout(std::chrono::seconds(10)));
  ASSERT_TRUE(gap.ok()) << gap.status();
  EXPECT_TRUE(gap->gap);
  EXPECT_EQ(gap->resume_from, 21u);
  const auto rest = (*s)->Next(Ctx().WithTimeout(std::chrono::seconds(10)));
  ASSERT_TRUE(rest.ok());
  EXPECT_EQ(rest->changes.size(), 10u);
  EXPECT_EQ(rest->changes[0].id, "20");
}

TEST(MemoryStore, HoldsNoMoreThanItMay) {
  MemoryOptions options;
  options.max_bytes = 1000;
  const std::shared_ptr<Store> store = NewMemoryStore(options);
  const std::string pad(600, 'x');
  ASSERT_TRUE(Put(*store, Ctx(), *Document::Parse("{\"id\":\"a\",\"p\":\"" + pad + "\"}")).ok());
  EXPECT_EQ(
      Put(*store, Ctx(), *Document::Parse("{\"id\":\"b\",\"p\":\"" + pad + "\"}")).status().code(),
      StatusCode::kResourceExhausted);
  ASSERT_TRUE(Delete(*store, Ctx(), "a").ok());
  EXPECT_TRUE(Put(*store, Ctx(), *Document::Parse("{\"id\":\"b\",\"p\":\"" + pad + "\"}")).ok());
}

}  // namespace
}  // namespace strata
