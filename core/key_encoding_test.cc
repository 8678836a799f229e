#include "core/key_encoding.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/value_order.h"
#include "tests/support/random_json.h"

namespace strata {
namespace {

TEST(KeyEncoding, BytesSortAsValuesDo) {
  testing::RandomJson random(testing::PrintedSeed());
  std::vector<Document> docs;
  for (int i = 0; i < 600; ++i) {
    auto d = Document::Parse(random.Any(2));
    ASSERT_TRUE(d.ok()) << d.status();
    docs.push_back(*d);
  }
  const auto key = [](const Document& d, SortDirection direction) {
    std::string k;
    AppendKey(&k, d.root(), direction);
    return k;
  };
  for (const Document& a : docs) {
    for (const Document& b : docs) {
      const auto order = CompareValues(a.root(), b.root());
      const auto up = key(a, SortDirection::kAscending) <=> key(b, SortDirection::kAscending);
      const auto down = key(a, SortDirection::kDescending) <=> key(b, SortDirection::kDescending);
      ASSERT_EQ(order, up) << a.text() << " " << b.text();
      ASSERT_EQ(order, 0 <=> down) << a.text() << " " << b.text();
      ASSERT_EQ(order, 0 <=> CompareValues(b.root(), a.root()));
    }
  }
}

TEST(KeyEncoding, KeysKnowWhereTheyEndAndWhatTheyStandFor) {
  testing::RandomJson random(testing::PrintedSeed());
  for (int i = 0; i < 3000; ++i) {
    const Document d = Document::Parse(random.Any(3)).value();
    for (const auto direction : {SortDirection::kAscending, SortDirection::kDescending}) {
      std::string key;
      AppendKey(&key, d.root(), direction);
      const size_t size = key.size();
      // What is torn off anywhere is no key.
      EXPECT_EQ(KeyLength(std::string_view(key).substr(0, random.Below(static_cast<int>(size))),
                          direction),
                0u);
      key += "behind";
      ASSERT_EQ(KeyLength(key, direction), size) << d.text();
      const auto text = Document::Parse(KeyText(key, direction));
      ASSERT_TRUE(text.ok()) << d.text() << " " << KeyText(key, direction);
      EXPECT_TRUE(SameValue(text->root(), d.root())) << d.text() << " " << text->text();
    }
  }
}

TEST(KeyEncoding, TypesSortInTheirOrder) {
  const char* const kSorted[] = {"null",  "false",  "true", "-1e300", "-2",    "-1.5",
                                 "0",     "5e-324", "1",    "1.5",    "1e300", "\"\"",
                                 "\"a\"", "\"b\"",  "[]",   "[0]",    "{}",    "{\"a\":1}"};
  std::string before;
  AppendKey(&before, Value());
  for (const char* text : kSorted) {
    std::string k;
    AppendKey(&k, Document::FromTrusted(text).root());
    EXPECT_LT(before, k) << text;
    before = k;
  }
}

}  // namespace
}  // namespace strata
