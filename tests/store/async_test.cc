// Futures over a store, and a change log that is too short for its reader.
#include "store/async.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "base_stores/memory/memory_store.h"

namespace strata {
namespace {

const Context& Ctx() { return Context::Background(); }
Document Doc(const std::string& text) { return Document::Parse(text).value(); }

// Runs what was submitted when it is told to, and keeps it.
class HeldExecutor final : public Executor {
 public:
  void Submit(std::function<void()> task) override { tasks_.push_back(std::move(task)); }
  void Run() {
    for (const auto& task : tasks_) task();
  }

 private:
  std::vector<std::function<void()>> tasks_;
};

template <typename T>
std::string Said(const StatusOr<T>& r) {
  return Describe(r.status());
}

TEST(Async, EveryOperationGivesWhatTheCallGives) {
  ThreadPool pool(2);
  const std::shared_ptr<Store> store = NewMemoryStore();
  const auto put = PutAsync(pool, store, Ctx(), Doc(R"({"n":1})"), "a").get();
  ASSERT_TRUE(put.ok()) << Said(put);
  EXPECT_EQ(put->id, "a");
  EXPECT_TRUE(put->created);
  const auto created = CreateAsync(pool, store, Ctx(), Doc(R"({"id":"b","n":2})")).get();
  ASSERT_TRUE(created.ok()) << Said(created);
  EXPECT_GT(created->revision, put->revision);
  const auto updated = UpdateAsync(pool, store, Ctx(), "a", Doc(R"({"m":3})")).get();
  ASSERT_TRUE(updated.ok()) << Said(updated);
  EXPECT_FALSE(updated->created);
  const auto got = GetAsync(pool, store, Ctx(), "a").get();
  ASSERT_TRUE(got.ok() && *got) << Said(got);
  EXPECT_EQ((*got)->document.text(), R"({"id":"a","n":1,"m":3})");
  EXPECT_EQ((*got)->revision, updated->revision);
  EXPECT_EQ(GetAsync(pool, store, Ctx(), "c").get().value(), std::nullopt);
  const auto one =
      WriteOneAsync(pool, store, Ctx(),
                    {WriteKind::kPut, "b", Doc(R"({"n":5})"), Presence::kAny, created->revision})
          .get();
  EXPECT_TRUE(one.ok()) << Said(one);
  const auto written = WriteAsync(pool, store, Ctx(), WriteBatch().Delete("a").Delete("c")).get();
  ASSERT_TRUE(written.ok()) << Said(written);
  EXPECT_TRUE(written->outcomes[0].deleted);
  EXPECT_FALSE(written->outcomes[1].deleted);
  EXPECT_TRUE(DeleteAsync(pool, store, Ctx(), "b").get().value().deleted);
  std::vector<Document> documents;
  for (int i = 0; i < 50; ++i)
    documents.push_back(Doc(Concat("{\"id\":\"", std::to_string(i), "\",\"n\":1}")));
  EXPECT_EQ(LoadAsync(pool, store, Ctx(), std::move(documents), 7).get().value(), 50u);
  EXPECT_EQ(CountAsync(pool, store, Ctx()).get().value(), 50u);
  EXPECT_EQ(CountAsync(pool, store, Ctx(), *Query::Parse("prefix(id,1)")).get().value(), 11u);
  const auto rows = CollectAsync(pool, store, Ctx(), *Query::Parse("sum(n)")).get();
  ASSERT_TRUE(rows.ok()) << Said(rows);
  EXPECT_EQ((*rows)[0].text(), "50");
  EXPECT_EQ(CollectAsync(pool, store, Ctx(), "prefix(id,4)").get().value().size(), 11u);
}

TEST(Async, ErrorsComeWithTheFuture) {
  ThreadPool pool(1);
  const std::shared_ptr<Store> store = NewMemoryStore();
  ASSERT_TRUE(PutAsync(pool, store, Ctx(), Doc(R"({"id":"a"})")).get().ok());
  const auto same = [](const auto& later, const auto& now) {
    EXPECT_FALSE(later.ok());
    EXPECT_EQ(Said(later), Said(now));
  };
  same(CreateAsync(pool, store, Ctx(), Doc(R"({"id":"a"})")).get(),
       Create(*store, Ctx(), Doc(R"({"id":"a"})")));
  same(UpdateAsync(pool, store, Ctx(), "b", Doc("{}")).get(),
       Update(*store, Ctx(), "b", Doc("{}")));
  same(GetAsync(pool, store, Ctx(), "").get(), Get(*store, Ctx(), ""));
  same(DeleteAsync(pool, store, Ctx(), "").get(), Delete(*store, Ctx(), ""));
  same(LoadAsync(pool, store, Ctx(), {Doc("7")}).get(),
       Load(*store, Ctx(), std::vector<Document>{Doc("7")}));
  same(CollectAsync(pool, store, Ctx(), "a===1").get(), Collect(*store, Ctx(), "a===1"));
}

// Waiting for a thread is part of the time that the caller gives.
TEST(Async, WhatIsTakenUpTooLateIsNotBegun) {
  HeldExecutor executor;
  const std::shared_ptr<Store> store = NewMemoryStore();
  ASSERT_TRUE(Put(*store, Ctx(), Doc(R"({"id":"a"})")).ok());
  CancelSource cancel;
  auto cancelled = GetAsync(executor, store, Ctx().WithCancel(cancel), "a");
  auto late = GetAsync(executor, store, Ctx().WithDeadline(Context::TimePoint::min()), "a");
  auto unwritten =
      PutAsync(executor, store, Ctx().WithDeadline(Context::TimePoint::min()), Doc("{}"));
  auto in_time = GetAsync(executor, store, Ctx().WithTimeout(std::chrono::hours(1)), "a");
  cancel.Cancel();
  executor.Run();
  EXPECT_EQ(cancelled.get().status().code(), StatusCode::kCancelled);
  EXPECT_EQ(late.get().status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(unwritten.get().status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(in_time.get().ok());
  EXPECT_EQ(Count(*store, Ctx()).value(), 1u);
}

TEST(Async, AStoreLivesUntilItsOperationsAreDoneAndNoLonger) {
  HeldExecutor executor;
  std::shared_ptr<Store> store = NewMemoryStore();
  const std::weak_ptr<Store> watched = store;
  auto first = PutAsync(executor, store, Ctx(), Doc(R"({"id":"a"})"));
  auto second = GetAsync(executor, store, Ctx(), "a");
  store.reset();
  EXPECT_FALSE(watched.expired());
  executor.Run();
  EXPECT_TRUE(watched.expired());
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().value().has_value());
}

TEST(Async, ManyThreadsMayAskAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kEach = 100;
  ThreadPool pool(3);
  const std::shared_ptr<Store> store = NewMemoryStore();
  std::vector<std::thread> threads;
  std::atomic<int> read{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::vector<std::future<StatusOr<WriteOutcome>>> writes;
      std::vector<std::future<StatusOr<std::optional<Record>>>> reads;
      for (int i = 0; i < kEach; ++i) {
        const std::string n = std::to_string(t * kEach + i);
        writes.push_back(
            PutAsync(pool, store, Ctx(), Doc(Concat("{\"id\":\"", n, "\",\"n\":", n, "}"))));
      }
      for (auto& w : writes) reads.push_back(GetAsync(pool, store, Ctx(), w.get().value().id));
      for (auto& r : reads) read += r.get().value().has_value();
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(read, kThreads * kEach);
  EXPECT_EQ(CountAsync(pool, store, Ctx()).get().value(), uint64_t{kThreads * kEach});
  EXPECT_EQ(CollectAsync(pool, store, Ctx(), "sum(n)").get().value()[0].text(), "79800");
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
