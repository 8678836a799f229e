#include "wrappers/fulltext/text_query.h"

#include <xxhash.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "core/json_text.h"
#include "query/operator_table.h"

namespace strata::fulltext {
namespace {

constexpr size_t kMaxTermBytes = 200;  // Xapian takes 245, and zero bytes count double
constexpr unsigned kFlags = Xapian::QueryParser::FLAG_PHRASE | Xapian::QueryParser::FLAG_BOOLEAN |
                            Xapian::QueryParser::FLAG_LOVEHATE |
                            Xapian::QueryParser::FLAG_WILDCARD | Xapian::QueryParser::FLAG_PURE_NOT;

// A word with "~" behind it, and how many edits it may be away.
struct Fuzzy {
  std::string word;
  size_t edits = 0;
};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Takes word~ and word~1 out of the text.
StatusOr<std::vector<Fuzzy>> TakeFuzzy(std::string* text) {
  std::vector<Fuzzy> out;
  if (text->find('~') == text->npos) return out;
  std::string rest;
  size_t at = 0;
  while (at < text->size()) {
    size_t end = at;
    while (end < text->size() && !IsSpace((*text)[end])) ++end;
    std::string_view word = std::string_view(*text).substr(at, end - at);
    const size_t tilde = word.find('~');
    if (tilde != word.npos) {
      const std::string_view behind = word.substr(tilde + 1);
      if (tilde == 0 || (!behind.empty() && behind != "1" && behind != "2") ||
          text->find_first_of("()\"") != text->npos) {
        return InvalidArgument(
            Concat("\"", word,
                   "\": a fuzzy word is written word~, word~1 or word~2, and stands "
                   "beside other words, not in brackets or quotes"));
      }
      const size_t edits = behind == "1" || (behind.empty() && tilde < 6) ? 1 : 2;
      out.push_back({std::string(word.substr(0, tilde)), edits});
    } else {
      rest += Concat(rest.empty() ? "" : " ", word);
    }
    at = end;
    while (at < text->size() && IsSpace((*text)[at])) ++at;
  }
  *text = std::move(rest);
  return out;
}

// Whether two texts of code points are at most `most` insertions, deletions, replacements apart.
bool Near(const std::u32string& a, const std::u32string& b, size_t most) {
  if (a.size() > b.size() + most || b.size() > a.size() + most) return false;
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0], least = row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
      least = std::min(least, row[j]);
    }
    if (least > most) return false;
  }
  return row[b.size()] <= most;
}

std::u32string CodePoints(std::string_view text) {
  std::u32string out;
  for (Xapian::Utf8Iterator i(text.data(), text.size()), end; i != end; ++i) out.push_back(*i);
  return out;
}

std::string Lower(std::string_view text) {
  std::string out;
  for (Xapian::Utf8Iterator i(text.data(), text.size()), end; i != end; ++i)
    Xapian::Unicode::append_utf8(out, Xapian::Unicode::tolower(*i));
  return out;
}

// The indexed words near a word. They share its first character, so that few are looked at.
Xapian::Query NearWords(const Fuzzy& fuzzy, const std::string& prefix,
                        const Xapian::Database& database) {
  const std::string word = Lower(fuzzy.word);
  const std::u32string wanted = CodePoints(word);
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

void AddStopWords(std::string_view language, Xapian::SimpleStopper* stopper) {
  for (const std::string& w : StopWords(language)) stopper->add(w);
}

bool OnlyStopWords(const std::string& text, const Xapian::SimpleStopper& stopper) {
  std::string word;
  for (Xapian::Utf8Iterator i(text), end;; ++i) {
    if (i != end && Xapian::Unicode::is_wordchar(*i)) {
      Xapian::Unicode::append_utf8(word, Xapian::Unicode::tolower(*i));
      continue;
    }
    if (!word.empty() && !stopper(word)) return false;
    word.clear();
    if (i == end) return true;
  }
}

// One text in the fields of one language.
StatusOr<ParsedText> ParseIn(std::string_view language, bool stop_words, const std::string& prefix,
                             std::string text, const std::vector<Fuzzy>& fuzzy, bool spelling,
                             const Xapian::Database& database) {
  ParsedText out;
  Xapian::SimpleStopper stopper;
  const auto parse = [&](const std::string& with) {
    Xapian::QueryParser parser;
    parser.set_database(database);
    parser.set_default_op(Xapian::Query::OP_AND);
    parser.set_max_expansion(kMaxExpansion, Xapian::Query::WILDCARD_LIMIT_MOST_FREQUENT);
    // Stop words alone are looked for as they are: they were indexed without a stem.
    if (language != "none" && !(stop_words && OnlyStopWords(text, stopper))) {
      parser.set_stemmer(Xapian::Stem(std::string(language)));
      parser.set_stemming_strategy(Xapian::QueryParser::STEM_SOME);
    }
    if (stop_words) parser.set_stopper(&stopper);
    const unsigned correct = spelling ? Xapian::QueryParser::FLAG_SPELLING_CORRECTION : 0;
    Xapian::Query q = parser.parse_query(text, kFlags | correct, with);
    if (spelling) out.suggestion = parser.get_corrected_query_string();
    for (const Fuzzy& f : fuzzy) {
      Xapian::Query near = NearWords(f, with, database);
      q = q.empty() && text.empty() ? near : Xapian::Query(Xapian::Query::OP_AND, q, near);
    }
    return q;
  };
  if (stop_words) AddStopWords(language, &stopper);
  try {
    out.query = parse(prefix);
    spelling = false;
    out.plain = prefix.empty() ? out.query : parse("");
  } catch (const Xapian::QueryParserError& e) {
    return InvalidArgument(Concat("fulltext: ", e.get_msg()));
  }
  return out;
}

// The words of a text that is nothing but words; none when it has operators, phrases or brackets.
std::vector<std::string> PlainWords(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    size_t end = 0;
    while (end < text.size() && !IsSpace(text[end])) ++end;
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    const std::string_view name = word.substr(0, word.find('/'));
    for (const std::string_view op : {"AND", "OR", "NOT", "XOR", "NEAR", "ADJ"}) {
      if (name == op) return {};
    }
    if (word[0] == '+' || word[0] == '-' || word.find_first_of("()\"") != word.npos) return {};
    words.emplace_back(word);
  }
  return words;
}

using Languages = std::set<std::pair<std::string, bool>>;  // and whether stop words are left out

// All words, each in the fields of any language: a title in one may hold the first, a body in
// another the second. Empty: there are none that can be told apart.
StatusOr<Xapian::Query> EachWord(const Languages& languages, const std::string& text,
                                 const Xapian::Database& database) {
  Xapian::Query all;
  for (const std::string& word : PlainWords(text)) {
    Xapian::Query any;
    bool said = true;  // a stop word of one language says nothing
    for (const auto& [language, stop_words] : languages) {
      ASSIGN_OR_RETURN(const ParsedText one, ParseIn(language, stop_words, "", word, {},
                                                     /*spelling=*/false, database));
      Xapian::SimpleStopper stopper;
      if (stop_words) AddStopWords(language, &stopper);
      said = said && !OnlyStopWords(word, stopper);
      any = any.empty() ? one.query : Xapian::Query(Xapian::Query::OP_MAX, any, one.query);
    }
    if (said) all = all.empty() ? any : Xapian::Query(Xapian::Query::OP_AND, all, any);
  }
  return all;
}

}  // namespace

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

Status FromXapian(const Xapian::Error& error, std::string_view doing) {
  const std::string message = Concat(
      "full-text index: ", doing, ": ", error.get_type(), std::string(": "), error.get_msg(),
      error.get_error_string() == nullptr ? "" : Concat(" (", error.get_error_string(), ")"));
  const std::string_view type = error.get_type();
  if (type == "DatabaseCorruptError") return DataLoss(message);
  const char* system = error.get_error_string();
  if (system != nullptr) {
    const bool full = std::string_view(system).find("No space") != std::string_view::npos;
    return full ? ResourceExhausted(message) : Unavailable(message);
  }
  // What the machine did not refuse, but Xapian makes no sense of. After a failed commit the
  // database may be closed, which says nothing of what is on disk.
  static constexpr std::string_view kDamage[] = {
      "DatabaseError",        "DatabaseOpeningError", "DatabaseNotFoundError",
      "DatabaseVersionError", "RangeError",           "SerialisationError"};
  const bool write = error.get_msg().starts_with("Modifications failed");
  if (!write && std::find(std::begin(kDamage), std::end(kDamage), type) != std::end(kDamage))
    return DataLoss(message);
  return type == "InvalidArgumentError" ? InvalidArgument(message) : Unavailable(message);
}

StatusOr<ParsedText> ParseText(const TextCondition& condition, const TextSchema& schema,
                               const Xapian::Database& database) {
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
  StatusOr<std::vector<Fuzzy>> fuzzy = TakeFuzzy(&text);
  if (!fuzzy.ok())
    return WithMessage(fuzzy.status(), Concat("fulltext: ", Message(fuzzy.status())));

  if (!condition.field.empty()) {
    for (size_t i = 0; i < schema.fields.size(); ++i) {
      const TextField& f = schema.fields[i];
      if (f.name == condition.field) {
        return ParseIn(f.language, f.stop_words, FieldPrefix(schema, i), text, *fuzzy,
                       schema.spelling, database);
      }
    }
    std::vector<std::string_view> names;
    for (const TextField& f : schema.fields) names.push_back(f.name);
    return InvalidArgument(Concat("fulltext: ", JsonString(ToValidUtf8(condition.field)),
                                  " is not indexed as text",
                                  DidYouMean(condition.field, names, "fields")));
  }
  // All fields: once for each language that they are in.
  Languages languages;
  for (const TextField& f : schema.fields) languages.emplace(f.language, f.stop_words);
  ParsedText out;
  for (const auto& [language, stop_words] : languages) {
    ASSIGN_OR_RETURN(ParsedText one,
                     ParseIn(language, stop_words, "", text, *fuzzy, schema.spelling, database));
    out.query =
        out.query.empty() ? one.query : Xapian::Query(Xapian::Query::OP_MAX, out.query, one.query);
    if (!one.suggestion.empty()) out.suggestion = one.suggestion;
  }
  if (languages.size() > 1) {
    ASSIGN_OR_RETURN(Xapian::Query each, EachWord(languages, text, database));
    for (const Fuzzy& f : *fuzzy) {
      if (!each.empty())
        each = Xapian::Query(Xapian::Query::OP_AND, each, NearWords(f, "", database));
    }
    if (!each.empty()) out.query = each;
  }
  out.plain = out.query;
  return out;
}

}  // namespace strata::fulltext
