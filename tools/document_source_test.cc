#include "tools/document_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "tests/support/random_json.h"

namespace strata::tools {
namespace {

// A pipe of which the source has the reading end.
class Input {
 public:
  Input() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    source_ = std::make_unique<DocumentSource>(ends[0]);
    fd_ = ends[1];
  }
  ~Input() { Close(); }
  void Write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = write(fd_, text.data(), text.size());
      ASSERT_GT(n, 0);
      text.remove_prefix(static_cast<size_t>(n));
    }
  }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  DocumentSource& source() { return *source_; }

 private:
  std::unique_ptr<DocumentSource> source_;
  int fd_ = -1;
};

// "1 text" for each item, the status when there is one at the end.
std::vector<std::string> Rest(DocumentSource& source) {
  std::vector<std::string> out;
  for (;;) {
    const auto item = source.Next();
    if (!item.ok()) {
      out.emplace_back(Message(item.status()));
      return out;
    }
    if (!item->has_value()) return out;
    if ((*item)->kind == SourceItem::Kind::kNotYet) continue;
    out.push_back(std::to_string((*item)->number) + " " + (*item)->text);
  }
}

// What comes of a text whose pieces end at random places.
std::vector<std::string> Items(std::string_view text, size_t piece = SIZE_MAX) {
  Input input;
  std::thread writer([&] {
    for (size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at))
      input.Write(text.substr(at, piece));
    input.Close();
  });
  auto out = Rest(input.source());
  writer.join();
  return out;
}

using Strings = std::vector<std::string>;

TEST(DocumentSource, NumbersLinesWithTheBlankOnes) {
  EXPECT_EQ(Items("\xEF\xBB\xBF{\"a\":1}\n\n  \r\n{\"a\":2}", 1),
            (Strings{"1 {\"a\":1}", "4 {\"a\":2}"}));
  EXPECT_EQ(Items("\n\n7\n\n"), (Strings{"3 7"}));
  EXPECT_EQ(Items(""), Strings());
}

TEST(DocumentSource, AStringElementLeavesTheNextOneAlone) {
  EXPECT_EQ(Items(R"(["x",{"id":"good"}])"), (Strings{"1 \"x\"", "2 {\"id\":\"good\"}"}));
}

TEST(DocumentSource, AMissingElementIsAnElementOfNothing) {
  EXPECT_EQ(Items(R"([,{"id":"c1"}])"), (Strings{"1 ", "2 {\"id\":\"c1\"}"}));
  EXPECT_EQ(Items("[1,]"), (Strings{"1 1", "2 "}));
  EXPECT_EQ(Items(" [ ] \n"), Strings());
}

TEST(DocumentSource, SaysHowAnArrayIsBroken) {
  EXPECT_EQ(Items("[1,2"), (Strings{"1 1", "2 2", "the array is not closed"}));
  EXPECT_EQ(Items("["), (Strings{"the array is not closed"}));
  EXPECT_EQ(Items("[1,{\"a\":"), (Strings{"1 1", "the array ends within element 2"}));
  EXPECT_EQ(Items("[1] 2"), (Strings{"1 1", "text behind the end of the array, at byte 4"}));
}

TEST(DocumentSource, GivesExactlyTheElementsOfRandomArrays) {
  static constexpr const char* kBad[] = {"",        "nope",      "tru",       "1.2.3",
                                         R"("\q")", R"({"a":})", "{a:1}",     R"({"a" 1})",
                                         "[1,,2]",  "{} {}",     R"("a""b")", "}"};
  testing::RandomJson random(testing::PrintedSeed());
  const auto space = [&] {
    std::string out;
    while (random.Below(3) == 0) out += " \t\r\n"[random.Below(4)];
    return out;
  };
  for (int run = 0; run < 300; ++run) {
    std::string text = space() + "[";
    Strings expected;
    for (int i = random.Below(30); i > 0; --i) {
      std::string element =
          random.Below(4) == 0 ? kBad[random.Below(std::size(kBad))] : random.Any();
      // One element of nothing is no element.
      if (i == 1 && expected.empty() && element.empty()) element = "0";
      text += expected.empty() ? "" : ",";
      text += space() + element + space();
      expected.push_back(std::to_string(expected.size() + 1) + " " + element);
    }
    text += "]" + space();
    EXPECT_EQ(Items(text, static_cast<size_t>(1 + random.Below(200))), expected) << text;
  }
}

TEST(DocumentSource, GivesTheLinesThatHaveComeBeforeTheEnd) {
  Input input;
  input.Write("{\"a\":1}\n{\"a\":2}\n{\"a\"");
  const auto next = [&] { return input.source().Next().value().value(); };
  EXPECT_EQ(next().text, "{\"a\":1}");
  EXPECT_EQ(next().text, "{\"a\":2}");
  EXPECT_EQ(next().kind, SourceItem::Kind::kNotYet);
  input.Write(":3}\n");
  EXPECT_EQ(next().text, "{\"a\":3}");
  EXPECT_EQ(next().kind, SourceItem::Kind::kNotYet);
  input.Close();
  EXPECT_EQ(Rest(input.source()), Strings());
}

TEST(DocumentSource, GivesTheElementsThatHaveComeBeforeTheEnd) {
  Input input;
  input.Write(" ");
  const auto next = [&] { return input.source().Next().value().value(); };
  EXPECT_EQ(next().kind, SourceItem::Kind::kNotYet);
  input.Write("[{\"a\":1},\"b");
  EXPECT_EQ(next().text, "{\"a\":1}");
  EXPECT_EQ(next().kind, SourceItem::Kind::kNotYet);
  input.Write("\\\"]\"]");
  EXPECT_EQ(next().text, "\"b\\\"]\"");
  input.Close();
  EXPECT_EQ(Rest(input.source()), Strings());
}

TEST(DocumentSource, PassesOverALineThatIsTooLong) {
  const std::string start(200, 'x');
  const std::string longer(kMaxDocumentBytes + 300000, 'x');
  EXPECT_EQ(Items("1\n" + longer + "\n3"), (Strings{"1 1", "2 " + start + "…", "3 3"}));
  EXPECT_EQ(Items("[1,\"" + longer + "\\ \",3]"),
            (Strings{"1 1", "2 \"" + start.substr(1) + "…", "3 3"}));
}

// What is too long gives its number at once, and then lets the caller look whether to go on.
TEST(DocumentSource, WhatDoesNotEndDoesNotKeepItsCaller) {
  const std::string array = ::testing::TempDir() + "/endless_array";
  std::ofstream(array) << "[1,\"";
  std::filesystem::resize_file(array, kMaxDocumentBytes + (64 << 20));
  for (const std::string& path : {std::string("/dev/zero"), array}) {
    const auto source = DocumentSource::Open(path);
    ASSERT_TRUE(source.ok()) << path;
    auto item = (*source)->Next().value().value();
    if (path == array) item = (*source)->Next().value().value();
    EXPECT_EQ(item.kind, SourceItem::Kind::kTooLong);
    EXPECT_EQ(item.number, path == array ? 2u : 1u);
    for (int i = 0; i < 100; ++i) {
      const auto more = (*source)->Next();
      ASSERT_TRUE(more.ok() && more->has_value()) << path;
      EXPECT_EQ((*more)->kind, SourceItem::Kind::kNotYet);
    }
  }
  std::filesystem::remove(array);
}

TEST(DocumentSource, PassesOverAnElementOfManyBrackets) {
  const size_t n = kMaxDocumentBytes + 300000;
  EXPECT_EQ(Items("[1," + std::string(n, '[') + std::string(n, ']') + ",3]"),
            (Strings{"1 1", "2 " + std::string(200, '[') + "…", "3 3"}));
}

TEST(DocumentSource, AFolderCannotBeRead) {
  const auto source = DocumentSource::Open(::testing::TempDir());
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(Rest(**source), (Strings{"the input cannot be read to its end: Is a directory"}));
  EXPECT_EQ(DocumentSource::Open("/no/such/file").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace strata::tools
