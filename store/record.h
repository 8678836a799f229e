// Record: a document as a store holds it.
#ifndef STRATA_STORE_RECORD_H_
#define STRATA_STORE_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/document.h"

namespace strata {

inline constexpr size_t kMaxIdBytes = 1024;
inline constexpr std::string_view kIdProperty = "id";

// A stored document always holds its id as the property "id": a string, or an integer in its
// shortest spelling, which is then the id as text. So the id needs no place of its own.
struct Record {
  Document document;
  uint64_t revision = 0;  // from the base store, strictly increasing

  std::string id() const;
};

// The id that a document names itself, or "" when it has none. InvalidArgument for an id that
// cannot be one.
StatusOr<std::string> IdOfDocument(const Document& object);
// The id of a stored document.
std::string StoredId(const Document& object);
// InvalidArgument unless the id is UTF-8 of 1 to kMaxIdBytes bytes.
Status CheckId(std::string_view id);

inline std::string Record::id() const { return StoredId(document); }

}  // namespace strata

#endif  // STRATA_STORE_RECORD_H_
