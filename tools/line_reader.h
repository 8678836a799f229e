// Lines of a plain input. For tools/ only.
#ifndef STRATA_TOOLS_LINE_READER_H_
#define STRATA_TOOLS_LINE_READER_H_

#include <optional>
#include <string>

#include "core/document.h"
#include "core/status.h"

namespace strata::tools {

// Whether there is something to read, or the end. Ends early, for a look at Interrupted(), when a
// signal comes and after a moment.
bool AwaitInput(int fd);

// The longest document, and what stands before it.
inline constexpr size_t kMaxLineBytes = kMaxDocumentBytes + (1u << 20);

// The lines of a descriptor, which it does not close. For one thread.
class LineReader {
 public:
  explicit LineReader(int fd, size_t max_bytes = kMaxLineBytes) : fd_(fd), max_bytes_(max_bytes) {}
  // Nothing at the end, or when Interrupted(), behind which one can go on. ResourceExhausted for a
  // line that is longer than `max_bytes`, which is read over and not kept.
  std::optional<StatusOr<std::string>> Read();

 private:
  const int fd_;
  const size_t max_bytes_;
  std::string buffer_;
  size_t at_ = 0;          // what is before it was given
  bool too_long_ = false;  // what the buffer goes on with
  bool end_ = false;
};

}  // namespace strata::tools

#endif  // STRATA_TOOLS_LINE_READER_H_
