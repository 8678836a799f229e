// What the stage type "log" writes, and what it leaves out.
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "tests/wrappers/stack.h"

namespace strata::testing {
namespace {

const Context& ctx() { return Context::Background(); }

std::string FileText(const Stack& stack, const char* file) {
  std::ifstream in(stack.folder() / file);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

TEST(Log, WritesLinesThatHoldNoDocuments) {
  Stack stack(R"("s":[{"type":"log","path":"log"},{"type":"fault","every":3,"operation":"write"},
                      {"type":"memory"}],
                 "r":[{"type":"log","path":"redacted","redact":true},{"type":"memory"}])");
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"a","secret":"tell-nobody"})")).ok());
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"b"})")).ok());
  EXPECT_FALSE(Put(stack.s(), ctx(), Doc(R"({"id":"c"})")).ok());
  ASSERT_TRUE(Get(stack.s(), ctx().WithTrace("t1"), "a").ok());
  ASSERT_TRUE(Collect(stack["r"], ctx(), "name=tell-nobody&price=lt=7&limit(3)").ok());
  const std::string log = FileText(stack, "log");
  EXPECT_NE(log.find(R"("operation":"write","ids":["a"],"count":1)"), std::string::npos) << log;
  EXPECT_NE(log.find(R"("code":"UNAVAILABLE")"), std::string::npos) << log;
  EXPECT_NE(log.find(R"("trace":"t1")"), std::string::npos) << log;
  EXPECT_EQ(log.find("tell-nobody"), std::string::npos) << log;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(Document::Parse(line).ok()) << line;
  const std::string redacted = FileText(stack, "redacted");
  EXPECT_NE(redacted.find("eq(name,%3F)"), std::string::npos) << redacted;
  EXPECT_EQ(redacted.find("tell-nobody"), std::string::npos) << redacted;
}

std::vector<Document> Lines(const Stack& stack, const char* file) {
  std::vector<Document> out;
  std::istringstream lines(FileText(stack, file));
  for (std::string line; std::getline(lines, line);) out.push_back(Doc(line));
  return out;
}

// How many lines each operation has with each code.
std::map<std::string, int> LineCounts(const Stack& stack, const char* file) {
  std::map<std::string, int> out;
  for (const Document& d : Lines(stack, file))
    ++out[d.Find("operation").String() + " " + d.Find("code").String()];
  return out;
}

using Counts = std::map<std::string, int>;

TEST(Log, OneSuccessInSoManyIsWrittenAndEveryFailure) {
  Stack stack(R"("s":[{"type":"log","path":"log","sample":10},
                      {"type":"fault","every":7,"operation":"write"},"memory:"])");
  std::vector<std::thread> readers;
  for (int n = 0; n < 4; ++n) {
    readers.emplace_back([&] {
      for (int i = 0; i < 250; ++i) EXPECT_TRUE(Get(stack.s(), ctx(), "a").ok());
    });
  }
  for (auto& t : readers) t.join();
  EXPECT_EQ(LineCounts(stack, "log"), (Counts{{"read OK", 100}}));
  // 60 successes and 10 failures, which take no turn of theirs.
  for (int i = 0; i < 70; ++i) {
    const auto w = Put(stack.s(), ctx(), Doc(R"({"id":"a"})"));
    EXPECT_EQ(w.ok(), i % 7 != 6);
  }
  EXPECT_EQ(LineCounts(stack, "log"),
            (Counts{{"read OK", 100}, {"write OK", 6}, {"write UNAVAILABLE", 10}}));
  EXPECT_EQ(stack.Figure("lines"), 116);
  EXPECT_EQ(stack.Figure("failed"), 0);
}

// What a query calls comes in turns: counted together, it would always be one kind's turn.
TEST(Log, EachOperationIsSampledByItself) {
  Stack stack(R"("s":[{"type":"log","path":"log","sample":3},"memory:"])");
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(Collect(stack.s(), ctx(), "n=1").ok());
  EXPECT_EQ(LineCounts(stack, "log"), (Counts{{"prepare OK", 3}, {"open OK", 3}, {"next OK", 3}}));
}

TEST(Log, WithoutSamplesOnlyFailuresAndWhatIsSlowAreWritten) {
  Stack stack(R"("m":"memory:",
      "s":[{"type":"log","path":"log","sample":0,"slower_than":"1h"},"m"],
      "slow":[{"type":"log","path":"slow","sample":0,"slower_than":"1ms"},
              {"type":"slow","delay":"20ms"},"memory:"],
      "feed":[{"type":"log","path":"feed","sample":0,"slower_than":"1ms"},"m"])");
  ASSERT_TRUE(Create(stack.s(), ctx(), Doc(R"({"id":"a"})")).ok());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Get(stack.s(), ctx(), "a").ok());
  EXPECT_FALSE(Create(stack.s(), ctx(), Doc(R"({"id":"a"})")).ok());
  EXPECT_FALSE(Update(stack.s(), ctx(), "none", Doc("{}")).ok());
  auto t = stack.s().Begin(ctx(), {});
  ASSERT_TRUE(t.ok());
  ASSERT_TRUE(Put(**t, ctx(), Doc(R"({"id":"a"})")).ok());
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"a"})")).ok());
  EXPECT_FALSE((*t)->Commit(ctx()).ok());
  EXPECT_EQ(LineCounts(stack, "log"),
            (Counts{{"commit ABORTED", 1}, {"write ALREADY_EXISTS", 1}, {"write NOT_FOUND", 1}}));

  ASSERT_TRUE(Get(stack["slow"], ctx(), "a").ok());
  EXPECT_EQ(LineCounts(stack, "slow"), (Counts{{"read OK", 1}}));
  EXPECT_GE(Lines(stack, "slow")[0].Find("micros").number().int_value(), 20000);

  // Waiting for news is neither slow nor, when it is given up, a failure.
  auto changes = stack["feed"].Subscribe(ctx(), {});
  ASSERT_TRUE(changes.ok());
  EXPECT_EQ(Code((*changes)->Next(ctx().WithTimeout(std::chrono::milliseconds(5))).status()),
            "DEADLINE_EXCEEDED");
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_TRUE(Put(stack["m"], ctx(), Doc(R"({"id":"b"})")).ok());
  });
  EXPECT_TRUE((*changes)->Next(ctx().WithTimeout(std::chrono::seconds(20))).ok());
  writer.join();
  for (const Document& d : Lines(stack, "feed"))
    EXPECT_NE(d.Find("operation").String(), "changes") << d.text();
}

TEST(Log, LeavesOutWhoAskedAndForWhatWhenToldTo) {
  Stack stack(R"("all":[{"type":"log","path":"all"},"memory:"],
                 "s":[{"type":"log","path":"redacted","redact":true},"memory:"])");
  for (const char* name : {"all", "s"}) {
    Store& store = stack[name];
    const Context who = ctx().WithPrincipal("hidden-who").WithTrace("t1");
    WriteBatch batch;
    for (const char* id : {"hidden-1", "hidden-2", "hidden-3"})
      batch.Put(Doc(Concat(R"({"id":")", id, R"(","name":"hidden-name"})")));
    ASSERT_TRUE(store.Write(who, batch).ok());
    ASSERT_TRUE(Get(store, who, "hidden-1")->has_value());
    EXPECT_EQ(Code(Create(store, who, Doc(R"({"id":"hidden-2"})")).status()), "ALREADY_EXISTS");
    EXPECT_EQ(Code(Update(store, who, "hidden-4", Doc("{}")).status()), "NOT_FOUND");
    for (const char* rql : {"name=hidden-name&price=lt=471100000000815",
                            "in(kind,(hidden-a,x))&limit(3)", "prefix(id,hidden)&sort(-name)",
                            "match(name,hidden)", "or(contains(tags,hidden),not(name=hidden-b))",
                            "contains(parts,and(eq(maker,hidden-c),eq(n,471100000000815)))",
                            "contains(tags,ne(hidden-d))"}) {
      const auto rows = Collect(store, who, rql);
      ASSERT_TRUE(rows.ok()) << rql << Describe(rows.status());
    }
    SubscribeRequest request;
    request.query = *Query::Parse("name=hidden-name");
    ASSERT_TRUE(store.Subscribe(who, request).ok());
  }
  const std::string all = FileText(stack, "all"), redacted = FileText(stack, "redacted");
  for (const char* shown : {R"("ids":["hidden-1","hidden-2","hidden-3"])", R"("message":)",
                            R"("principal":"hidden-who")", "471100000000815"}) {
    EXPECT_NE(all.find(shown), std::string::npos) << shown << "\n" << all;
  }
  for (const char* left_out :
       {"hidden", "471100000000815", R"("ids":)", R"("message":)", R"("principal":)"}) {
    EXPECT_EQ(redacted.find(left_out), std::string::npos) << left_out << "\n" << redacted;
  }
  // What remains is of use.
  for (const char* kept : {R"("operation":"write","count":3,)", R"("code":"ALREADY_EXISTS")",
                           R"("code":"NOT_FOUND")", R"("trace":"t1")", "eq(name,", "lt(price,"}) {
    EXPECT_NE(redacted.find(kept), std::string::npos) << kept << "\n" << redacted;
  }
  EXPECT_EQ(LineCounts(stack, "all"), LineCounts(stack, "redacted"));
}

TEST(Log, EveryLineIsJsonWhateverItIsAbout) {
  Stack stack(R"("s":[{"type":"log","path":"log"},"memory:"])");
  const std::string long_id(1024, 'x');
  const std::string_view ids[] = {
      "\"", "\\", "\n\r\t\x01\x7f", "\xE2\x80\xA8", "\xFF\xC3", "日本", {"\0", 1}, long_id, "9",
      "10", "11"};
  std::optional<Record> out[std::size(ids)];
  const Context who = ctx().WithPrincipal("\"\xFF\n").WithTrace("\\\xC3");
  ASSERT_TRUE(stack.s().Read(who, ids, out).ok());
  const auto bad = Put(stack.s(), who, Doc("{}"), "\xFF");
  EXPECT_EQ(Code(bad.status()), "INVALID_ARGUMENT");
  // Longer than what is kept of a query; a letter of two bytes may lie where it is cut.
  for (const char* before : {"", "x"}) {
    std::string text = before;
    for (int i = 0; i < 2000; ++i) text += "ä";
    const Query q = Query::Of({Node::Call(Op::kEq, {Node::PathNode({text}), Lit(text)})}, {});
    EXPECT_TRUE(Collect(stack.s(), who, q).ok());
  }
  const auto lines = Lines(stack, "log");  // each is parsed
  ASSERT_GE(lines.size(), 6u);
  EXPECT_EQ(lines[0].Find("count").text(), "11");
  const Value logged = lines[0].Find("ids");
  ASSERT_EQ(logged.size(), 8u);
  EXPECT_EQ(logged.At(2).String(), ids[2]);
  EXPECT_EQ(logged.At(6).String(), ids[6]);
  EXPECT_EQ(lines[1].Find("code").String(), "INVALID_ARGUMENT");

  // Lines of several writers, and of several processes one after the other, do not mix.
  std::vector<std::thread> writers;
  for (int n = 0; n < 4; ++n) {
    writers.emplace_back([&] {
      for (int i = 0; i < 100; ++i)
        EXPECT_TRUE(Put(stack.s(), ctx(), Doc("{\"n\":1}"), long_id).ok());
    });
  }
  for (auto& t : writers) t.join();
  EXPECT_EQ(stack.Figure("lines"), static_cast<double>(lines.size() + 400));
  stack.Reopen();
  ASSERT_TRUE(Get(stack.s(), ctx(), "a").ok());
  EXPECT_EQ(Lines(stack, "log").size(), lines.size() + 401);
}

TEST(Log, AFileThatCannotBeWrittenIsSaid) {
  Stack stack(R"("s":[{"type":"log","path":"/dev/full"},"memory:"])");
  StageRegistry registry;
  ASSERT_TRUE(RegisterAll(registry).ok());
  std::filesystem::create_directories(stack.folder() / "folder");
  const auto open = [&](const std::string& path) {
    return Pipeline::FromText(
               R"({"stores":{"s":[{"type":"log","path":")" + path + R"("},"memory:"]}})",
               stack.folder().string(), registry)
        .status();
  };
  const std::string folder = stack.folder().lexically_normal().string();
  EXPECT_EQ(Describe(open("none/log")), "UNAVAILABLE: cannot open " + folder +
                                            "/none/log: No such file or directory\n"
                                            "  in s/0 (log): open");
  EXPECT_EQ(Describe(open("folder")),
            "UNAVAILABLE: cannot open " + folder + "/folder: Is a directory\n  in s/0 (log): open");
  // One that fills up later is counted; the operations go on.
  ASSERT_TRUE(Put(stack.s(), ctx(), Doc(R"({"id":"a"})")).ok());
  EXPECT_TRUE(Get(stack.s(), ctx(), "a")->has_value());
  EXPECT_EQ(stack.Figure("failed"), 2);
  EXPECT_EQ(stack.Figure("lines"), 0);
}

}  // namespace
}  // namespace strata::testing
