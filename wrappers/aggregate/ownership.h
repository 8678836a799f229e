// Which of several stores holds which members of a record.
#ifndef STRATA_WRAPPERS_AGGREGATE_OWNERSHIP_H_
#define STRATA_WRAPPERS_AGGREGATE_OWNERSHIP_H_

#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/document.h"
#include "query/ast.h"
#include "store/option_table.h"

namespace strata::aggregate {

inline constexpr size_t kMaxParts = 16;

// The anchor is the part that holds every member that no other one names. It has a document of
// every record, and the record's revision is that document's.
class Ownership {
 public:
  // [["price","stock"], "*"]: a list of members for each part; the anchor is "*" or null.
  static Ownership Read(Value v, const std::string& pointer, ConfigProblems* problems);

  size_t parts() const { return parts_; }
  size_t anchor() const { return anchor_; }
  size_t OwnerOf(std::string_view member) const {
    const auto it = owner_of_.find(member);
    return it == owner_of_.end() ? anchor_ : it->second;
  }
  // The part that holds everything at these paths; parts() when several do, or a path is the record
  // itself. The id is in all parts.
  size_t OwnerOf(std::span<const Path> paths) const;

  // The document's parts, each with the id. A part that holds none of its members is nothing; the
  // anchor's is never.
  std::vector<Document> Split(const Document& whole) const;
  // Requires: the anchor's part is there. Members come part after part, the anchor's first.
  Document Merge(std::span<const Document> parts) const;

 private:
  size_t parts_ = 0;
  size_t anchor_ = 0;
  std::map<std::string, size_t, std::less<>> owner_of_;
};

}  // namespace strata::aggregate

#endif  // STRATA_WRAPPERS_AGGREGATE_OWNERSHIP_H_
