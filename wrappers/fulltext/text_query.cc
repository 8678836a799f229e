#include "wrappers/fulltext/text_query.h"

#include <xxhash.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "core/json_text.h"
#include "query/operator_table.h"
#include "wrappers/fulltext/query_words.h"

namespace strata::fulltext {
namespace {

constexpr size_t kMaxTermBytes = 200;  // Xapian takes 245, and zero bytes count double
constexpr unsigned kFlags = Xapian::QueryParser::FLAG_PHRASE | Xapian::QueryParser::FLAG_BOOLEAN |
                            Xapian::QueryParser::FLAG_LOVEHATE |
                            Xapian::QueryParser::FLAG_WILDCARD | Xapian::QueryParser::FLAG_PURE_NOT;

// The indexed words near a word. They share its first character, so that few are looked at.
Xapian::Query NearWords(const Fuzzy& fuzzy, const std::string& prefix,
                        const Xapian::Database& database) {
  const std::u32string wanted = CodePoints(fuzzy.word);
  std::string first;
  Xapian::Unicode::append_utf8(first, wanted[0]);
  std::vector<std::pair<Xapian::doccount, std::string>> near;
  size_t looked = 0;
  for (auto it = database.allterms_begin(prefix + first),
            end = database.allterms_end(prefix + first);
       it != end && looked < kMaxFuzzyLooked; ++it, ++looked) {
    const std::string term = *it;
    const std::string_view bare = std::string_view(term).substr(prefix.size());
    if (Near(wanted, CodePoints(bare), fuzzy.edits)) near.emplace_back(it.get_termfreq(), term);
  }
  std::sort(near.rbegin(), near.rend());
  if (near.size() > kMaxExpansion) near.resize(kMaxExpansion);
  std::vector<std::string> terms;
  for (auto& [frequency, term] : near) terms.push_back(std::move(term));
  return Xapian::Query(Xapian::Query::OP_SYNONYM, terms.begin(), terms.end());
}

// What stands for fuzzy words. Looking for it reads many terms, so it is done once.
struct NearQueries {
  std::vector<Xapian::Query> in_field;  // behind the field's prefix
  std::vector<Xapian::Query> plain;
};

NearQueries NearWords(const std::vector<Fuzzy>& fuzzy, const std::string& prefix,
                      const Xapian::Database& database) {
  NearQueries out;
  for (const Fuzzy& f : fuzzy) {
    out.plain.push_back(NearWords(f, "", database));
    out.in_field.push_back(prefix.empty() ? out.plain.back() : NearWords(f, prefix, database));
  }
  return out;
}

// One text, in small letters, in the fields of one language.
StatusOr<ParsedText> ParseIn(const Languages::value_type& language, const std::string& prefix,
                             std::string text, const NearQueries& fuzzy, bool spelling,
                             const Xapian::Database& database) {
  const std::string& name = language.first.first;
  const bool stop_words = language.first.second;
  const Xapian::SimpleStopper& stopper = language.second;
  ParsedText out;
  const bool plain = !PlainWords(text).empty();
  const bool says_nothing = stop_words && plain && OnlyStopWords(text, stopper);
  if (says_nothing && !fuzzy.plain.empty()) text.clear();
  if (stop_words && !plain) text = WithExactStopWords(text, stopper);
  const std::optional<std::string> hated = OnlyHated(text);
  spelling = spelling && !hated;
  const auto parse = [&](const std::string& with) {
    Xapian::QueryParser parser;
    parser.set_database(database);
    parser.set_default_op(hated ? Xapian::Query::OP_OR : Xapian::Query::OP_AND);
    parser.set_max_expansion(kMaxExpansion, Xapian::Query::WILDCARD_LIMIT_MOST_FREQUENT);
    // Stop words alone are looked for as they are: they were indexed without a stem.
    if (name != "none" && !says_nothing) {
      parser.set_stemmer(Xapian::Stem(name));
      parser.set_stemming_strategy(Xapian::QueryParser::STEM_SOME);
    }
    if (stop_words && !hated) parser.set_stopper(&stopper);
    const unsigned correct = spelling ? Xapian::QueryParser::FLAG_SPELLING_CORRECTION : 0;
    Xapian::Query q = parser.parse_query(hated.value_or(text), kFlags | correct, with);
    // Not Query::MatchAll: threads would count its owners at once, which Xapian does not guard.
    if (hated) q = Xapian::Query(Xapian::Query::OP_AND_NOT, Xapian::Query(std::string()), q);
    if (spelling) out.suggestion = parser.get_corrected_query_string();
    bool said = !text.empty();  // an empty query may also be one that finds nothing
    for (const Xapian::Query& near : with.empty() ? fuzzy.plain : fuzzy.in_field) {
      q = said ? Xapian::Query(Xapian::Query::OP_AND, q, near) : near;
      said = true;
    }
    return q;
  };
  try {
    out.query = parse(prefix);
    spelling = false;
    out.plain = prefix.empty() ? out.query : parse("");
  } catch (const Xapian::QueryParserError& e) {
    return InvalidArgument(Concat("fulltext: ", e.get_msg()));
  }
  return out;
}

// All words, each in the fields of any language: a title in one may hold the first, a body in
// another the second. Nothing: there are none that can be told apart.
StatusOr<std::optional<Xapian::Query>> EachWord(const Languages& languages, const std::string& text,
                                                const Xapian::Database& database) {
  std::optional<Xapian::Query> all;
  for (const std::string& word : PlainWords(text)) {
    std::optional<Xapian::Query> any;
    bool said = true;  // a stop word of one language says nothing
    for (const auto& language : languages) {
      ASSIGN_OR_RETURN(const ParsedText one,
                       ParseIn(language, "", word, {}, /*spelling=*/false, database));
      said = said && !OnlyStopWords(word, language.second);
      any = any ? Xapian::Query(Xapian::Query::OP_MAX, *any, one.query) : one.query;
    }
    if (said) all = all ? Xapian::Query(Xapian::Query::OP_AND, *all, *any) : *any;
  }
  return all;
}

}  // namespace

Languages LanguagesOf(const TextSchema& schema) {
  Languages out;
  for (const TextField& f : schema.fields) {
    const auto [it, added] = out.try_emplace({f.language, f.stop_words});
    if (!added || !f.stop_words) continue;
    for (const std::string& w : StopWords(f.language)) it->second.add(w);
  }
  return out;
}

std::string FieldPrefix(const TextSchema& schema, size_t field) {
  if (schema.fields.size() == 1) return "";
  return std::string("XF") + static_cast<char>('A' + field);
}
std::string TermPrefix(size_t term) { return std::string("XT") + static_cast<char>('A' + term); }

std::string BoundedTerm(std::string_view prefix, std::string_view value) {
  const size_t zeros = static_cast<size_t>(std::count(value.begin(), value.end(), '\0'));
  if (prefix.size() + value.size() + zeros <= kMaxTermBytes) return Concat(prefix, value);
  const XXH128_hash_t h = XXH3_128bits(value.data(), value.size());
  char text[40];
  std::snprintf(text, sizeof text, "#%016llx%016llx", static_cast<unsigned long long>(h.high64),
                static_cast<unsigned long long>(h.low64));
  return Concat(prefix, text);
}

std::string IdTerm(std::string_view id) { return BoundedTerm("Q", id); }

StatusOr<ParsedText> ParseText(const TextCondition& condition, const TextSchema& schema,
                               const Languages& languages, const Xapian::Database& database) {
  std::string text = condition.text;
  if (text.size() > kMaxQueryBytes) {
    return InvalidArgument(Concat("fulltext: the text has ", std::to_string(text.size()),
                                  " bytes; at most ", std::to_string(kMaxQueryBytes),
                                  " are taken"));
  }
  // Xapian sees more words where punctuation parts them, so count what may part.
  size_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool part = std::isalnum(static_cast<unsigned char>(c)) || (c & 0x80) != 0;
    words += part && !inside;
    inside = part;
  }
  if (words > kMaxQueryWords) {
    return InvalidArgument(Concat("fulltext: the text has ", std::to_string(words),
                                  " words; at most ", std::to_string(kMaxQueryWords),
                                  " are taken"));
  }
  if (words == 0) return InvalidArgument("fulltext: the text holds no word");
  text = LowerWords(text);
  StatusOr<std::vector<Fuzzy>> fuzzy = TakeFuzzy(&text);
  if (!fuzzy.ok())
    return WithMessage(fuzzy.status(), Concat("fulltext: ", Message(fuzzy.status())));

  if (!condition.field.empty()) {
    for (size_t i = 0; i < schema.fields.size(); ++i) {
      const TextField& f = schema.fields[i];
      if (f.name == condition.field) {
        const std::string prefix = FieldPrefix(schema, i);
        return ParseIn(*languages.find({f.language, f.stop_words}), prefix, text,
                       NearWords(*fuzzy, prefix, database), schema.spelling, database);
      }
    }
    std::vector<std::string_view> names;
    for (const TextField& f : schema.fields) names.push_back(f.name);
    return InvalidArgument(Concat("fulltext: ", JsonString(ToValidUtf8(condition.field)),
                                  " is not indexed as text",
                                  DidYouMean(condition.field, names, "fields")));
  }
  // All fields: once for each language that they are in.
  const NearQueries near = NearWords(*fuzzy, "", database);
  ParsedText out;
  bool first = true;
  // What is not wanted is not wanted in any language.
  const auto join = OnlyHated(text) ? Xapian::Query::OP_AND : Xapian::Query::OP_MAX;
  for (const auto& language : languages) {
    ASSIGN_OR_RETURN(ParsedText one, ParseIn(language, "", text, near, schema.spelling, database));
    out.query = first ? one.query : Xapian::Query(join, out.query, one.query);
    first = false;
    if (!one.suggestion.empty()) out.suggestion = one.suggestion;
  }
  if (languages.size() > 1) {
    ASSIGN_OR_RETURN(std::optional<Xapian::Query> each, EachWord(languages, text, database));
    for (const Xapian::Query& q : near.plain) {
      if (each) each = Xapian::Query(Xapian::Query::OP_AND, *each, q);
    }
    if (each) out.query = *each;
  }
  out.plain = out.query;
  return out;
}

}  // namespace strata::fulltext
