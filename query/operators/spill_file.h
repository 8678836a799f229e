// A temporary file for what does not fit into memory. It has no name on disk, so nothing is left
// behind however the process ends. Belongs to one thread at a time.
#ifndef STRATA_QUERY_OPERATORS_SPILL_FILE_H_
#define STRATA_QUERY_OPERATORS_SPILL_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/status.h"

namespace strata {

class SpillFile {
 public:
  // `folder`: "" for the environment's TMPDIR, else /tmp. Errors: Unavailable with the folder's
  // name.
  static StatusOr<std::unique_ptr<SpillFile>> Create(const std::string& folder);
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  // ResourceExhausted when the disk is full.
  Status Append(std::string_view bytes);
  // Everything appended can be read afterwards.
  Status Flush();
  // Reads exactly `size` bytes. Requires: appended and flushed.
  Status Read(uint64_t offset, size_t size, std::string* out) const;
  uint64_t size() const { return written_ + buffer_.size(); }

 private:
  SpillFile(int fd, std::string folder) : fd_(fd), folder_(std::move(folder)) {}

  const int fd_;
  const std::string folder_;
  std::string buffer_;
  uint64_t written_ = 0;
};

}  // namespace strata

#endif  // STRATA_QUERY_OPERATORS_SPILL_FILE_H_
