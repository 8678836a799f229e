// Reading and writing single documents and batches.
#include <gmock/gmock.h>

#include <map>

#include "tests/conformance/composition.h"
#include "tests/support/random_json.h"

namespace strata::testing {
namespace {

using CrudSuite = ConformanceTest;

std::string Code(const Status& s) { return std::string(CodeName(s.code())); }

TEST_P(CrudSuite, PutGetDelete) {
  auto missing = Get(store(), ctx(), "a");
  ASSERT_TRUE(missing.ok());
  EXPECT_FALSE(missing->has_value());

  const auto put = Put(store(), ctx(), Doc(R"({"id":"a","n":1.10})"));
  ASSERT_TRUE(put.ok()) << Describe(put.status());
  EXPECT_EQ(put->id, "a");
  EXPECT_TRUE(put->created);
  EXPECT_GT(put->revision, 0u);

  const auto again = Put(store(), ctx(), Doc(R"({"n":2})"), "a");
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->created);
  EXPECT_GT(again->revision, put->revision);
  const auto got = Get(store(), ctx(), "a");
  ASSERT_TRUE(got.ok() && got->has_value());
  EXPECT_EQ(Shown((*got)->document), Shown(R"({"id":"a","n":2})"));
  EXPECT_EQ((*got)->revision, again->revision);
  EXPECT_EQ((*got)->id(), "a");

  const auto gone = Delete(store(), ctx(), "a");
  ASSERT_TRUE(gone.ok());
  EXPECT_TRUE(gone->deleted);
  EXPECT_FALSE(Get(store(), ctx(), "a")->has_value());
  const auto nothing = Delete(store(), ctx(), "a");
  ASSERT_TRUE(nothing.ok());
  EXPECT_FALSE(nothing->deleted);
  EXPECT_EQ(nothing->revision, 0u);
}

TEST_P(CrudSuite, RevisionsIncreaseAlsoAcrossReopening) {
  uint64_t last = 0;
  for (int i = 0; i < 20; ++i) {
    const auto w = Put(store(), ctx(), Doc("{\"id\":\"x\",\"i\":" + std::to_string(i) + "}"));
    ASSERT_TRUE(w.ok());
    EXPECT_GT(w->revision, last);
    last = w->revision;
    if (GetParam().persistent && i % 5 == 0) Reopen();
  }
}

TEST_P(CrudSuite, GeneratesIdsThatSort) {
  std::string last;
  for (int i = 0; i < 100; ++i) {
    const auto w = Create(store(), ctx(), Doc(R"({"a":1})"));
    ASSERT_TRUE(w.ok());
    EXPECT_EQ(w->id.size(), 36u);
    EXPECT_GT(w->id, last);
    last = w->id;
  }
  EXPECT_EQ(Shown(Get(store(), ctx(), last)->value().document),
            Shown("{\"id\":\"" + last + "\",\"a\":1}"));
}

TEST_P(CrudSuite, PreconditionsHold) {
  ASSERT_TRUE(Create(store(), ctx(), Doc(R"({"id":"a","n":1})")).ok());
  EXPECT_EQ(Code(Create(store(), ctx(), Doc(R"({"id":"a","n":2})")).status()), "ALREADY_EXISTS");
  EXPECT_EQ(Code(Update(store(), ctx(), "b", Doc("{}")).status()), "NOT_FOUND");
  const uint64_t revision = Get(store(), ctx(), "a")->value().revision;
  WriteOp op{WriteKind::kPut, "a", Doc(R"({"n":3})"), Presence::kAny, revision + 1};
  EXPECT_EQ(Code(WriteOne(store(), ctx(), op).status()), "FAILED_PRECONDITION");
  op.if_revision = revision;
  EXPECT_TRUE(WriteOne(store(), ctx(), op).ok());
  EXPECT_EQ(Code(WriteOne(store(), ctx(), op).status()), "FAILED_PRECONDITION");
  EXPECT_EQ(Shown(Get(store(), ctx(), "a")->value().document), Shown(R"({"id":"a","n":3})"));
}

TEST_P(CrudSuite, UpdateMergesAndPatches) {
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"a","n":{"x":1,"y":2},"z":1.50})")).ok());
  ASSERT_TRUE(Update(store(), ctx(), "a", Doc(R"({"n":{"x":null,"w":3}})")).ok());
  EXPECT_EQ(Shown(Get(store(), ctx(), "a")->value().document),
            Shown(R"({"id":"a","n":{"y":2,"w":3},"z":1.50})"));
  const WriteOp patch{WriteKind::kPatch,
                      "a",
                      Doc(R"([{"op":"replace","path":"/z","value":7}])"),
                      Presence::kAny,
                      {}};
  ASSERT_TRUE(WriteOne(store(), ctx(), patch).ok());
  EXPECT_EQ(Shown(Get(store(), ctx(), "a")->value().document),
            Shown(R"({"id":"a","n":{"y":2,"w":3},"z":7})"));
  EXPECT_EQ(Code(Update(store(), ctx(), "a", Doc(R"({"id":"b"})")).status()), "INVALID_ARGUMENT");
}

TEST_P(CrudSuite, BadInputIsRefusedAndLosesNothing) {
  EXPECT_EQ(Code(Put(store(), ctx(), Doc("[1]")).status()), "INVALID_ARGUMENT");
  EXPECT_EQ(Code(Put(store(), ctx(), Doc(R"({"id":""})")).status()), "INVALID_ARGUMENT");
  EXPECT_EQ(Code(Put(store(), ctx(), Doc(R"({"id":1.5})")).status()), "INVALID_ARGUMENT");
  EXPECT_EQ(Code(Put(store(), ctx(), Doc(R"({"id":"a"})"), "b").status()), "INVALID_ARGUMENT");
  EXPECT_EQ(Code(Put(store(), ctx(), Doc("{}"), std::string(1025, 'x')).status()),
            "INVALID_ARGUMENT");
  EXPECT_EQ(Code(Put(store(), ctx(), Doc("{}"), "\xFF").status()), "INVALID_ARGUMENT");
  EXPECT_EQ(Code(Get(store(), ctx(), "").status()), "INVALID_ARGUMENT");
  EXPECT_TRUE(Put(store(), ctx(), Doc("{}"), std::string(1024, 'x')).ok());
  EXPECT_TRUE(Put(store(), ctx(), Doc(R"({"id":17})")).ok());
  EXPECT_TRUE(Get(store(), ctx(), "17")->has_value());
  EXPECT_EQ(*Count(store(), ctx()), 2u);
}

TEST_P(CrudSuite, ABatchIsWrittenWhollyOrNotAtAll) {
  ASSERT_TRUE(Put(store(), ctx(), Doc(R"({"id":"b","n":1})")).ok());
  WriteBatch batch;
  batch.Put(Doc(R"({"id":"a"})")).Delete("b");
  batch.ops.push_back({WriteKind::kPut, "a", Doc("{}"), Presence::kMustNotExist, {}});
  const auto w = store().Write(ctx(), batch);
  EXPECT_EQ(Code(w.status()), "ALREADY_EXISTS");
  EXPECT_THAT(std::string(Message(w.status())),
              ::testing::StartsWith("operation 2 of the batch: "));
  EXPECT_FALSE(Get(store(), ctx(), "a")->has_value());
  EXPECT_TRUE(Get(store(), ctx(), "b")->has_value());

  batch.ops.pop_back();
  batch.ops.push_back({WriteKind::kMerge, "a", Doc(R"({"m":1})"), Presence::kMustExist, {}});
  batch.Put(Doc(R"({"id":"b","n":2})"));
  const auto good = store().Write(ctx(), batch);
  ASSERT_TRUE(good.ok()) << Describe(good.status());
  EXPECT_EQ(Shown(Get(store(), ctx(), "a")->value().document), Shown(R"({"id":"a","m":1})"));
  EXPECT_EQ(Shown(Get(store(), ctx(), "b")->value().document), Shown(R"({"id":"b","n":2})"));
  EXPECT_TRUE(good->outcomes[3].created);
}

TEST_P(CrudSuite, RandomOperationsAgreeWithAMap) {
#ifdef STRATA_SANITIZED
  const int operations = Rounds(2000);
#else
  const int operations = Rounds(10000);
#endif
  RandomJson random(PrintedSeed());
  std::map<std::string, Document> model;
  for (int i = 0; i < operations; ++i) {
    const std::string id = "k" + std::to_string(random.Below(50));
    const bool there = model.contains(id);
    switch (random.Below(6)) {
      case 0:
      case 1: {
        const std::string text = random.Object(3);
        const std::string stored =
            text == "{}" ? "{\"id\":\"" + id + "\"}" : "{\"id\":\"" + id + "\"," + text.substr(1);
        ASSERT_TRUE(Put(store(), ctx(), Doc(text), id).ok());
        model[id] = Doc(stored);
        break;
      }
      case 2: {
        const auto w = Create(store(), ctx(), Doc("{\"id\":\"" + id + "\"}"));
        ASSERT_EQ(w.ok(), !there);
        if (!there) model[id] = Doc("{\"id\":\"" + id + "\"}");
        break;
      }
      case 3: {
        const auto w = Delete(store(), ctx(), id);
        ASSERT_TRUE(w.ok());
        ASSERT_EQ(w->deleted, there);
        model.erase(id);
        break;
      }
      case 4: {
        const auto w = Update(store(), ctx(), id, Doc(R"({"zz":[1],"a":null})"));
        ASSERT_EQ(w.ok(), there);
        if (there) {
          std::string scratch, text = "{";
          bool had = false;
          for (MemberIterator m(model[id].root()); !m.done(); m.Next()) {
            if (m.name(&scratch) == "a") continue;
            had = had || m.name(&scratch) == "zz";
            text += (text.size() > 1 ? "," : "") + std::string(m.raw_name()) + ":" +
                    std::string(m.value().text());
          }
          model[id] = Doc(text + (had ? "}" : ",\"zz\":[1]}"));
        }
        break;
      }
      default: {
        const std::string other = "k" + std::to_string(random.Below(50));
        const std::string_view ids[] = {id, other, "nothing"};
        std::optional<Record> out[3];
        ASSERT_TRUE(store().Read(ctx(), ids, out).ok());
        ASSERT_EQ(out[0].has_value(), there);
        if (there) {
          ASSERT_EQ(Shown(out[0]->document), Shown(model[id]));
        }
        ASSERT_EQ(out[1].has_value(), model.contains(other));
        ASSERT_FALSE(out[2].has_value());
      }
    }
    if (i % 500 == 499) {
      if (GetParam().persistent) Reopen();
      const auto rows = Collect(store(), ctx(), Query());
      ASSERT_TRUE(rows.ok());
      ASSERT_EQ(rows->size(), model.size());
      size_t at = 0;
      for (const auto& [key, d] : model) ASSERT_EQ(Shown((*rows)[at++]), Shown(d));
    }
  }
}

INSTANTIATE_CONFORMANCE(CrudSuite);

}  // namespace
}  // namespace strata::testing
