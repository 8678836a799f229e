// What a search has to find, by a look at every text: with Xapian's stemmers and the stage's stop
// words, but with neither an index nor a parser of queries. And random texts and searches, each
// with what it means.
//
// Both belong to one thread, as Xapian's stemmers do; the documents that an oracle read do not.
#ifndef STRATA_WRAPPERS_FULLTEXT_TEXT_ORACLE_H_
#define STRATA_WRAPPERS_FULLTEXT_TEXT_ORACLE_H_

#include <xapian.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/query.h"
#include "store/record.h"
#include "tests/support/model.h"
#include "tests/support/random_json.h"
#include "wrappers/fulltext/text_schema.h"

namespace strata::testing {

// Calls `use` with each word of a text in small letters, found by the simplest means.
template <typename Use>
void EachWord(const std::string& text, const Use& use) {
  std::string word;
  for (Xapian::Utf8Iterator i(text), end;; ++i) {
    if (i != end && Xapian::Unicode::is_wordchar(*i)) {
      Xapian::Unicode::append_utf8(word, Xapian::Unicode::tolower(*i));
      continue;
    }
    if (!word.empty()) use(word);
    word.clear();
    if (i == end) return;
  }
}

struct TextWord {
  std::string text;
  std::string stem;  // "": a stop word, which is found as it is
  int position = 0;
};
struct TextDocument {
  Document document;
  std::vector<std::vector<TextWord>> fields;  // beside the oracle's
};
using TextModel = std::map<std::string, TextDocument>;  // by id
using TextTest = std::function<bool(const TextDocument&)>;

// Where `field` is asked for, it is a field's place, or -1 for all of them.
class TextOracle {
 public:
  using Words = std::vector<std::string>;
  struct Language {
    std::string name;
    Xapian::Stem stem;
    std::set<std::string> stop_words;
  };

  // The fields' names and languages.
  explicit TextOracle(const std::vector<std::pair<std::string, std::string>>& fields) {
    for (const auto& [name, language] : fields) {
      size_t at = 0;
      while (at < languages_.size() && languages_[at].name != language) ++at;
      if (at == languages_.size()) {
        const Words stop = fulltext::StopWords(language);
        languages_.push_back({language, Xapian::Stem(language), {stop.begin(), stop.end()}});
      }
      fields_.push_back({name, at});
    }
  }

  int fields() const { return static_cast<int>(fields_.size()); }
  const std::string& name(int field) const { return fields_[field].first; }

  // A field holds a text or an array of them. An empty word ends each, and much lies behind it.
  TextDocument Read(const Document& d) const {
    TextDocument out{d, {}};
    for (const auto& [name, at] : fields_) {
      const Language& l = languages_[at];
      std::vector<TextWord>& words = out.fields.emplace_back();
      int position = 0;
      const auto add = [&](Value text) {
        EachWord(text.String(), [&](const std::string& w) {
          words.push_back({w, l.stop_words.contains(w) ? "" : l.stem(w), ++position});
        });
        words.push_back({"", "", position += 100});
      };
      const Value v = d.Find(name);
      if (v.is_string()) add(v);
      for (uint32_t i = 0; v.is_array() && i < v.size(); ++i) add(v.At(i));
    }
    return out;
  }

  // In any language.
  bool IsStopWord(const std::string& word) const {
    return std::any_of(languages_.begin(), languages_.end(),
                       [&](const Language& l) { return l.stop_words.contains(Small(word)); });
  }
  // A field is read in its language; all fields, in each that one of them has.
  template <typename Test>
  bool AnyLanguage(int field, const Test& test) const {
    if (field >= 0) return test(languages_[fields_[field].second]);
    return std::any_of(languages_.begin(), languages_.end(), test);
  }

  // By its stem in that language; a stop word as it is.
  bool Has(const TextDocument& d, int field, const Language& l, const std::string& word) const {
    const std::string small = Small(word);
    const bool exact = l.stop_words.contains(small);
    const std::string stem = exact ? "" : l.stem(small);
    return AnyWord(d, field,
                   [&](const TextWord& w) { return exact ? w.text == small : w.stem == stem; });
  }
  // All of the words, each in any language. Stop words say nothing unless there is nothing else.
  bool HasAll(const TextDocument& d, int field, const Words& words) const {
    Words said;
    for (const std::string& w : words) {
      if (!IsStopWord(w)) said.push_back(w);
    }
    if (field < 0 && !said.empty()) {
      return std::all_of(said.begin(), said.end(), [&](const std::string& w) {
        return AnyLanguage(field, [&](const Language& l) { return Has(d, field, l, w); });
      });
    }
    return AnyLanguage(field, [&](const Language& l) {
      const auto stops = [&](const std::string& w) { return l.stop_words.contains(Small(w)); };
      const bool only = std::all_of(words.begin(), words.end(), stops);
      return std::all_of(words.begin(), words.end(), [&](const std::string& w) {
        return (stops(w) && !only) || Has(d, field, l, w);
      });
    });
  }
  // Beside words that say something.
  bool HasUnlessStopWord(const TextDocument& d, int field, const std::string& word) const {
    return AnyLanguage(field, [&](const Language& l) {
      return l.stop_words.contains(Small(word)) || Has(d, field, l, word);
    });
  }
  bool HasPrefix(const TextDocument& d, int field, const std::string& prefix) const {
    return AnyWord(d, field, [&](const TextWord& w) { return w.text.starts_with(prefix); });
  }
  // The words as they are, one behind the other.
  bool HasPhrase(const TextDocument& d, int field, const Words& words) const {
    const auto same = [](const TextWord& w, const std::string& word) {
      return w.text == Small(word);
    };
    return AnyField(d, field, [&](const std::vector<TextWord>& in) {
      return std::search(in.begin(), in.end(), words.begin(), words.end(), same) != in.end();
    });
  }
  // Both words as they are, in either order, at most so many places apart.
  bool HasNear(const TextDocument& d, int field, const std::string& a, const std::string& b,
               int places) const {
    return AnyField(d, field, [&](const std::vector<TextWord>& in) {
      for (const TextWord& x : in) {
        if (x.text != Small(a)) continue;
        for (const TextWord& y : in) {
          const int apart = std::abs(x.position - y.position);
          if (y.text == Small(b) && apart > 0 && apart <= places) return true;
        }
      }
      return false;
    });
  }
  // A word that begins alike and is at most so many edits away.
  bool HasAlike(const TextDocument& d, int field, const std::string& word, size_t edits) const {
    const std::u32string wanted = Letters(word);
    return AnyWord(d, field, [&](const TextWord& w) {
      const std::u32string found = Letters(w.text);
      return found[0] == wanted[0] && Within(edits, found, wanted);
    });
  }

  static std::u32string Letters(const std::string& word) {
    std::u32string out;
    for (Xapian::Utf8Iterator i(word), end; i != end; ++i) out.push_back(*i);
    return out;
  }

 private:
  static std::string Small(const std::string& word) {
    std::string out;
    EachWord(word, [&](const std::string& w) { out = w; });
    return out;
  }
  // Whether so many insertions, deletions and replacements make one of the other.
  static bool Within(size_t edits, std::u32string_view a, std::u32string_view b) {
    while (!a.empty() && !b.empty() && a[0] == b[0]) {
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
    if (a.empty() && b.empty()) return true;
    if (edits == 0) return false;
    return (!a.empty() && Within(edits - 1, a.substr(1), b)) ||
           (!b.empty() && Within(edits - 1, a, b.substr(1))) ||
           (!a.empty() && !b.empty() && Within(edits - 1, a.substr(1), b.substr(1)));
  }

  template <typename Test>
  bool AnyField(const TextDocument& d, int field, const Test& test) const {
    if (field >= 0) return test(d.fields[field]);
    return std::any_of(d.fields.begin(), d.fields.end(), test);
  }
  template <typename Test>
  bool AnyWord(const TextDocument& d, int field, const Test& test) const {
    return AnyField(d, field, [&](const std::vector<TextWord>& words) {
      return std::any_of(words.begin(), words.end(), test);
    });
  }

  std::vector<std::pair<std::string, size_t>> fields_;  // name and place in languages_
  std::vector<Language> languages_;
};

// A query and what it means.
struct TextQuestion {
  Query query;
  TextTest holds;
};

// Texts of few words, and searches for them.
class RandomTexts {
 public:
  // `oracle` must outlive it and the searches.
  RandomTexts(const TextOracle& oracle, uint64_t seed) : oracle_(oracle), random_(seed) {}

  bool Chance(int of) { return random_.Below(of) == 0; }
  int Below(int limit) { return random_.Below(limit); }

  // A text, or several, as JSON.
  std::string Text() {
    if (!Chance(4)) return "\"" + Sentence() + "\"";
    return "[\"" + Sentence() + "\",\"" + Sentence() + "\"]";
  }
  // `more`: what stands behind the id. Some members are missing.
  Document NewDocument(const std::string& id, const std::string& more = "") {
    std::string out = "{\"id\":\"" + id + "\"" + more;
    for (int f = 0; f < oracle_.fields(); ++f) {
      if (!Chance(8)) out += ",\"" + oracle_.name(f) + "\":" + Text();
    }
    for (const char* name : kPaths) {
      if (!Chance(5)) out += ",\"" + std::string(name) + "\":" + AnyValue();
    }
    return Document::Parse(out + "}").value();
  }

  // One fulltext(…) among conditions on what the index keeps besides; `also` hold too.
  TextQuestion Ask(std::vector<Node> also = {}) {
    const int field = Below(oracle_.fields() + 1) - 1;
    const auto [words, has] = Words(field);
    std::vector<Node> args = {Node::Str(words)};
    if (field >= 0) args.insert(args.begin(), Node::Str(oracle_.name(field)));
    const Node text = Node::Call(Op::kFulltext, std::move(args)), other = Condition();
    const auto is = [other](const D& d) { return ModelMatches(other, d.document.root()); };
    TextTest holds = has;
    switch (Below(6)) {
      case 0:
        also.push_back(Node::Call(Op::kOr, {text, other}));
        holds = [=, has = has](const D& d) { return has(d) || is(d); };
        break;
      case 1:
        also.push_back(Node::Call(Op::kNot, {text}));
        holds = [has = has](const D& d) { return !has(d); };
        break;
      case 2:
      case 3:
        also.push_back(other);
        also.push_back(text);
        holds = [=, has = has](const D& d) { return has(d) && is(d); };
        break;
      default:
        also.push_back(text);
    }
    const Query q = Query::Of(std::move(also), {});
    return {Chance(2) ? q.Sort("-score") : q, std::move(holds)};
  }

 private:
  using D = TextDocument;
  using L = TextOracle::Language;
  static constexpr const char* kPaths[] = {"kind", "year", "other"};

  template <size_t n>
  std::string AnyOf(const char* const (&of)[n]) {
    return of[Below(n)];
  }
  std::string Word() {
    static constexpr const char* kWords[] = {
        "running", "runs", "runner", "Running",  "house", "houses", "haus",   "häuser",  "Häuser",
        "the",     "and",  "die",    "und",      "was",   "light",  "lights", "lighter", "licht",
        "lichter", "data", "daten",  "database", "zebra", "Zebra",  "größe",  "größen",  "gross"};
    return AnyOf(kWords);
  }
  // One that says something in every language.
  std::string Telling() {
    for (;;) {
      if (std::string w = Word(); !oracle_.IsStopWord(w)) return w;
    }
  }
  std::string Sentence() {
    TextOracle::Words words(Below(Chance(4) ? 30 : 6));
    for (std::string& w : words) w = Word();
    return Join(words);
  }

  // What stands within fulltext(…), and what it means in that field.
  std::pair<std::string, TextTest> Words(int field) {
    const TextOracle* o = &oracle_;
    const std::string a = Word(), b = Word(), s = Telling();
    switch (Below(8)) {
      case 0:
      case 1: {
        TextOracle::Words words = {a, b, s};
        words.resize(1 + Below(3));
        if (Chance(2)) return {Join(words), [=](const D& d) { return o->HasAll(d, field, words); }};
        return {"\"" + Join(words) + "\"",
                [=](const D& d) { return o->HasPhrase(d, field, words); }};
      }
      case 2: {
        const auto either = [=](const D& d, const L& l) {
          return o->Has(d, field, l, a) || o->Has(d, field, l, b);
        };
        return {a + " OR " + b, InAnyLanguage(field, either)};
      }
      case 3:
      case 4: {
        const std::string forms[] = {a + " NOT " + b, a + " AND NOT " + b, "+" + a + " -" + b,
                                     a + " AND " + b, s + " -" + b,        "-" + a + " -" + b};
        const int form = Below(6);
        const std::string first = form == 4 ? s : a;
        if (form == 5) {
          return {forms[form], [=](const D& d) {
                    return !o->AnyLanguage(field, [&](const L& l) {
                      return o->Has(d, field, l, a) || o->Has(d, field, l, b);
                    });
                  }};
        }
        const auto holds = [=](const D& d, const L& l) {
          const bool one = o->Has(d, field, l, first), two = o->Has(d, field, l, b);
          return form == 3 ? one && two : one && !two;
        };
        return {forms[form], InAnyLanguage(field, holds)};
      }
      case 5: {
        const int places = 1 + Below(10);
        const std::string near = places == 10 ? "NEAR" : "NEAR/" + std::to_string(places);
        return {Join({a, near, b}), [=](const D& d) { return o->HasNear(d, field, a, b, places); }};
      }
      case 6: {
        static constexpr const char* kPrefixes[] = {"ligh", "run", "da", "gr", "the", "hä", "z"};
        const std::string prefix = AnyOf(kPrefixes);
        const bool alone = Chance(2);
        return {prefix + "*" + (alone ? "" : " " + s), [=](const D& d) {
                  return o->HasPrefix(d, field, prefix) && (alone || o->HasAll(d, field, {s}));
                }};
      }
      default: {
        const auto [x, x_alike] = Alike(field);
        const auto [y, y_alike] = Alike(field);
        const TextTest is_x = x_alike, is_y = y_alike;
        const int how = Below(3);
        return {x + (how == 0 ? "" : " " + (how == 1 ? a : y)), [=](const D& d) {
                  return is_x(d) && (how != 1 || o->HasUnlessStopWord(d, field, a)) &&
                         (how != 2 || is_y(d));
                }};
      }
    }
  }
  template <typename Test>
  TextTest InAnyLanguage(int field, const Test& test) {
    return [o = &oracle_, field, test](const D& d) {
      return o->AnyLanguage(field, [&](const L& l) { return test(d, l); });
    };
  }
  static std::string Join(const TextOracle::Words& words) {
    std::string out;
    for (const std::string& w : words) out += (out.empty() ? "" : " ") + w;
    return out;
  }
  std::pair<std::string, TextTest> Alike(int field) {
    static constexpr const char* kAlmost[] = {"runing", "hous",  "huse",    "ligth",
                                              "lightr", "zebro", "datas",   "datbase",
                                              "grösse", "wxyz",  "lichtes", "hauser"};
    const std::string w = AnyOf(kAlmost);
    const int said = Below(3);  // 0: the word's bytes say it
    const size_t edits = said > 0 ? said : TextOracle::Letters(w).size() < 6 ? 1 : 2;
    return {w + "~" + (said > 0 ? std::to_string(said) : ""),
            [=, o = &oracle_](const D& d) { return o->HasAlike(d, field, w, edits); }};
  }

  // Long ones differ behind what an index keeps of them.
  std::string AnyValue() {
    static constexpr const char* kValues[] = {"\"book\"", "\"toy\"", "\"1\"", "1",    "1.0",
                                              "2.5",      "-3",      "null",  "true", "[\"book\"]"};
    const int n = Below(std::size(kValues) + 2);
    if (n < static_cast<int>(std::size(kValues))) return kValues[n];
    return "\"" + std::string(250, 'x') + (n % 2 == 0 ? "a" : "b") + "\"";
  }
  Node Literal() {
    for (;;) {
      const Document d = Document::FromTrusted(AnyValue());
      const Value v = d.root();
      if (v.is_string()) return Node::Str(v.String());
      if (v.is_number()) return Node::Num(v.number());
      if (!v.is_array()) return v.type() == Type::kTrue ? Node::Bool(true) : Node();
    }
  }
  Node Condition() {
    static constexpr Op kOps[] = {Op::kEq, Op::kNe, Op::kLt, Op::kLe, Op::kGt, Op::kGe};
    const Node path = Node::Str(AnyOf(kPaths));
    switch (Below(8)) {
      case 0:
        return Node::Call(Op::kIn, {path, Node::Array({Literal(), Literal()})});
      case 1:
        return Node::Call(Op::kBetween, {path, Node::Array({Literal(), Literal()})});
      case 2:
        return Node::Call(Op::kExists, {path});
      default:
        return Node::Call(kOps[Below(6)], {path, Literal()});
    }
  }

  const TextOracle& oracle_;
  RandomJson random_;
};

// The ids of those rows whose id begins so, in order; a row that comes twice is there twice.
inline std::string IdsOf(const std::vector<Document>& rows, const std::string& prefix = "") {
  std::multiset<std::string> ids;
  for (const Document& d : rows) {
    if (std::string id = StoredId(d); id.starts_with(prefix)) ids.insert(std::move(id));
  }
  std::string out;
  for (const std::string& id : ids) out += id + " ";
  return out;
}
inline std::string IdsOf(const TextModel& model, const TextTest& holds) {
  std::string out;
  for (const auto& [id, d] : model) {
    if (holds(d)) out += id + " ";
  }
  return out;
}

}  // namespace strata::testing

#endif  // STRATA_WRAPPERS_FULLTEXT_TEXT_ORACLE_H_
