// Projection: what lies at some paths of a document, or everything else, as slices of its text.
//
//   const std::vector<Path> paths = {Path::Of("name"), Path({"vendor", "country"})};
//   Projection(paths).Keep(d).text();  // {"name":"…","vendor":{"country":"…"}}
//
// Immutable; copies share what was worked out once. Safe for concurrent use.
#ifndef STRATA_CORE_PROJECTION_H_
#define STRATA_CORE_PROJECTION_H_

#include <memory>
#include <span>

#include "core/document.h"
#include "core/path.h"

namespace strata {

class Projection {
 public:
  explicit Projection(std::span<const Path> paths);

  // Only what lies at the paths, in their order, inside the same nesting (a step into an array
  // becomes an object's member). Missing paths are left out. Requires: an object.
  Document Keep(const Document& object) const;
  // Everything but what lies at the paths.
  Document Drop(const Document& object) const;

 private:
  struct Tree;
  std::shared_ptr<const Tree> tree_;
};

}  // namespace strata

#endif  // STRATA_CORE_PROJECTION_H_
