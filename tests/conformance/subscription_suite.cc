#include <thread>

#include "tests/conformance/composition.h"

namespace strata::testing {
namespace {

using SubscriptionSuite = ConformanceTest;

std::string Show(const ChangeBatch& b) {
  static constexpr const char* kKinds[] = {"create", "update", "delete"};
  std::string out = b.gap ? "gap " : "";
  for (const Change& c : b.changes) {
    out += std::string(kKinds[static_cast<int>(c.kind)]) + " " + c.id + " " + Shown(c.before) +
           ">" + Shown(c.after) + "; ";
  }
  return out;
}

SubscribeRequest Request(std::string_view rql, std::optional<uint64_t> from = {}) {
  SubscribeRequest r;
  r.query = Query::Parse(rql).value();
  r.from = from;
  return r;
}

TEST_P(SubscriptionSuite, DeliversCommittedChangesInOrder) {
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"old"})")).ok());
  auto s = store().Subscribe(ctx(), Request(""));
  ASSERT_TRUE(s.ok()) << s.status();
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"a","n":1})")).ok());
  ASSERT_TRUE(Update(store(), ctx(), "a", Doc(R"({"n":2})")).ok());
  WriteBatch batch;
  batch.origin = "elsewhere";
  batch.Delete("a").Delete("nothing").Put(Doc(R"({"id":"b"})"));
  ASSERT_TRUE(store().Write(ctx(), batch).ok());
  auto t = store().Begin(ctx(), {});
  ASSERT_TRUE(Put(**t, ctx(), Doc(R"({"id":"c"})")).ok());
  ASSERT_TRUE((*t)->Abort().ok());
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"b","n":7})")).ok());
  std::string seen;
  uint64_t last = 0;
  size_t count = 0;
  while (count < 5) {
    const auto b = (*s)->Next(ctx().WithTimeout(std::chrono::seconds(20)));
    ASSERT_TRUE(b.ok()) << b.status();
    for (const Change& c : b->changes) {
      EXPECT_GT(c.sequence, last);
      last = c.sequence;
      if (c.id == "b" && c.kind == ChangeKind::kCreate) {
        EXPECT_EQ(c.origin, "elsewhere");
      }
    }
    count += b->changes.size();
    seen += Show(*b);
  }
  EXPECT_EQ(
      seen,
      R"(create a >{"id":"a","n":1}; update a {"id":"a","n":1}>{"id":"a","n":2}; )"
      R"(delete a {"id":"a","n":2}>; create b >{"id":"b"}; update b {"id":"b"}>{"id":"b","n":7}; )");
  EXPECT_EQ((*s)->Next(ctx().WithTimeout(std::chrono::milliseconds(1))).status().code(),
            StatusCode::kDeadlineExceeded);
}

TEST_P(SubscriptionSuite, AQueryMakesEnterAndLeave) {
  auto s = store().Subscribe(ctx(), Request("n=gt=5"));
  ASSERT_TRUE(s.ok()) << s.status();
  for (const char* text : {R"({"id":"a","n":1})", R"({"id":"a","n":6})", R"({"id":"a","n":7})",
                           R"({"id":"a","n":2})"}) {
    ASSERT_TRUE(Put(store(), ctx(), Doc(text)).ok());
  }
  std::string seen;
  while (seen.find("delete") == seen.npos) {
    const auto b = (*s)->Next(ctx().WithTimeout(std::chrono::seconds(20)));
    ASSERT_TRUE(b.ok()) << b.status();
    seen += Show(*b);
  }
  EXPECT_EQ(seen, R"(create a >{"id":"a","n":6}; update a {"id":"a","n":6}>{"id":"a","n":7}; )"
                  R"(delete a {"id":"a","n":7}>; )");
  EXPECT_EQ(store().Subscribe(ctx(), Request("sort(a)")).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_P(SubscriptionSuite, ResumesFromASequence) {
  std::vector<uint64_t> revisions;
  for (int i = 0; i < 10; ++i)
    revisions.push_back(
        Put(store(), ctx(), Doc("{\"id\":\"" + std::to_string(i) + "\"}"))->revision);
  if (GetParam().persistent) Reopen();
  auto s = store().Subscribe(ctx(), Request("", revisions[6]));
  ASSERT_TRUE(s.ok()) << s.status();
  const auto b = (*s)->Next(ctx().WithTimeout(std::chrono::seconds(20)));
  ASSERT_TRUE(b.ok());
  if (GetParam().persistent && store().capabilities().change_feed != ChangeFeed::kResumable) {
    EXPECT_TRUE(b->gap);  // it says that it does not remember
    EXPECT_EQ(b->resume_from, revisions[9] + 1);
    return;
  }
  ASSERT_EQ(b->changes.size(), 4u);
  EXPECT_EQ(b->changes[0].id, "6");
  EXPECT_EQ(b->resume_from, revisions[9] + 1);
  EXPECT_EQ(store().Subscribe(ctx(), Request("", revisions[9] + 2)).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_P(SubscriptionSuite, FollowsAWriterWhileItWrites) {
#ifdef STRATA_SANITIZED
  const int writes = Rounds(500);
#else
  const int writes = Rounds(5000);
#endif
  auto s = store().Subscribe(ctx(), Request(""));
  ASSERT_TRUE(s.ok());
  std::thread writer([&] {
    for (int i = 0; i < writes; ++i) {
      ASSERT_TRUE(
          Put(store(), ctx(),
              Doc("{\"id\":\"" + std::to_string(i % 13) + "\",\"i\":" + std::to_string(i) + "}"))
              .ok());
    }
  });
  int next = 0;
  std::map<std::string, std::string> state;
  while (next < writes && !HasFailure()) {
    const auto b = (*s)->Next(ctx().WithTimeout(std::chrono::seconds(60)));
    EXPECT_TRUE(b.ok()) << b.status();
    if (!b.ok()) break;
    for (const Change& c : b->changes) {
      EXPECT_EQ(c.after.Find("i").text(), std::to_string(next++));
      EXPECT_EQ(c.before.text(), state[c.id]);
      state[c.id] = c.after.text();
    }
  }
  writer.join();
}

INSTANTIATE_CONFORMANCE(SubscriptionSuite);

}  // namespace
}  // namespace strata::testing
