#include "wrappers/fulltext/query_words.h"

#include <algorithm>
#include <iterator>

namespace strata::fulltext {
namespace {

constexpr std::string_view kOperators[] = {"AND", "OR", "NOT", "XOR", "NEAR", "ADJ"};

bool IsOperator(std::string_view word) {
  return std::find(std::begin(kOperators), std::end(kOperators), word) != std::end(kOperators);
}

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// What stands between spaces.
std::vector<std::string_view> Parts(std::string_view text) {
  std::vector<std::string_view> out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && !IsSpace(text[end])) ++end;
    if (end > at) out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// The text with each word, as `with` gives it; `behind`: what comes after the word.
template <typename With>
std::string EachWordAs(std::string_view text, const With& with) {
  std::string out, word;
  for (Xapian::Utf8Iterator i(text.data(), text.size()), end;; ++i) {
    if (i != end && Xapian::Unicode::is_wordchar(*i)) {
      Xapian::Unicode::append_utf8(word, *i);
      continue;
    }
    const unsigned behind = i == end ? ' ' : *i;
    if (!word.empty()) out += with(word, behind);
    word.clear();
    if (i == end) return out;
    Xapian::Unicode::append_utf8(out, *i);
  }
}

bool OneLetter(const std::string& word) { return CodePoints(word).size() == 1; }

// Up to what is no part of a word.
std::string FirstWord(std::string_view text) {
  std::string out;
  for (Xapian::Utf8Iterator i(text.data(), text.size()), end;
       i != end && Xapian::Unicode::is_wordchar(*i); ++i) {
    Xapian::Unicode::append_utf8(out, *i);
  }
  return out;
}

std::string Capital(std::string_view word) {
  std::string out;
  Xapian::Utf8Iterator i(word.data(), word.size());
  Xapian::Unicode::append_utf8(out, Xapian::Unicode::toupper(*i));
  for (const Xapian::Utf8Iterator end; ++i != end;) Xapian::Unicode::append_utf8(out, *i);
  return out;
}

}  // namespace

StatusOr<std::vector<Fuzzy>> TakeFuzzy(std::string* text) {
  std::vector<Fuzzy> out;
  if (text->find('~') == text->npos) return out;
  std::string rest;
  for (const std::string_view word : Parts(*text)) {
    const size_t tilde = word.find('~');
    if (tilde == word.npos) {
      rest += Concat(rest.empty() ? "" : " ", word);
      continue;
    }
    const std::string_view behind = word.substr(tilde + 1);
    if (tilde == 0 || (!behind.empty() && behind != "1" && behind != "2") ||
        text->find_first_of("()\"") != text->npos) {
      return InvalidArgument(
          Concat("\"", word,
                 "\": a fuzzy word is written word~, word~1 or word~2, and stands "
                 "beside other words, not in brackets or quotes"));
    }
    std::string bare = Lower(word.substr(0, tilde));
    const size_t edits = behind == "1" || (behind.empty() && CodePoints(bare).size() < 6) ? 1 : 2;
    out.push_back({std::move(bare), edits});
  }
  *text = std::move(rest);
  return out;
}

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

std::string LowerWords(std::string_view text) {
  return EachWordAs(text, [](const std::string& word, unsigned) {
    return IsOperator(word) || OneLetter(word) ? word : Lower(word);
  });
}

std::vector<std::string> PlainWords(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : Parts(text)) {
    const bool sign = word[0] == '+' || word[0] == '-';
    if (sign || IsOperator(FirstWord(word)) || word.find_first_of("()\"") != word.npos) return {};
    words.emplace_back(word);
  }
  return words;
}

std::optional<std::string> OnlyHated(std::string_view text) {
  std::string out;
  for (const std::string_view word : Parts(text)) {
    if (word[0] != '-' || word.size() == 1) return std::nullopt;
    out += Concat(out.empty() ? "" : " ", word.substr(1));
  }
  // Whatever is more than a word may mean something else behind a minus sign.
  if (PlainWords(out).empty()) return std::nullopt;
  return out;
}

bool OnlyStopWords(std::string_view text, const Xapian::Stopper& stopper) {
  bool only = true;
  EachWordAs(text, [&](const std::string& word, unsigned behind) {
    // The beginning of words says something, also when it is spelled like a stop word.
    only = only && behind != '*' && stopper(Lower(word));
    return word;
  });
  return only;
}

std::string WithExactStopWords(std::string_view text, const Xapian::Stopper& stopper) {
  return EachWordAs(text, [&](const std::string& word, unsigned behind) {
    // A letter before a dot would become an acronym.
    const bool letter = OneLetter(word) && behind == '.';
    return behind != '*' && !letter && stopper(word) ? Capital(word) : word;
  });
}

}  // namespace strata::fulltext
