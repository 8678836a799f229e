// Any text: parsing never crashes, and what parses prints to a text that parses to the same tree.
#include <cstdint>
#include <cstdlib>

#include "query/parser.h"
#include "query/print.h"
#include "query/query.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto tree = strata::ParseQuery(text);
  if (!tree.ok()) return 0;
  const std::string printed = strata::PrintQuery(*tree);
  const auto back = strata::ParseQuery(printed);
  if (!back.ok()) {
    // Printing may escape beyond the limit of bytes; nothing else may refuse it.
    if (printed.size() <= strata::ParseLimits().max_bytes) std::abort();
    return 0;
  }
  if (!(*back == *tree)) std::abort();
  (void)strata::Query::Bind(*tree, text);
  return 0;
}
