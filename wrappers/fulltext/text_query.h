// The words that people write, as Xapian's queries. Internal to this folder.
#ifndef STRATA_WRAPPERS_FULLTEXT_TEXT_QUERY_H_
#define STRATA_WRAPPERS_FULLTEXT_TEXT_QUERY_H_

#include <xapian.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/status.h"
#include "wrappers/fulltext/text_index.h"

namespace strata::fulltext {

// Limits of one text: they bound what a hostile one costs.
inline constexpr size_t kMaxQueryBytes = 1024;
inline constexpr size_t kMaxQueryWords = 32;
inline constexpr unsigned kMaxExpansion = 64;      // words that one prefix* or word~ stands for
inline constexpr size_t kMaxFuzzyLooked = 100000;  // words that are compared with one word~

// The languages of the fields, and whether stop words are left out; those words. Only looked at, so
// any number of threads may share it.
using Languages = std::map<std::pair<std::string, bool>, Xapian::SimpleStopper>;
Languages LanguagesOf(const TextSchema& schema);

std::string FieldPrefix(const TextSchema& schema, size_t field);
std::string TermPrefix(size_t term);
// A boolean term within Xapian's limit: long ones by their hash.
std::string BoundedTerm(std::string_view prefix, std::string_view value);
std::string IdTerm(std::string_view id);

struct ParsedText {
  Xapian::Query query;
  Xapian::Query plain;  // the same without field prefixes, for snippets
  std::string suggestion;
};
// `languages`: the schema's. Errors: InvalidArgument.
StatusOr<ParsedText> ParseText(const TextCondition& condition, const TextSchema& schema,
                               const Languages& languages, const Xapian::Database& database);

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_TEXT_QUERY_H_
