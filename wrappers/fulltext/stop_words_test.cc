#include <gtest/gtest.h>
#include <xapian.h>

#include <algorithm>
#include <set>

#include "wrappers/fulltext/text_schema.h"

namespace strata::fulltext {
namespace {

TEST(StopWords, AreWordsAsXapianSplitsThem) {
  // As Xapian gives them: names separated by spaces.
  const std::string stemmers = " " + Xapian::Stem::get_available_languages() + " ";
  const auto languages = StopWordLanguages();
  EXPECT_TRUE(std::is_sorted(languages.begin(), languages.end()));
  EXPECT_EQ(languages.size(), 17u);
  for (const std::string_view language : languages) {
    SCOPED_TRACE(language);
    EXPECT_NE(stemmers.find(" " + std::string(language) + " "), stemmers.npos) << stemmers;
    const std::vector<std::string> words = StopWords(language);
    EXPECT_GE(words.size(), 30u);
    EXPECT_EQ(std::set<std::string>(words.begin(), words.end()).size(), words.size());
    for (const std::string& word : words) {
      EXPECT_FALSE(word.empty());
      for (Xapian::Utf8Iterator i(word), end; i != end; ++i) {
        EXPECT_TRUE(Xapian::Unicode::is_wordchar(*i)) << word;
        EXPECT_EQ(Xapian::Unicode::tolower(*i), *i) << word;
      }
    }
  }
  EXPECT_TRUE(StopWords("none").empty());
}

}  // namespace
}  // namespace strata::fulltext
