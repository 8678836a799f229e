#include "core/json_parse.h"

#include <simdjson.h>

#include <memory>
#include <string>

#include "core/json_diagnose.h"

namespace strata::internal {
namespace {

constexpr size_t kKeepCapacity = 1 << 20;  // bytes of text a thread's parser stays ready for

struct Parser {
  simdjson::dom::parser dom;
  std::unique_ptr<char[]> padded;
  size_t padded_size = 0;

  bool Accepts(std::string_view text) {
    const size_t need = text.size() + simdjson::SIMDJSON_PADDING;
    if (need > padded_size) {
      padded_size = std::max<size_t>(need, 4096);
      padded = std::make_unique<char[]>(padded_size);
    }
    std::memcpy(padded.get(), text.data(), text.size());
    if (text.size() > dom.capacity() &&
        dom.allocate(std::max<size_t>(text.size(), 4096), kMaxDepth) != simdjson::SUCCESS) {
      return false;
    }
    return dom.parse(padded.get(), text.size(), false).error() == simdjson::SUCCESS;
  }

  void Trim() {
    if (padded_size <= kKeepCapacity) return;
    padded.reset();
    padded_size = 0;
    dom = simdjson::dom::parser();
  }
};

}  // namespace

StatusOr<DocumentRep*> ParseJson(std::string_view text) {
  if (text.size() > kMaxDocumentBytes) {
    return ResourceExhausted(Concat("the document has ", std::to_string(text.size()),
                                    " bytes; at most ", std::to_string(kMaxDocumentBytes),
                                    " are taken"));
  }
  thread_local Parser parser;
  const bool accepted = parser.Accepts(text);
  if (!accepted) {
    // simdjson says neither where nor quite what, and refuses integers beyond 64 bits, which are
    // kept here.
    if (Status s = DiagnoseJson(text); !s.ok()) {
      parser.Trim();
      return s;
    }
  }
  DocumentRep* rep = DocumentRep::New(text.size());
  std::memcpy(rep->text(), text.data(), text.size());
  parser.Trim();
  uint32_t duplicate_at = 0;
  // Most texts come minified; the walk that makes the index notices when one does not.
  uint32_t* index = MakeIndex(rep->text(), text.size(), &duplicate_at);
  if (index == nullptr && duplicate_at == 0) {
    size_t size = 0;
    if (simdjson::minify(text.data(), text.size(), rep->text(), size) == simdjson::SUCCESS) {
      std::memset(rep->text() + size, 0, std::min(text.size() - size + kTextPadding, kTextPadding));
      rep->size = static_cast<uint32_t>(size);
      index = MakeIndex(rep->text(), size, &duplicate_at);
    }
  }
  if (index == nullptr) {
    DocumentRep::Delete(rep);
    Status why = DiagnoseJson(text);
    return why.ok() ? Internal("valid JSON could not be indexed") : why;
  }
  rep->index.store(index, std::memory_order_release);
  return rep;
}

}  // namespace strata::internal
