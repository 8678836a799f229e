// Law: what is selected reads as it does in the whole document.
#include "core/partial_documents.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/random_json.h"

namespace strata {
namespace {

using testing::PrintedSeed;
using testing::RandomJson;

std::string Shown(const Path& p, Value row) {
  const Value v = p.Get(row);
  return v.exists() ? std::string(v.text()) : "(nothing)";
}

// A path to something in the document, mostly.
Path RandomPath(RandomJson& random, Value v) {
  std::vector<std::string> steps;
  while (steps.empty() || random.Below(3) > 0) {
    if (v.size() == 0 || random.Below(8) == 0) {
      steps.push_back(random.Below(2) == 0 ? "a" : "0");
      v = Value();
    } else if (v.is_array()) {
      const int at = random.Below(static_cast<int>(v.size()));
      steps.push_back(std::to_string(at));
      v = v.At(static_cast<uint32_t>(at));
    } else {
      MemberIterator m(v);
      for (int skip = random.Below(static_cast<int>(v.size())); skip > 0; --skip) m.Next();
      std::string scratch;
      steps.emplace_back(m.name(&scratch));
      v = m.value();
    }
    if (steps.size() > 4) break;
  }
  return Path(std::move(steps));
}

TEST(PartialDocuments, ReadAsWholeOnesDo) {
  RandomJson random(PrintedSeed());
  for (int round = 0; round < 20000; ++round) {
    std::vector<Document> whole;
    for (int i = 0; i < 3; ++i) {
      const StatusOr<Document> d = Document::Parse(random.Object(4));
      ASSERT_TRUE(d.ok()) << d.status();
      whole.push_back(*d);
    }
    std::vector<Path> paths;
    const int count = random.Below(4);
    for (int i = 0; i < count; ++i) paths.push_back(RandomPath(random, whole[i % 3].root()));
    const PathSelection selection = SelectPaths(paths);
    ASSERT_NE(selection, nullptr);
    PartialDocuments partial(selection);
    for (int i = 0; i < 6; ++i) {
      const Document& d = whole[random.Below(3)];
      const Value row = partial.Add(d.text());
      for (const Path& p : paths)
        ASSERT_EQ(Shown(p, row), Shown(p, d.root())) << p.ToString() << " of " << d.text();
      const int then = random.Below(4);
      if (then == 0) partial.RemoveLast();
      if (then == 1) partial.Clear();
      if (then == 2) {
        ASSERT_EQ(partial.Text(partial.size() - 1), d.text());
      }
    }
    for (const Document& d : whole) partial.Add(d.text());
    for (size_t i = 0; i < 3; ++i) {
      const size_t at = partial.size() - 3 + i;
      for (const Path& p : paths) ASSERT_EQ(Shown(p, partial.At(at)), Shown(p, whole[i].root()));
    }
  }
}

TEST(PartialDocuments, AreOfAnySize) {
  const std::vector<Path> paths = {Path::Of("z")};
  PartialDocuments partial(SelectPaths(paths));
  for (const size_t size : {size_t{1}, size_t{65000}, size_t{200000}, size_t{70}}) {
    const std::string text =
        "{\"a\":\"" + std::string(size, 'x') + "\",\"z\":" + std::to_string(size) + "}";
    EXPECT_EQ(paths[0].Get(partial.Add(text)).text(), std::to_string(size));
  }
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(paths[0].Get(partial.At(i)).is_number());
  partial.Clear();
  EXPECT_EQ(paths[0].Get(partial.Add(R"({"z":5})")).text(), "5");
  EXPECT_EQ(SelectPaths(std::vector<Path>{Path()}), nullptr);
}

}  // namespace
}  // namespace strata
