// What a full-text stage indexes of a document, as its options say.
#ifndef STRATA_WRAPPERS_FULLTEXT_TEXT_SCHEMA_H_
#define STRATA_WRAPPERS_FULLTEXT_TEXT_SCHEMA_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/path.h"
#include "store/option_table.h"

namespace strata::fulltext {

inline constexpr size_t kMaxFields = 26;

struct TextField {
  std::string name;  // the path as it is written: "description", "maker/name"
  Path path;
  uint32_t weight = 1;   // how often each word counts
  std::string language;  // of stemmer and stop words; "none": words as they are
  bool stop_words = true;
};

struct TextSchema {
  std::vector<TextField> fields;
  std::vector<Path> terms;   // exact values as boolean terms
  std::vector<Path> values;  // sortable values as slots
  bool spelling = true;

  // Equal for schemas whose indexes are alike.
  std::string Fingerprint() const;
  // The field of that name; null when there is none.
  const TextField* Find(std::string_view name) const;
};

// "a/b" as a path.
Path PathFrom(std::string_view text);

// Readers for option tables.
std::vector<TextField> ReadFields(Value v, const std::string& pointer, ConfigProblems* problems);
std::vector<Path> ReadPaths(Value v, const std::string& pointer, ConfigProblems* problems);

// Words that say nothing by themselves; empty for a language that has no list here.
std::vector<std::string> StopWords(std::string_view language);
// The languages that have one, sorted.
std::vector<std::string_view> StopWordLanguages();

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_TEXT_SCHEMA_H_
