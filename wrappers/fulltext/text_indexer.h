// Documents as Xapian keeps them. Internal to this folder.
#ifndef STRATA_WRAPPERS_FULLTEXT_TEXT_INDEXER_H_
#define STRATA_WRAPPERS_FULLTEXT_TEXT_INDEXER_H_

#include <xapian.h>

#include <memory>
#include <vector>

#include "core/document.h"
#include "wrappers/fulltext/text_schema.h"

namespace strata::fulltext {

// Belongs to one thread at a time. Throws Xapian's errors.
class Indexer {
 public:
  // `schema` must outlive it.
  explicit Indexer(const TextSchema& schema);

  // `spelling`: where words are noted for suggestions; null: nowhere. It is held until LetGo.
  Xapian::Document Index(const Document& document, Xapian::WritableDatabase* spelling);
  void LetGo();
  // Of all that Index reads; never 0. Documents of equal digests are indexed alike.
  uint64_t Digest(const Document& document) const;

 private:
  struct Language {
    Xapian::SimpleStopper stopper;
    Xapian::TermGenerator generator;
  };

  const TextSchema& schema_;
  std::vector<std::unique_ptr<Language>> languages_;  // beside the fields
};

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_TEXT_INDEXER_H_
