// Documents from a stream of JSON text, one at a time: NDJSON, or one JSON array of any length. For
// tools/ only.
#ifndef STRATA_TOOLS_DOCUMENT_SOURCE_H_
#define STRATA_TOOLS_DOCUMENT_SOURCE_H_

#include <cstdint>
#include <istream>
#include <optional>
#include <string>

#include "core/document.h"

namespace strata::tools {

struct SourceItem {
  uint64_t number = 0;  // of its line (NDJSON) or element (array), from 1
  std::string text;     // as it came
};

// Memory is bounded by the longest document (kMaxDocumentBytes).
class DocumentSource {
 public:
  explicit DocumentSource(std::istream& in);

  // The next document's text; nothing at the end. An error ends the source: InvalidArgument when an
  // array is broken between its elements, ResourceExhausted for a document that is too long.
  StatusOr<std::optional<SourceItem>> Next();
  bool is_array() const { return array_; }
  uint64_t bytes_read() const { return bytes_; }

 private:
  int Get();
  StatusOr<std::optional<SourceItem>> NextLine();
  StatusOr<std::optional<SourceItem>> NextElement();
  bool Fill();

  std::istream& in_;
  std::string buffer_;
  size_t at_ = 0;
  uint64_t bytes_ = 0;
  uint64_t number_ = 0;
  bool array_ = false;
  bool started_ = false;
  bool done_ = false;
};

}  // namespace strata::tools

#endif  // STRATA_TOOLS_DOCUMENT_SOURCE_H_
