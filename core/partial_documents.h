// PartialDocuments: texts of documents of which only some paths are read. What lies elsewhere is
// passed over, which costs a fraction of a whole field index, and they lie one behind the other in
// memory that is used again.
#ifndef STRATA_CORE_PARTIAL_DOCUMENTS_H_
#define STRATA_CORE_PARTIAL_DOCUMENTS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/document.h"
#include "core/path.h"

namespace strata {

namespace internal {
struct Selection;
}  // namespace internal

// Immutable; shared between threads.
using PathSelection = std::shared_ptr<const internal::Selection>;
// Null when one of the paths is that of the document itself.
PathSelection SelectPaths(std::span<const Path> paths);

class PartialDocuments {
 public:
  // Requires: a selection that is not null.
  explicit PartialDocuments(PathSelection selection) : selection_(std::move(selection)) {}

  // Only the selected paths may be asked of the result, which is valid until it is removed.
  // Requires: the text as Document::FromTrusted.
  Value Add(std::string_view text);
  // Removes what was added last; only once before the next is added.
  void RemoveLast();
  void Clear();

  size_t size() const { return rows_.size(); }
  Value At(size_t row) const;
  std::string_view Text(size_t row) const { return {rows_[row]->text(), rows_[row]->size}; }

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };
  struct Mark {
    size_t chunk = 0;
    size_t used = 0;  // of it
  };

  char* Take(size_t bytes);

  const PathSelection selection_;
  std::vector<Chunk> chunks_;
  Mark end_;
  Mark last_;  // where the last row begins
  std::vector<internal::DocumentRep*> rows_;
};

}  // namespace strata

#endif  // STRATA_CORE_PARTIAL_DOCUMENTS_H_
