// Debian's package index (the control-file text that `apt-cache dumpavail` prints) as JSON
// documents. For tools/ only.
#ifndef STRATA_TOOLS_PACKAGE_INDEX_H_
#define STRATA_TOOLS_PACKAGE_INDEX_H_

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

#include "tools/document_source.h"
#include "tools/line_reader.h"

namespace strata::tools {

// A control-file paragraph as a document:
// {"id","name","version","section",…,"size","installed_size","depends":[…]}.
std::string PackageJson(const std::map<std::string, std::string>& fields);

// What apt-cache prints while it is read; it is ended with this.
class PackageIndex {
 public:
  PackageIndex() = default;
  ~PackageIndex();
  PackageIndex(const PackageIndex&) = delete;
  PackageIndex& operator=(const PackageIndex&) = delete;

  // False when the machine has no apt-cache.
  bool Open();
  // As DocumentSource::Next. Cancelled when Interrupted().
  StatusOr<std::optional<SourceItem>> Next();
  uint64_t bytes_read() const { return bytes_; }

 private:
  int pipe_ = -1;
  pid_t reader_ = -1;  // the process
  std::optional<LineReader> lines_;
  uint64_t bytes_ = 0;
  uint64_t number_ = 0;
};

}  // namespace strata::tools

#endif  // STRATA_TOOLS_PACKAGE_INDEX_H_
