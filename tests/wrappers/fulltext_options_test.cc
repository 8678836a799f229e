// What the options of a full-text stage promise: freshness, commits, stop words, and what a search
// may cost.

#include "tests/wrappers/stack.h"
#include "wrappers/fulltext/text_index.h"

namespace strata::testing {
namespace {

const Context& ctx() { return Context::Background(); }

std::string Stage(const std::string& options) {
  return R"("s":[{"type":"fulltext","path":"text","fields":{"t":{}})" + options + R"(},"memory:"])";
}
std::string Hits(Stack& stack, std::string_view word) {
  return Rows(Collect(stack.s(), ctx(), "fulltext(" + std::string(word) + ")&count()"));
}
TEST(FulltextOptions, EventualSearchesNeitherWaitNorCommit) {
  Stack stack(Stage(R"(,"freshness":"eventual","commit_after":"1h")"));
  EXPECT_EQ(stack.s().capabilities().freshness, Freshness::kEventual);
  EXPECT_EQ(Hits(stack, "one"), "0");
  const double commits = stack.Figure("commits");
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"a","t":"one"})")).ok());
  EXPECT_EQ(Hits(stack, "one"), "0");
  ASSERT_TRUE(Eventually([&] { return stack.Figure("uncommitted") == 1; }));
  EXPECT_EQ(Hits(stack, "one"), "0");
  EXPECT_EQ(stack.Figure("commits"), commits);
}

TEST(FulltextOptions, EventualSearchesSeeAWriteAfterCommitAfter) {
  Stack stack(Stage(R"(,"freshness":"eventual","commit_after":"20ms")"));
  EXPECT_EQ(Hits(stack, "one"), "0");
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"a","t":"one"})")).ok());
  EXPECT_TRUE(Eventually([&] { return Hits(stack, "one") == "1"; }));
}

TEST(FulltextOptions, CommitBytesMakeACommit) {
  Stack stack(Stage(R"(,"freshness":"eventual","commit_after":"1h","commit_bytes":"4KiB")"));
  EXPECT_EQ(Hits(stack, "one"), "0");
  const double commits = stack.Figure("commits");
  const auto put = [&](const std::string& id) {
    const std::string text = "one " + std::string(1010, 'x');
    ASSERT_TRUE(Put(stack.s(), ctx(), Doc("{\"id\":\"" + id + "\",\"t\":\"" + text + "\"}")).ok());
  };
  for (const char* id : {"a", "b", "c"}) put(id);
  ASSERT_TRUE(Eventually([&] { return stack.Figure("uncommitted") == 3; }));
  EXPECT_EQ(stack.Figure("commits"), commits);
  EXPECT_EQ(Hits(stack, "one"), "0");
  // Four kibibytes are full.
  put("d");
  ASSERT_TRUE(Eventually([&] { return stack.Figure("commits") == commits + 1; }));
  EXPECT_EQ(Hits(stack, "one"), "4");
  EXPECT_EQ(stack.Figure("uncommitted"), 0);
}

TEST(FulltextOptions, RankingThatTakesTooLongIsRefused) {
  fulltext::TextSchema schema;
  schema.fields.push_back({"t", fulltext::PathFrom("t"), 1, "english", true});
  const auto index = fulltext::TextIndex::InMemory(schema);
  ASSERT_TRUE(index.ok()) << index.status();
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE((*index)->Put(Doc("{\"id\":" + std::to_string(i) + ",\"t\":\"b c b c\"}")).ok());
  // All documents are looked at for the phrase, and none is found.
  fulltext::TextRequest request;
  request.all = {{"", "\"c c\""}};
  const auto ranked = [&]() -> StatusOr<std::vector<fulltext::TextHit>> {
    ASSIGN_OR_RETURN(const auto search, (*index)->Search(request));
    return search->Ranked(ctx(), 0, 10);
  };
  ASSERT_TRUE(ranked().ok()) << ranked().status();
  EXPECT_TRUE(ranked()->empty());
  request.limit = std::chrono::seconds(0);
  EXPECT_EQ(Describe(ranked().status()),
            "RESOURCE_EXHAUSTED: fulltext: ranking takes more than 0 seconds; look for fewer or "
            "rarer words");
  // What is not ranked goes on to its deadline.
  request.ranked = false;
  const auto search = (*index)->Search(request);
  ASSERT_TRUE(search.ok()) << search.status();
  const auto all = (*search)->All(ctx());
  EXPECT_TRUE(all.ok()) << all.status();
}

TEST(FulltextOptions, StopWordsOfTheFieldsLanguageAreLeftOut) {
  Stack stack(R"("s":[{"type":"fulltext","path":"text","fields":{
      "sv":{"language":"swedish"},"ru":{"language":"russian"},"tr":{"language":"turkish"},
      "all":{"language":"swedish","stop_words":false}}},"memory:"])");
  ASSERT_TRUE(Put(stack.s(), ctx(),
                  Doc(R"({"id":"a","sv":"röda hus","ru":"красный дом","tr":"kırmızı ev",)"
                      R"("all":"röda hus"})"))
                  .ok());
  EXPECT_EQ(Hits(stack, "sv,och%20hus"), "1");
  EXPECT_EQ(Hits(stack, "ru,и%20дом"), "1");
  EXPECT_EQ(Hits(stack, "tr,ve%20ev"), "1");
  EXPECT_EQ(Hits(stack, "all,och%20hus"), "0");
}

}  // namespace
}  // namespace strata::testing
