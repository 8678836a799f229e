// Filter: conditions compiled once, evaluated on a document's field index.
//
//   StatusOr<Filter> f = Filter::Compile(query.conjuncts());
//   if (f->Matches(document.root())) …
//
// Paths become member hashes, literals typed comparisons, regexes RE2 programs, lists of strings
// hash sets; conditions that cost least are asked first. Missing, null and other types never raise
// an error. Safe for concurrent use.
#ifndef STRATA_QUERY_FILTER_H_
#define STRATA_QUERY_FILTER_H_

#include <memory>
#include <optional>
#include <vector>

#include "core/document.h"
#include "core/path.h"
#include "core/status.h"
#include "query/ast.h"

namespace strata {

// A literal as JSON; dates and patterns within lists are texts. Requires: no call, no parameter.
Document LiteralDocument(const Node& literal);

class Filter {
 public:
  // Requires: bound conditions without parameters. Errors: Unimplemented for fulltext and rel,
  // which need a stage.
  static StatusOr<Filter> Compile(const std::vector<Node>& conjuncts);

  Filter() = default;  // everything matches
  bool Matches(Value row) const;
  // The paths that it reads; none when it reads whole rows.
  std::optional<std::vector<Path>> PathsRead() const;
  bool empty() const { return conjuncts_ == nullptr || conjuncts_->empty(); }

  struct Predicate;  // filter_predicate.h
  // All of them must hold; null when there are none.
  const std::vector<Predicate>* conjuncts() const { return conjuncts_.get(); }

 private:
  std::shared_ptr<const std::vector<Predicate>> conjuncts_;
};

}  // namespace strata

#endif  // STRATA_QUERY_FILTER_H_
