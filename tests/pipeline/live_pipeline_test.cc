// Reloads: what stays, what is refused, and that nobody notices.
#include "pipeline/live_pipeline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <utility>

#include "pipeline/all_stages.h"
#include "store/ops.h"
#include "wrappers/core/forwarding_store.h"

namespace strata {
namespace {

const Context& Ctx() { return Context::Background(); }
Document Doc(std::string_view text) { return *Document::Parse(text); }

// The subscription has no gap, and tells of so many changes and no more with the last of them.
void ExpectHeard(Subscription& subscription, uint64_t changes) {
  uint64_t heard = 0;
  while (heard < changes) {
    const auto batch = subscription.Next(Ctx().WithTimeout(std::chrono::seconds(20)));
    ASSERT_TRUE(batch.ok()) << Describe(batch.status());
    ASSERT_FALSE(batch->gap);
    heard += batch->changes.size();
  }
  EXPECT_EQ(heard, changes);
}

class Live : public ::testing::Test {
 protected:
  Live() { EXPECT_TRUE(RegisterAll(registry_).ok()); }
  std::unique_ptr<LivePipeline> OpenText(const std::string& stores) {
    auto p =
        LivePipeline::FromText("{\"stores\":{" + stores + "}}", ::testing::TempDir(), registry_);
    EXPECT_TRUE(p.ok()) << Describe(p.status());
    return *std::move(p);
  }
  static Status ReloadText(LivePipeline& live, const std::string& stores) {
    return live.Reload(Ctx().WithTimeout(std::chrono::seconds(30)),
                       "{\"stores\":{" + stores + "}}");
  }
  StageRegistry registry_;
};

TEST_F(Live, KeepsWhatIsDescribedAsBefore) {
  const auto live = OpenText(R"("a":"memory:","b":{"type":"memory"},"s":[{"type":"cache"},"a"])");
  const auto s = *live->Get("s");
  ASSERT_TRUE(Put(*s, Ctx(), Doc(R"({"id":"x"})")).ok());
  ASSERT_TRUE(Put(**live->Get("b"), Ctx(), Doc(R"({"id":"y"})")).ok());
  const auto base = live->current()->FindBase("a");
  const auto cache = live->current()->FindStage("s");
  // A stage comes on top, another store goes, the bases change their places.
  ASSERT_TRUE(ReloadText(*live,
                         R"("b":"memory:","a":"memory:",)"
                         R"("s":[{"type":"limit_concurrency","max":64},{"type":"cache"},"a"])")
                  .ok());
  EXPECT_EQ(live->current()->FindBase("a"), base);
  EXPECT_EQ(live->current()->StagesOf("s")[1], cache);
  EXPECT_TRUE(Get(*s, Ctx(), "x")->has_value());
  EXPECT_TRUE(Get(**live->Get("b"), Ctx(), "y")->has_value());
  // Changed options make a new stage over the same base.
  ASSERT_TRUE(
      ReloadText(*live, R"("a":"memory:","s":[{"type":"cache","capacity":"1MiB"},"a"])").ok());
  EXPECT_NE(live->current()->FindStage("s"), cache);
  EXPECT_TRUE(Get(*s, Ctx(), "x")->has_value());
}

TEST_F(Live, WhatIsWrongChangesNothing) {
  const std::string folder = ::testing::TempDir() + "/live-wrong";
  std::filesystem::remove_all(folder);
  const std::string disk = R"("d":{"type":"rocksdb","path":")" + folder + "\"";
  const auto live = OpenText(disk + R"(},"s":["d"])");
  const auto s = *live->Get("s");
  ASSERT_TRUE(Put(*s, Ctx(), Doc(R"({"id":"x"})")).ok());
  const auto before = live->current();
  EXPECT_EQ(ReloadText(*live, R"("s":{"type":"memroy"})").code(), StatusCode::kInvalidArgument);
  // The directory is held by the running stage.
  const Status held = ReloadText(*live, disk + R"(,"cache":"8MiB"},"s":["d"])");
  EXPECT_NE(Message(held).find("the pipeline goes on as it was"), std::string_view::npos) << held;
  EXPECT_EQ(live->current(), before);
  EXPECT_TRUE(Get(*s, Ctx(), "x")->has_value());
  // A store that is gone says so, and may come back.
  ASSERT_TRUE(ReloadText(*live, disk + "}").ok());
  EXPECT_EQ(Get(*s, Ctx(), "x").status().code(), StatusCode::kUnavailable);
  ASSERT_TRUE(ReloadText(*live, disk + R"(},"s":["d"])").ok());
  EXPECT_TRUE(Get(*s, Ctx(), "x")->has_value());
  EXPECT_EQ(live->Reload(Ctx()).code(), StatusCode::kFailedPrecondition);
}

TEST_F(Live, ReadsItsFileAgain) {
  const std::string file = ::testing::TempDir() + "/live.json";
  const auto write = [&](const std::string& text) { std::ofstream(file) << text; };
  write(R"({"stores":{"s":"memory:"}})");
  const auto live = LivePipeline::Open(file, registry_);
  ASSERT_TRUE(live.ok()) << Describe(live.status());
  write(R"({"stores":{"s":[{"type":"readonly"},"memory:"]}})");
  ASSERT_TRUE((*live)->Reload(Ctx()).ok());
  EXPECT_FALSE(Put(**(*live)->Get("s"), Ctx(), Doc(R"({"id":"x"})")).ok());
}

// Eight clients read, write, ask, commit and listen while the stack above the base changes all the
// time: no operation fails, each sees what it wrote, and no change is lost.
TEST_F(Live, NobodyNoticesUnderLoad) {
#ifdef STRATA_SANITIZED
  constexpr int kReloads = 15;
#else
  constexpr int kReloads = 120;
#endif
  // The changes are heard when all is over, so the log has to hold them all.
  const std::string base =
      R"("m":{"type":"memory","change_log_entries":100000000,"change_log_bytes":"4GiB"},)";
  const std::string stacks[] = {
      base + R"("s":[{"type":"cache"},"m"])",
      base + R"("s":["m"])",
      base + R"("s":[{"type":"cache","max_entries":5},{"type":"limit_concurrency","max":64},"m"])",
      base + R"("s":[{"type":"expire"},{"type":"cache","queries":"64KiB"},"m"])",
  };
  const auto live = OpenText(stacks[0]);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> operations{0};
  std::vector<std::thread> clients;
  const auto changes = (*live->Get("s"))->Subscribe(Ctx(), {});
  ASSERT_TRUE(changes.ok());
  std::atomic<uint64_t> written{0};
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&, c] {
      const auto s = *live->Get("s");
      const std::string id = "k" + std::to_string(c);
      const auto plan = PrepareComplete(*s, Ctx(), *Query::Parse("id=" + id + "&values(n)"));
      ASSERT_TRUE(plan.ok());
      for (int n = 1; !stop.load(); ++n) {
        const Document d = Doc("{\"id\":\"" + id + "\",\"n\":" + std::to_string(n) + "}");
        if (n % 5 == 0) {
          for (;;) {
            auto t = s->Begin(Ctx(), {});
            ASSERT_TRUE(t.ok()) << Describe(t.status());
            ASSERT_TRUE(Put(**t, Ctx(), d).ok());
            const auto done = (*t)->Commit(Ctx());
            if (done.ok()) break;
            ASSERT_EQ(done.status().code(), StatusCode::kAborted) << Describe(done.status());
          }
        } else {
          const auto w = Put(*s, Ctx(), d);
          ASSERT_TRUE(w.ok()) << Describe(w.status());
        }
        written.fetch_add(1);
        const auto r = Get(*s, Ctx(), id);
        ASSERT_TRUE(r.ok()) << Describe(r.status());
        ASSERT_EQ((*r)->document.text(), d.text());
        const auto rows = CollectRows(**plan, Ctx());
        ASSERT_TRUE(rows.ok()) << Describe(rows.status());
        ASSERT_EQ((*rows)[0].text(), std::to_string(n));
        operations.fetch_add(3);
      }
    });
  }
  for (int i = 1; i <= kReloads; ++i) {
    const uint64_t before = operations.load();
    while (operations.load() < before + 24 && !HasFatalFailure()) std::this_thread::yield();
    const Status s = ReloadText(*live, stacks[i % 4]);
    EXPECT_TRUE(s.ok()) << Describe(s);
  }
  stop.store(true);
  for (auto& t : clients) t.join();
  ExpectHeard(**changes, written.load());
}

// Calls `in_write` once, within a write.
class Latch final : public ForwardingStore {
 public:
  Latch(StoreInfo info, std::function<void()>* in_write)
      : ForwardingStore(std::move(info)), in_write_(*in_write) {}
  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    if (const auto call = std::exchange(in_write_, nullptr)) call();
    return ForwardingStore::Write(ctx, batch);
  }

 private:
  std::function<void()>& in_write_;
};

// Otherwise the new cache would keep what it read before the write, and never hear of it.
TEST_F(Live, AReloadWaitsForAWriteThatIsUnderWay) {
  std::function<void()> in_write;
  StageType latch = *registry_.Find("forward");
  latch.name = "latch";
  latch.build = [&](const void*, StoreInfo info,
                    const BuildContext&) -> StatusOr<std::shared_ptr<Store>> {
    return std::make_shared<Latch>(std::move(info), &in_write);
  };
  ASSERT_TRUE(registry_.Register(std::move(latch)).ok());
  const std::string base = R"("m":[{"type":"latch"},"memory:"],)";
  const auto live = OpenText(base + R"("s":[{"type":"cache"},"m"])");
  const auto s = *live->Get("s");
  ASSERT_TRUE(Put(*s, Ctx(), Doc(R"({"id":"x","n":1})")).ok());
  std::atomic<bool> reloaded{false};
  std::thread reload;
  in_write = [&] {
    reload = std::thread([&] {
      const Status done = ReloadText(*live, base + R"("s":[{"type":"cache","ttl":"1h"},"m"])");
      EXPECT_TRUE(done.ok()) << Describe(done);
      reloaded.store(true);
    });
    // It cannot end before this does, so the time only bounds how long a wrong one is waited for.
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    while (!reloaded.load() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    EXPECT_FALSE(reloaded.load());
  };
  ASSERT_TRUE(Put(*s, Ctx(), Doc(R"({"id":"x","n":2})")).ok());
  reload.join();
  EXPECT_EQ(Get(*s, Ctx(), "x")->value().document.text(), R"({"id":"x","n":2})");
}

// Clients write into a text index over an aggregate of two directories, which all stay open, while
// the stage above them changes all the time. No operation fails but transactions that were open
// meanwhile, each search finds what its client wrote, and no half of a record is ever seen.
TEST_F(Live, NobodyNoticesOverStagesThatHoldFiles) {
#ifdef STRATA_SANITIZED
  constexpr int kReloads = 12;
#else
  constexpr int kReloads = 60;
#endif
  constexpr int kClients = 4;
  const std::string folder = ::testing::TempDir() + "/live-files";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto part = [&](const std::string& name) {
    return "\"" + name + R"(":{"type":"rocksdb","durability":"async","write_buffer":"4MiB",)" +
           R"("path":")" + folder + "/" + name + "\"},";
  };
  const std::string below =
      part("a") + part("b") +
      R"("w":{"type":"aggregate","inners":["a","b"],"properties":["*",["right"]],)"
      R"("change_log_entries":1000000000,"change_log_bytes":"4GiB","journal":")" +
      folder +
      R"(/journal"},"t":[{"type":"fulltext","fields":{"left":{"language":"none"},)"
      R"("right":{"language":"none"},"kind":{"language":"none"}},"path":")" +
      folder + R"(/text"},"w"],)";
  const std::string stacks[] = {
      below + R"("s":["t"])",
      below + R"("s":[{"type":"cache"},"t"])",
      below + R"("s":[{"type":"limit_concurrency","max":64},{"type":"cache","max_entries":2},"t"])",
      below + R"("s":[{"type":"expire"},{"type":"cache","queries":"64KiB"},"t"])",
  };
  const auto live = OpenText(stacks[0]);
  const auto text_index = live->current()->FindStage("t");
  const auto aggregate = live->current()->FindStage("w");
  const auto changes = (*live->Get("s"))->Subscribe(Ctx(), {});
  ASSERT_TRUE(changes.ok()) << Describe(changes.status());
  const auto text_of = [](int c, int n) {
    const std::string word = "w" + std::to_string(c) + "x" + std::to_string(n);
    return "{\"id\":\"k" + std::to_string(c) + R"(","kind":"same","left":")" + word +
           R"(","right":")" + word + "\"}";
  };
  for (int c = 0; c < kClients; ++c)
    ASSERT_TRUE(Put(**live->Get("s"), Ctx(), Doc(text_of(c, 0))).ok());
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> operations{0}, written{kClients}, aborted{0}, reloads{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&, c] {
      const auto s = *live->Get("s");
      const auto all = PrepareComplete(*s, Ctx(), *Query::Parse("fulltext(kind,same)"));
      ASSERT_TRUE(all.ok()) << Describe(all.status());
      for (int n = 1; !stop.load(); ++n) {
        const Document d = Doc(text_of(c, n));
        bool done = false, held = false;
        while (!done) {
          if (n % 3 != 0) {
            const auto w = Put(*s, Ctx(), d);
            ASSERT_TRUE(w.ok()) << Describe(w.status());
            break;
          }
          auto t = s->Begin(Ctx(), {});
          ASSERT_TRUE(t.ok()) << Describe(t.status());
          const auto w = Put(**t, Ctx(), d);
          ASSERT_TRUE(w.ok()) << Describe(w.status());
          // One client's are open while the stages are replaced.
          const uint64_t seen = reloads.load();
          while (c == 0 && !held && reloads.load() == seen && !stop.load())
            std::this_thread::yield();
          held = true;
          const auto committed = (*t)->Commit(Ctx());
          done = committed.ok();
          aborted.fetch_add(!done);
          // Nobody else writes this record.
          ASSERT_TRUE(done || Describe(committed.status()) ==
                                  "ABORTED: the pipeline was reloaded; run the transaction again")
              << Describe(committed.status());
        }
        written.fetch_add(1);
        const auto r = Get(*s, Ctx(), d.Find("id").String());
        ASSERT_TRUE(r.ok()) << Describe(r.status());
        ASSERT_EQ((*r)->document.text(), d.text());
        const auto own = Collect(*s, Ctx(), "fulltext(left," + d.Find("left").String() + ")");
        ASSERT_TRUE(own.ok()) << Describe(own.status());
        ASSERT_EQ(own->size(), 1u) << d.text();
        ASSERT_EQ((*own)[0].text(), d.text());
        const auto rows = CollectRows(**all, Ctx());
        ASSERT_TRUE(rows.ok()) << Describe(rows.status());
        ASSERT_EQ(rows->size(), static_cast<size_t>(kClients));
        for (const Document& row : *rows)
          ASSERT_EQ(row.Find("left").text(), row.Find("right").text()) << row.text();
        operations.fetch_add(4);
      }
    });
  }
  // What this one reads is in a new cache at once, before writers have come to it.
  clients.emplace_back([&] {
    const auto s = *live->Get("s");
    for (int c = 0; !stop.load(); c = (c + 1) % kClients) {
      const auto r = Get(*s, Ctx(), "k" + std::to_string(c));
      ASSERT_TRUE(r.ok()) << Describe(r.status());
      ASSERT_EQ((*r)->document.Find("left").text(), (*r)->document.Find("right").text());
    }
  });
  // Until a transaction was under way at one of them.
  for (int i = 1; i <= kReloads || (aborted.load() == 0 && i <= 20 * kReloads); ++i) {
    const uint64_t before = operations.load();
    while (operations.load() < before + 4 * kClients && !HasFatalFailure())
      std::this_thread::yield();
    const Status s = ReloadText(*live, stacks[i % 4]);
    EXPECT_TRUE(s.ok()) << Describe(s);
    reloads.fetch_add(1);
  }
  stop.store(true);
  for (auto& t : clients) t.join();
  EXPECT_EQ(live->current()->FindStage("t"), text_index);
  EXPECT_EQ(live->current()->FindStage("w"), aggregate);
  std::printf("%llu writes, %llu transactions aborted\n",
              static_cast<unsigned long long>(written.load()),
              static_cast<unsigned long long>(aborted.load()));
  EXPECT_GT(aborted.load(), 0u);
  ExpectHeard(**changes, written.load());
}

}  // namespace
}  // namespace strata
