// Documents from a stream of JSON text, one at a time: NDJSON, or one JSON array of any length. For
// tools/ only.
#ifndef STRATA_TOOLS_DOCUMENT_SOURCE_H_
#define STRATA_TOOLS_DOCUMENT_SOURCE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/document.h"

namespace strata::tools {

struct SourceItem {
  enum class Kind : uint8_t {
    kDocument,
    kTooLong,  // over kMaxDocumentBytes; the text is its beginning
    kNotYet,   // nothing has come yet, or only more of what is too long; ask again
  };
  uint64_t number = 0;  // of its line (NDJSON) or element (array), from 1
  std::string text;     // as it came
  Kind kind = Kind::kDocument;
};

// Memory is bounded by the longest document (some three times kMaxDocumentBytes), however long a
// line or an element is: beyond that it is passed over as it comes. For one thread.
class DocumentSource {
 public:
  // A file, a fifo (it does not wait for a writer), or "-" for stdin.
  static StatusOr<std::unique_ptr<DocumentSource>> Open(const std::string& path);
  // Takes `fd` over and closes it.
  explicit DocumentSource(int fd) : fd_(fd) {}
  ~DocumentSource();
  DocumentSource(const DocumentSource&) = delete;
  DocumentSource& operator=(const DocumentSource&) = delete;

  // The next document's text; nothing at the end. It waits for input a moment at most and then
  // gives kNotYet, also when a signal came and again and again within what is too long, so that
  // its caller can end an input that does not end. Elements of an array are what commas part,
  // whether or not they are JSON. An error ends the source: Unavailable when the input cannot be
  // read, InvalidArgument when an array is not closed or text follows it.
  StatusOr<std::optional<SourceItem>> Next();
  bool is_array() const { return array_; }
  uint64_t bytes_read() const { return bytes_; }

 private:
  enum class Filled { kBytes, kNotYet, kEnd };
  StatusOr<Filled> Fill();
  StatusOr<Filled> Start();
  StatusOr<std::optional<SourceItem>> NextLine();
  StatusOr<std::optional<SourceItem>> NextElement();
  void Keep(size_t n);
  SourceItem Take();
  // `ended`: all of the item has been read.
  SourceItem TakeTooLong(bool ended);

  const int fd_;
  std::string buffer_;  // what was read; up to at_ it is done with
  size_t at_ = 0;
  uint64_t bytes_ = 0;     // done with
  uint64_t number_ = 0;    // of the last item that has ended
  std::string text_;       // of the item that is being read
  bool skipping_ = false;  // the item was too long, and what is left of it is of no use
  bool array_ = false;
  bool started_ = false;
  bool done_ = false;

  // Within an array.
  uint64_t depth_ = 0;  // of brackets within the element
  bool in_string_ = false;
  bool escaped_ = false;
  bool closed_ = false;
};

}  // namespace strata::tools

#endif  // STRATA_TOOLS_DOCUMENT_SOURCE_H_
