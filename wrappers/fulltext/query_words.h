// What people write to be found, before Xapian reads it. Internal to this folder.
#ifndef STRATA_WRAPPERS_FULLTEXT_QUERY_WORDS_H_
#define STRATA_WRAPPERS_FULLTEXT_QUERY_WORDS_H_

#include <xapian.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace strata::fulltext {

// A word with "~" behind it, and how many letters may be wrong.
struct Fuzzy {
  std::string word;
  size_t edits = 0;
};
// Takes word~, word~1 and word~2 out of the text. Without a number, two letters may be wrong in a
// word of six letters or more, else one.
StatusOr<std::vector<Fuzzy>> TakeFuzzy(std::string* text);
// Whether two texts of code points are at most `most` insertions, deletions, replacements apart.
bool Near(const std::u32string& a, const std::u32string& b, size_t most);

std::u32string CodePoints(std::string_view text);
std::string Lower(std::string_view text);
// In small letters, but for the operators and single letters (U.S.A. is an acronym, u.s.a. is not):
// a word that begins with a capital is one like any other, and not, as for Xapian, one that has no
// stem.
std::string LowerWords(std::string_view text);

// The words of a text that is nothing but words; none when it has operators, phrases or brackets.
std::vector<std::string> PlainWords(std::string_view text);
// What stands behind the minus signs of a text that only says what is not wanted.
std::optional<std::string> OnlyHated(std::string_view text);

bool OnlyStopWords(std::string_view text, const Xapian::Stopper& stopper);
// With each stop word as Xapian looks for it without its stem: as it is indexed. Beside operators
// it is asked for, and not left out.
std::string WithExactStopWords(std::string_view text, const Xapian::Stopper& stopper);

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_QUERY_WORDS_H_
