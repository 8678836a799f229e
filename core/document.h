// Document: an immutable JSON value, shared by reference count. The text is the truth; the field
// index makes it fast.
//
//   StatusOr<Document> d = Document::Parse(R"({"name": "ada", "langs": ["c++"]})");
//   d->root().Find("name").StringEquals("ada");
//   d->text();                                    // {"name":"ada","langs":["c++"]}
//
// The text is minified and valid (RFC 8259, UTF-8, at most kMaxDepth levels, no duplicate member
// names); numbers keep the digits that they came with and members their order. The field index (per
// object: the hash of each member's name and where its value lies) is built once, on first use, and
// shared by everybody who holds the document.
//
// Document and Value are safe for concurrent use. A Value points into its Document and must not
// outlive it.
#ifndef STRATA_CORE_DOCUMENT_H_
#define STRATA_CORE_DOCUMENT_H_

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/number.h"
#include "core/status.h"

namespace strata {

inline constexpr int kMaxDepth = 256;                   // levels of arrays and objects
inline constexpr size_t kMaxDocumentBytes = 64u << 20;  // bytes of text
inline constexpr size_t kTextPadding = 64;  // readable zero bytes behind a document's text

// Values of different types sort in this order.
enum class Type : uint8_t { kMissing, kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

// "an object", "the number 7", "a string": for messages.
std::string_view TypeName(Type type);

// The hash by which the field index finds a member.
uint32_t HashMemberName(std::string_view name);

namespace internal {

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

}  // namespace internal

// A member's name with what a lookup needs worked out once. Where the member was found first is
// remembered: documents of one kind mostly have it at the same place. Safe for concurrent use.
class MemberKey {
 public:
  explicit MemberKey(std::string name);
  MemberKey(const MemberKey& other) : MemberKey(other.name_) {}
  MemberKey& operator=(const MemberKey& other);
  const std::string& name() const { return name_; }

 private:
  friend class Value;
  std::string name_;
  uint32_t hash_ = 0;
  bool plain_ = true;  // it holds no quote, which an unescaped name in a text cannot hold either
  uint64_t head_ = 0;  // the first eight bytes, or all, and
  uint64_t mask_ = 0;  // which bits of eight bytes they are
  mutable std::atomic<uint32_t> place_{kUnknown};
  static constexpr uint32_t kUnknown = UINT32_MAX;
};

class Value {
 public:
  Value() = default;  // missing

  Type type() const {
    // By the kind in an entry's highest bits.
    constexpr Type kTypes[] = {Type::kNull,   Type::kFalse,  Type::kTrue,  Type::kNumber,
                               Type::kString, Type::kString, Type::kArray, Type::kObject};
    return rep_ == nullptr ? Type::kMissing : kTypes[entry_ >> 29];
  }
  bool exists() const { return rep_ != nullptr; }
  bool is_object() const { return type() == Type::kObject; }
  bool is_array() const { return type() == Type::kArray; }
  bool is_string() const { return type() == Type::kString; }
  bool is_number() const { return type() == Type::kNumber; }

  // The value's own slice of the text; empty when missing.
  std::string_view text() const;

  // Requires: is_number().
  Number number() const;

  // Requires: is_string(). StringView decodes into *scratch only when the text holds escapes.
  bool StringEquals(std::string_view s) const;
  std::string_view StringView(std::string* scratch) const;
  std::string String() const;

  // The member of that name; missing when there is none or this is not an object.
  Value Find(std::string_view name) const { return Find(name, HashMemberName(name)); }
  Value Find(std::string_view name, uint32_t hash) const;
  Value Find(const MemberKey& key) const;

  // Members or elements; 0 for anything else.
  uint32_t size() const;
  // The i-th element of an array, or the i-th member's value of an object. Requires: i < size().
  Value At(uint32_t i) const;

 private:
  friend class Document;
  friend class MemberIterator;
  friend class PartialDocuments;
  Value(const internal::DocumentRep* rep, uint32_t entry) : rep_(rep), entry_(entry) {}
  uint32_t offset() const;
  const uint32_t* index() const;

  // Sixteen bytes, so that a Value travels in registers. The document's index is built already.
  const internal::DocumentRep* rep_ = nullptr;
  uint32_t entry_ = 0;
};

// The members of an object in the order of the text.
//
//   for (MemberIterator m(object); !m.done(); m.Next()) use(m.name(&scratch), m.value());
class MemberIterator {
 public:
  explicit MemberIterator(Value object);
  bool done() const { return i_ == count_; }
  void Next();
  Value value() const { return value_; }
  // The name with its quotes, as in the text.
  std::string_view raw_name() const;
  std::string_view name(std::string* scratch) const;
  uint32_t name_hash() const;

 private:
  Value object_;
  Value value_;
  uint32_t i_ = 0;
  uint32_t count_ = 0;
  uint32_t name_at_ = 0;  // offset of the name's opening quote
};

class Document {
 public:
  Document() = default;  // holds nothing
  Document(const Document& other) : rep_(other.rep_) { Ref(); }
  Document(Document&& other) noexcept : rep_(std::exchange(other.rep_, nullptr)) {}
  Document& operator=(Document other) noexcept {
    std::swap(rep_, other.rep_);
    return *this;
  }
  ~Document() { Unref(); }

  // Parses and checks text from outside. Errors: InvalidArgument with what was found, the byte
  // offset and what was expected; ResourceExhausted for text over kMaxDocumentBytes.
  static StatusOr<Document> Parse(std::string_view text);
  // Wraps text that this library made or checked before. Requires: minified, valid JSON.
  static Document FromTrusted(std::string_view text);

  explicit operator bool() const { return rep_ != nullptr; }
  std::string_view text() const {
    return rep_ != nullptr ? std::string_view(rep_->text(), rep_->size) : std::string_view();
  }
  // Missing when this holds nothing.
  Value root() const { return rep_ != nullptr ? Value(rep_, rep_->Index()[0]) : Value(); }
  Value Find(std::string_view name) const { return root().Find(name); }

  // Bytes held: text and, if it has been built, field index.
  size_t MemoryBytes() const;
  size_t IndexBytes() const;
  // Ask the processor to fetch what a lookup will touch: first the text, some documents later the
  // index.
  void PrefetchText() const;
  void PrefetchIndex() const;

 private:
  explicit Document(internal::DocumentRep* rep) : rep_(rep) {}
  void Ref() const {
    if (rep_ != nullptr) rep_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  void Unref() const {
    if (rep_ != nullptr && rep_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
      internal::DocumentRep::Delete(rep_);
  }

  internal::DocumentRep* rep_ = nullptr;
};

// Compares text for text, not by value (see value_order.h).
inline bool SameText(const Document& a, const Document& b) { return a.text() == b.text(); }

}  // namespace strata

#endif  // STRATA_CORE_DOCUMENT_H_
