// Loading a stream of documents into a store: parsed by one thread, written in batches by another.
// For tools/ only.
#ifndef STRATA_TOOLS_IMPORTER_H_
#define STRATA_TOOLS_IMPORTER_H_

#include <functional>
#include <ostream>
#include <string>

#include "store/store.h"
#include "tools/document_source.h"

namespace strata::tools {

struct ImportOptions {
  size_t batch = 256;  // documents a write
  // Takes a line about a bad document; without it the first one ends the import.
  std::function<Status(const std::string&)> reject;
  bool progress = false;     // on stderr
  uint64_t total_bytes = 0;  // of the input, when known
};

struct ImportResult {
  uint64_t imported = 0;
  uint64_t rejected = 0;
  double seconds = 0;
  // Why it ended early: a bad document ("line 7: …"), a failed write, or an interruption. What was
  // imported before stays.
  Status status;
};

// Holds at most ten batches at once, each of 4 MiB or of one document beyond that.
// `next` gives items as DocumentSource::Next does, `bytes` how many bytes it has read so far. When
// nothing has come yet, what has come is written; when `ctx` is cancelled, too, and it ends.
// `unit`: "line" or "element", for messages.
ImportResult Import(Store& store, const Context& ctx,
                    const std::function<StatusOr<std::optional<SourceItem>>()>& next,
                    const std::function<uint64_t()>& bytes,
                    const std::function<std::string()>& unit, const ImportOptions& options);

}  // namespace strata::tools

#endif  // STRATA_TOOLS_IMPORTER_H_
