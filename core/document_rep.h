// How a document lies in memory. For core/ only.
#ifndef STRATA_CORE_DOCUMENT_REP_H_
#define STRATA_CORE_DOCUMENT_REP_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/document.h"

namespace strata::internal {

enum class Kind : uint32_t {
  kNull,
  kFalse,
  kTrue,
  kNumber,
  kString,
  kEscapedString,
  kArray,
  kObject
};

// One value of the field index in 32 bits: kind (3), whether its member's name holds escapes (1),
// and 28 bits that are the offset of a scalar's text, or the place in the index where a container's
// node begins.
struct Entry {
  uint32_t bits;
  static constexpr uint32_t kPayloadBits = 28;
  static Entry Make(Kind kind, bool name_escaped, uint32_t payload) {
    return {static_cast<uint32_t>(kind) << 29 |
            static_cast<uint32_t>(name_escaped) << kPayloadBits | payload};
  }
  Kind kind() const { return static_cast<Kind>(bits >> 29); }
  bool name_escaped() const { return bits >> kPayloadBits & 1; }
  uint32_t payload() const { return bits & ((1u << kPayloadBits) - 1); }
  bool is_container() const { return bits >> 30 == 3; }  // kArray, kObject
};
static_assert(kMaxDocumentBytes < size_t{1} << Entry::kPayloadBits);

// Walks valid text, behind which kTextPadding bytes can be read, and makes its field index: the
// words, which stand until this thread's next walk. Empty when the text is not minified, or, with
// `duplicate_at`, when a member's name is repeated: then *duplicate_at is the offset of the
// repetition's value.
std::span<const uint32_t> WalkText(const char* text, size_t size, uint32_t* duplicate_at);
size_t IndexBytes(const uint32_t* index);

// Members of an object that are of interest, each as a whole or again in part.
struct Selection {
  struct Member {
    std::string name;
    uint32_t hash = 0;
    std::unique_ptr<Selection> below;  // null: as a whole
  };
  std::vector<Member> members;
};

// WalkText for a field index that knows only what is selected. What is not is passed over, and
// nothing is looked at behind the last member of the root that is.
std::span<const uint32_t> WalkSelected(const char* text, size_t size, const Selection& selection);

// How an index lies in memory: the number of its words, the words, and words that may be read.
inline constexpr size_t kIndexPadding = 4;  // Value::Find reads four hashes at a time
inline size_t StoredIndexWords(size_t words) { return 1 + words + kIndexPadding; }
// Writes it; the index begins behind the first word.
void StoreIndex(std::span<const uint32_t> nodes, uint32_t* at);

}  // namespace strata::internal

#endif  // STRATA_CORE_DOCUMENT_REP_H_
