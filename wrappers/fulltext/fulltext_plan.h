// Queries that hold fulltext(…).
//
// Ids found in the text index become in(id,…) for the inner store, or, when rows are wanted by
// score, rows are fetched in that order. The index narrows; every other condition is asked of the
// documents themselves.
#ifndef STRATA_WRAPPERS_FULLTEXT_FULLTEXT_PLAN_H_
#define STRATA_WRAPPERS_FULLTEXT_FULLTEXT_PLAN_H_

#include <memory>
#include <string>

#include "store/store.h"
#include "wrappers/fulltext/text_index.h"

namespace strata::fulltext {

// Where searches come from. Safe for concurrent use.
class TextSource {
 public:
  virtual ~TextSource() = default;
  // A search over an index that holds what it has to; waits for that.
  virtual StatusOr<std::unique_ptr<TextSearch>> Search(const Context& ctx,
                                                       const TextRequest& request) = 0;
  // Over the index as it is: for explain.
  virtual StatusOr<std::unique_ptr<TextSearch>> SearchNow(const TextRequest& request) = 0;
  // How many changes the index lacks, as far as that is known; for explain.
  virtual uint64_t Behind() = 0;
  virtual size_t snippet_length() const = 0;
};

// Target is a Store, or a Transaction over the store `below`; both must outlive the plan. Requires:
// HasText(query).
template <typename Target>
StatusOr<std::unique_ptr<Plan>> PrepareText(Target& inner, const Store& below,
                                            std::shared_ptr<TextSource> source, const Query& query,
                                            std::string stage);

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_FULLTEXT_PLAN_H_
