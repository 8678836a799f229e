#include "tools/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "tools/app.h"

namespace strata::tools {
namespace {

constexpr int kPatience = 100;  // milliseconds until an interruption between two looks is seen

}  // namespace

bool AwaitInput(int fd) {
  struct pollfd input = {fd, POLLIN, 0};
  return poll(&input, 1, kPatience) > 0;
}

std::optional<StatusOr<std::string>> LineReader::Read() {
  for (size_t searched = at_;;) {
    if (Interrupted()) return std::nullopt;
    const size_t newline = buffer_.find('\n', searched);
    const size_t size = std::min(newline, buffer_.size()) - at_;
    if (size > max_bytes_) too_long_ = true;
    if (newline != buffer_.npos || (end_ && (too_long_ || size > 0))) {
      std::string line = buffer_.substr(at_, size);
      at_ += size + (newline != buffer_.npos ? 1 : 0);
      if (!std::exchange(too_long_, false)) return line;
      return ResourceExhausted(
          Concat("the line is longer than ", std::to_string(max_bytes_), " bytes"));
    }
    if (end_) return std::nullopt;
    buffer_.erase(0, too_long_ ? buffer_.size() : at_);
    at_ = 0;
    searched = buffer_.size();
    if (!AwaitInput(fd_)) continue;
    char chunk[1 << 16];
    const ssize_t n = read(fd_, chunk, sizeof chunk);
    if (n > 0) buffer_.append(chunk, static_cast<size_t>(n));
    end_ = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
  }
}

}  // namespace strata::tools
