// How a document lies in memory. For core/ only.
#ifndef STRATA_CORE_DOCUMENT_REP_H_
#define STRATA_CORE_DOCUMENT_REP_H_

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

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

// One block of memory: this struct, the field index when it was made together with the document,
// the text, then kTextPadding zero bytes. An index that is made later lies in a block of its own.
struct DocumentRep {
  std::atomic<uint32_t> refs{1};
  uint32_t size = 0;     // of the text
  uint32_t text_at = 0;  // bytes from here to the text
  mutable std::atomic<uint32_t*> index{nullptr};

  // The text's bytes are for the caller to write.
  static DocumentRep* New(size_t size);
  // With a copy of an index that WalkText has made.
  static DocumentRep* New(std::string_view text, std::span<const uint32_t> nodes);
  static void Delete(const DocumentRep* rep);
  char* text() { return reinterpret_cast<char*>(this) + text_at; }
  const char* text() const { return reinterpret_cast<const char*>(this) + text_at; }

  // Word 0 is the root's entry. Built on first use; two threads may build it at once, one result is
  // kept.
  const uint32_t* Index() const {
    const uint32_t* built = index.load(std::memory_order_acquire);
    return built != nullptr ? built : BuildIndex();
  }
  const uint32_t* BuildIndex() const;

 private:
  static DocumentRep* Allocate(size_t index_words, size_t size);
  uint32_t* inline_index() { return reinterpret_cast<uint32_t*>(this + 1) + 1; }
};

// Walks valid text, behind which kTextPadding bytes can be read, and makes its field index: the
// words, which stand until this thread's next walk. Empty when the text is not minified, or, with
// `duplicate_at`, when a member's name is repeated: then *duplicate_at is the offset of the
// repetition's value.
std::span<const uint32_t> WalkText(const char* text, size_t size, uint32_t* duplicate_at);
size_t IndexBytes(const uint32_t* index);

}  // namespace strata::internal

#endif  // STRATA_CORE_DOCUMENT_REP_H_
