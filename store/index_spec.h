// IndexSpec: which keys a document has in one index.
//
//   {"path": "price"}                                  one path
//   {"path": ["category", "-price"], "name": "best"}   compound; "-" turns a path's order around
//   {"path": "email", "unique": true}                  two documents never have the same value
//   {"path": "tags", "multi": true}                    one key for each element of an array
//   {"path": "deleted_at", "sparse": true}             documents without the path have no key
//
// A key is the parts' values in the encoding of core/key_encoding.h, one behind the other. In a
// multi index it begins with kElement or kPlain, since contains(p,v) asks for elements and eq(p,v)
// for the value itself. Immutable; safe for concurrent use.
#ifndef STRATA_STORE_INDEX_SPEC_H_
#define STRATA_STORE_INDEX_SPEC_H_

#include <optional>
#include <string>
#include <vector>

#include "core/document.h"
#include "core/key_encoding.h"
#include "core/path.h"
#include "store/option_table.h"

namespace strata {

inline constexpr size_t kMaxIndexKeyBytes = 16 << 10;  // of one key
inline constexpr size_t kMaxIndexes = 32;              // of one store
inline constexpr size_t kMaxIndexParts = 8;

inline constexpr std::string_view kScanHint = "scan";  // using(scan): no index

struct IndexPart {
  Path path;
  SortDirection direction = SortDirection::kAscending;
  bool descending() const { return direction == SortDirection::kDescending; }
};

struct IndexSpec {
  std::string name;  // given, or the paths: "category,-price"
  std::vector<IndexPart> parts;
  bool unique = false;
  bool multi = false;
  bool sparse = false;

  static constexpr char kElement = 1;
  static constexpr char kPlain = 2;

  // Appends the document's keys, sorted and without repetition.
  // Errors: InvalidArgument for a key over kMaxIndexKeyBytes.
  Status AppendKeys(Value document, std::vector<std::string>* keys) const;
  // Whether uniqueness binds the document: it does when no part is missing.
  bool Binds(Value document) const;
  // Whether Covered(document) can stand for the document where only the parts and the id are read.
  bool CanCover() const;
  // The document with the id and the parts alone. Requires: CanCover().
  Document Covered(const Document& document) const;
  // JSON, every member, in a fixed order: equal for equal indexes.
  std::string Canonical() const;
  // The same without the name: what the index holds.
  std::string Shape() const;
  friend bool operator==(const IndexSpec& a, const IndexSpec& b) {
    return a.Canonical() == b.Canonical();
  }
};

// Reads a list of indexes, or one, and reports everything that is wrong with it.
std::vector<IndexSpec> ParseIndexSpecs(Value list, const std::string& pointer,
                                       ConfigProblems* problems);
// What ParseIndexSpecs would say of an index that was made otherwise: InvalidArgument.
Status CheckIndexSpec(const IndexSpec& spec);
// "category,-price" to a plain index of that name. InvalidArgument when a path is empty.
StatusOr<IndexSpec> IndexFromPaths(std::string_view paths);

// Keys from `from` up to, but not with, `end` (none: to the last).
struct KeyRange {
  std::string from;
  std::optional<std::string> end;
  bool Contains(std::string_view key) const { return key >= from && (!end || key < *end); }
};

}  // namespace strata

#endif  // STRATA_STORE_INDEX_SPEC_H_
