// Reloads: what stays, what is refused, and that nobody notices.
#include "pipeline/live_pipeline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "pipeline/all_stages.h"
#include "store/ops.h"

namespace strata {
namespace {

const Context& Ctx() { return Context::Background(); }
Document Doc(std::string_view text) { return *Document::Parse(text); }

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
    while (operations.load() < before + 24) std::this_thread::yield();
    const Status s = ReloadText(*live, stacks[i % 4]);
    ASSERT_TRUE(s.ok()) << Describe(s);
  }
  stop.store(true);
  for (auto& t : clients) t.join();
  uint64_t heard = 0;
  while (heard < written.load()) {
    const auto batch = (*changes)->Next(Ctx().WithTimeout(std::chrono::seconds(20)));
    ASSERT_TRUE(batch.ok()) << Describe(batch.status());
    ASSERT_FALSE(batch->gap);
    heard += batch->changes.size();
  }
  EXPECT_EQ(heard, written.load());
}

}  // namespace
}  // namespace strata
