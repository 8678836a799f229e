// The law: a search finds what a look at every stored text finds, with the same analyser.
#include <gtest/gtest.h>
#include <xapian.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/support/random_json.h"
#include "tests/wrappers/stack.h"
#include "wrappers/fulltext/text_schema.h"

namespace strata::testing {
namespace {

constexpr const char* kWords[] = {"running", "runs",  "runner", "house",  "houses",
                                  "the",     "and",   "light",  "lights", "lighter",
                                  "zebra",   "Zebra", "größe",  "data",   "database"};

// A text as words, by the simplest means.
std::vector<std::string> WordsOf(const std::string& text) {
  std::vector<std::string> out;
  std::string word;
  for (Xapian::Utf8Iterator i(text), end;; ++i) {
    const bool letter = i != end && Xapian::Unicode::is_wordchar(*i);
    if (letter) {
      Xapian::Unicode::append_utf8(word, Xapian::Unicode::tolower(*i));
    } else if (!word.empty()) {
      out.push_back(std::move(word));
      word.clear();
    }
    if (i == end) return out;
  }
}

struct Analysed {
  std::vector<std::vector<std::string>> fields;  // words in order, each field
};

class Oracle {
 public:
  bool Has(const Analysed& d, const std::string& word, int field) const {
    const std::string w = WordsOf(word).at(0);
    return Any(d, field, [&](const std::string& found) {
      return Stop(w) || Stop(found) ? w == found : stem_(w) == stem_(found);
    });
  }
  bool HasPrefix(const Analysed& d, const std::string& prefix, int field) const {
    return Any(d, field, [&](const std::string& found) { return found.starts_with(prefix); });
  }
  bool HasPhrase(const Analysed& d, const std::vector<std::string>& words, int field) const {
    for (size_t f = 0; f < d.fields.size(); ++f) {
      if (field >= 0 && f != static_cast<size_t>(field)) continue;
      if (std::search(d.fields[f].begin(), d.fields[f].end(), words.begin(), words.end()) !=
          d.fields[f].end()) {
        return true;
      }
    }
    return false;
  }
  bool Stop(const std::string& word) const { return stop_.contains(word); }

 private:
  template <typename Test>
  bool Any(const Analysed& d, int field, const Test& test) const {
    for (size_t f = 0; f < d.fields.size(); ++f) {
      if (field >= 0 && f != static_cast<size_t>(field)) continue;
      if (std::any_of(d.fields[f].begin(), d.fields[f].end(), test)) return true;
    }
    return false;
  }

  const Xapian::Stem stem_{"english"};
  const std::set<std::string> stop_ = [] {
    const auto words = fulltext::StopWords("english");
    return std::set<std::string>(words.begin(), words.end());
  }();
};

TEST(FulltextLaw, SearchesFindWhatALookAtEveryTextFinds) {
#ifdef STRATA_SANITIZED
  constexpr int kRounds = 60;
#else
  constexpr int kRounds = 600;
#endif
  const uint64_t seed = PrintedSeed();
  RandomJson random(seed);
  Stack stack(R"("s":[{"type":"fulltext","path":"text","fields":{"title":{"weight":3},"body":{}}},
                      {"type":"memory"}])");
  const Context& ctx = Context::Background();
  const Oracle oracle;
  std::map<std::string, Analysed> model;
  const auto word = [&] { return std::string(kWords[random.Below(std::size(kWords))]); };
  const auto sentence = [&] {
    std::string out;
    for (size_t n = random.Below(6); n > 0; --n) out += (out.empty() ? "" : " ") + word();
    return out;
  };
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < 3; ++i) {
      const std::string id = "d" + std::to_string(random.Below(40));
      if (random.Below(5) == 0) {
        ASSERT_TRUE(Delete(stack.s(), ctx, id).ok());
        model.erase(id);
        continue;
      }
      const std::string title = sentence(), body = sentence();
      ASSERT_TRUE(
          Put(stack.s(), ctx,
              Doc("{\"id\":\"" + id + "\",\"title\":\"" + title + "\",\"body\":\"" + body + "\"}"))
              .ok());
      model[id] = {{WordsOf(title), WordsOf(body)}};
    }
    const int field = static_cast<int>(random.Below(3)) - 1;
    const std::string a = word(), b = word();
    // A query of stop words alone keeps them; beside others they are dropped.
    const bool stop_a = oracle.Stop(WordsOf(a)[0]), stop_b = oracle.Stop(WordsOf(b)[0]);
    std::string text;
    std::function<bool(const Analysed&)> expected;
    switch (random.Below(6)) {
      case 0:
        text = a;
        expected = [&](const Analysed& d) { return oracle.Has(d, a, field); };
        break;
      case 1:
        if (stop_a || stop_b) continue;
        text = a + " " + b;
        expected = [&](const Analysed& d) {
          return oracle.Has(d, a, field) && oracle.Has(d, b, field);
        };
        break;
      case 2:
        if (stop_a || stop_b) continue;
        text = a + " OR " + b;
        expected = [&](const Analysed& d) {
          return oracle.Has(d, a, field) || oracle.Has(d, b, field);
        };
        break;
      case 3:
        if (stop_a || stop_b) continue;
        text = a + " NOT " + b;
        expected = [&](const Analysed& d) {
          return oracle.Has(d, a, field) && !oracle.Has(d, b, field);
        };
        break;
      case 4:
        text = "\"" + a + " " + b + "\"";
        expected = [&](const Analysed& d) {
          return oracle.HasPhrase(d, {WordsOf(a)[0], WordsOf(b)[0]}, field);
        };
        break;
      default:
        text = "ligh*";
        expected = [&](const Analysed& d) { return oracle.HasPrefix(d, "ligh", field); };
    }
    std::string want;
    for (const auto& [id, d] : model) {
      if (expected(d)) want += "\"" + id + "\" ";
    }
    static constexpr const char* kFields[] = {"", "title", "body"};
    const Node path = Node::Str(kFields[field + 1]);
    std::vector<Node> args = {Node::Str(text)};
    if (field >= 0) args.insert(args.begin(), path);
    const Query q = Query::Of({Node::Call(Op::kFulltext, args)}, {});
    for (const bool ranked : {false, true}) {
      const Query full = ranked ? q.Sort("-score") : q;
      auto rows = Collect(stack.s(), ctx, full);
      ASSERT_TRUE(rows.ok()) << Describe(rows.status());
      std::set<std::string> ids;
      for (const Document& d : *rows) ids.insert("\"" + StoredId(d) + "\" ");
      std::string found;
      for (const std::string& id : ids) found += id;
      ASSERT_EQ(found, want) << full.ToString();
      ASSERT_EQ(ids.size(), rows->size());
    }
  }
}

}  // namespace
}  // namespace strata::testing
