#include "wrappers/fulltext/text_indexer.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "core/key_encoding.h"
#include "store/record.h"
#include "wrappers/fulltext/text_query.h"
#include "wrappers/fulltext/text_search.h"

namespace strata::fulltext {
namespace {

std::string KeyOf(Value v) {
  std::string key;
  AppendKey(&key, v);
  return key;
}

std::string DigestBytes(uint64_t digest) {
  std::string out(sizeof digest, '\0');
  std::memcpy(out.data(), &digest, sizeof digest);
  return out;
}

// Strings, also those in arrays.
template <typename Use>
void Words(Value v, const Use& use) {
  if (v.is_string()) {
    std::string scratch;
    use(v.StringView(&scratch));
  } else if (v.is_array()) {
    for (uint32_t i = 0; i < v.size(); ++i) Words(v.At(i), use);
  }
}

}  // namespace

Indexer::Indexer(const TextSchema& schema) : schema_(schema) {
  for (const TextField& f : schema_.fields) {
    auto language = std::make_unique<Language>();
    if (f.language != "none") {
      language->generator.set_stemmer(Xapian::Stem(f.language));
      language->generator.set_stemming_strategy(Xapian::TermGenerator::STEM_SOME);
    }
    if (f.stop_words) {
      for (const std::string& w : StopWords(f.language)) language->stopper.add(w);
      language->generator.set_stopper(&language->stopper);
      language->generator.set_stopper_strategy(Xapian::TermGenerator::STOP_STEMMED);
    }
    languages_.push_back(std::move(language));
  }
}

void Indexer::LetGo() {
  for (const auto& l : languages_) l->generator.set_database(Xapian::WritableDatabase());
}

Xapian::Document Indexer::Index(const Document& document, Xapian::WritableDatabase* spelling) {
  Xapian::Document out;
  const Value id = document.Find(kIdProperty);
  out.set_data(std::string(id.text()));
  out.add_boolean_term(IdTerm(StoredId(document)));
  Xapian::termpos position = 0, prefixed = 0;
  for (size_t i = 0; i < schema_.fields.size(); ++i) {
    const TextField& f = schema_.fields[i];
    Xapian::TermGenerator& g = languages_[i]->generator;
    g.set_document(out);
    if (spelling != nullptr) g.set_database(*spelling);
    const Value v = f.path.Get(document.root());
    Words(v, [&](std::string_view text) {
      const Xapian::Utf8Iterator words(text.data(), text.size());
      g.set_flags(spelling != nullptr ? Xapian::TermGenerator::FLAG_SPELLING : 0,
                  ~Xapian::TermGenerator::FLAG_SPELLING);
      g.set_termpos(position);
      g.index_text(words, f.weight);
      position = g.get_termpos() + 100;  // no phrase reaches from one value into the next
      const std::string prefix = FieldPrefix(schema_, i);
      if (prefix.empty()) return;
      g.set_flags(0, ~Xapian::TermGenerator::FLAG_SPELLING);
      g.set_termpos(prefixed);
      g.index_text(words, 1, prefix);
      prefixed = g.get_termpos() + 100;
    });
  }
  for (size_t i = 0; i < schema_.terms.size(); ++i) {
    const Value v = schema_.terms[i].Get(document.root());
    if (v.exists()) out.add_boolean_term(BoundedTerm(TermPrefix(i), KeyOf(v)));
  }
  for (size_t i = 0; i < schema_.values.size(); ++i) {
    const Value v = schema_.values[i].Get(document.root());
    std::string key = KeyOf(v);
    const size_t most = v.is_string() ? kMaxSlotBytes : kMaxSlotCompoundBytes;
    if (key.size() > most) key.resize(most);
    out.add_value(static_cast<Xapian::valueno>(i), key);
  }
  out.add_value(kDigestSlot, DigestBytes(Digest(document)));
  return out;
}

uint64_t Indexer::Digest(const Document& document) const {
  uint64_t digest = 0;
  const auto add = [&](Value v) {
    const std::string_view text = v.exists() ? v.text() : std::string_view();
    digest = XXH3_64bits_withSeed(text.data(), text.size(), digest + 1);
  };
  add(document.Find(kIdProperty));
  for (const TextField& f : schema_.fields) add(f.path.Get(document.root()));
  for (const Path& p : schema_.terms) add(p.Get(document.root()));
  for (const Path& p : schema_.values) add(p.Get(document.root()));
  return std::max<uint64_t>(digest, 1);
}

}  // namespace strata::fulltext
