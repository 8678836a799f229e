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
    const size_t need = text.size() + std::max(simdjson::SIMDJSON_PADDING, kTextPadding);
    if (need > padded_size) {
      padded_size = std::max<size_t>(need, 4096);
      padded = std::make_unique<char[]>(padded_size);
    }
    std::memcpy(padded.get(), text.data(), text.size());
    std::memset(padded.get() + text.size(), 0, need - text.size());
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
  // Most texts come minified; the walk that makes the index notices when one does not.
  uint32_t duplicate_at = 0;
  std::span<const uint32_t> nodes = WalkText(parser.padded.get(), text.size(), &duplicate_at);
  DocumentRep* rep = nullptr;
  if (!nodes.empty()) {
    rep = DocumentRep::New({parser.padded.get(), text.size()}, nodes);
  } else if (duplicate_at == 0) {
    size_t size = 0;
    if (simdjson::minify(text.data(), text.size(), parser.padded.get(), size) ==
        simdjson::SUCCESS) {
      std::memset(parser.padded.get() + size, 0, kTextPadding);
      nodes = WalkText(parser.padded.get(), size, &duplicate_at);
      if (!nodes.empty()) rep = DocumentRep::New({parser.padded.get(), size}, nodes);
    }
  }
  parser.Trim();
  if (rep != nullptr) return rep;
  Status why = DiagnoseJson(text);
  return why.ok() ? Internal("valid JSON could not be indexed") : why;
}

}  // namespace strata::internal
