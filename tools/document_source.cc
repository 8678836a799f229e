#include "tools/document_source.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace strata::tools {
namespace {

constexpr size_t kChunk = 1 << 18;
constexpr int kPatience = 50;                       // milliseconds
constexpr size_t kShown = 200;                      // bytes of a document that is too long
constexpr std::string_view kMark = "\xEF\xBB\xBF";  // the byte order mark

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

SourceItem NotYet() { return {0, "", SourceItem::Kind::kNotYet}; }

std::string SystemError(int error) {
  return std::error_code(error, std::generic_category()).message();
}

}  // namespace

StatusOr<std::unique_ptr<DocumentSource>> DocumentSource::Open(const std::string& path) {
  const int fd = path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                             : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return NotFound(Concat("cannot read ", path, ": ", SystemError(errno)));
  return std::make_unique<DocumentSource>(fd);
}

DocumentSource::~DocumentSource() { close(fd_); }

// Reads behind what is left in the buffer.
StatusOr<DocumentSource::Filled> DocumentSource::Fill() {
  struct pollfd input = {fd_, POLLIN, 0};
  const int ready = poll(&input, 1, kPatience);
  if (ready == 0) return Filled::kNotYet;
  buffer_.erase(0, at_);
  at_ = 0;
  const size_t left = buffer_.size();
  buffer_.resize(left + kChunk);
  const ssize_t n = ready < 0 ? -1 : read(fd_, buffer_.data() + left, kChunk);
  const int error = errno;
  buffer_.resize(left + static_cast<size_t>(std::max<ssize_t>(n, 0)));
  if (n > 0) return Filled::kBytes;
  if (n == 0) return Filled::kEnd;
  if (error == EINTR || error == EAGAIN) return Filled::kNotYet;
  return Unavailable(Concat("the input cannot be read to its end: ", SystemError(error)));
}

// Tells lines from an array by the first character, which may not have come yet.
StatusOr<DocumentSource::Filled> DocumentSource::Start() {
  for (;;) {
    size_t first = buffer_.starts_with(kMark) ? kMark.size() : 0;
    const size_t mark = first;
    while (first < buffer_.size() && IsSpace(buffer_[first])) ++first;
    const bool known = first < buffer_.size() && !kMark.starts_with(buffer_);
    Filled filled = Filled::kBytes;
    if (!known && buffer_.size() < kChunk) {
      ASSIGN_OR_RETURN(filled, Fill());
      if (filled == Filled::kBytes) continue;
      if (filled == Filled::kNotYet) return filled;
    }
    started_ = true;
    array_ = known && buffer_[first] == '[';
    at_ = array_ ? first + 1 : mark;
    bytes_ = at_;
    return Filled::kBytes;
  }
}

StatusOr<std::optional<SourceItem>> DocumentSource::Next() {
  if (done_) return std::nullopt;
  if (!started_) {
    const StatusOr<Filled> filled = Start();
    if (!filled.ok()) done_ = true;
    RETURN_IF_ERROR(filled.status());
    if (*filled == Filled::kNotYet) return NotYet();
  }
  auto item = array_ ? NextElement() : NextLine();
  if (!item.ok() || !item->has_value()) done_ = true;
  return item;
}

// Moves `n` bytes from the buffer to the item's text.
void DocumentSource::Keep(size_t n) {
  if (!skipping_) text_.append(buffer_, at_, n);
  at_ += n;
  bytes_ += n;
}

SourceItem DocumentSource::Take() {
  while (array_ && !text_.empty() && IsSpace(text_.back())) text_.pop_back();
  SourceItem item;
  item.number = ++number_;
  item.text.swap(text_);
  return item;
}

SourceItem DocumentSource::TakeTooLong(bool ended) {
  SourceItem item{number_ + 1, text_.substr(0, kShown) + "…", SourceItem::Kind::kTooLong};
  text_ = std::string();
  skipping_ = !ended;
  number_ += ended;
  return item;
}

StatusOr<std::optional<SourceItem>> DocumentSource::NextLine() {
  for (;;) {
    if (at_ == buffer_.size()) {
      ASSIGN_OR_RETURN(const Filled filled, Fill());
      if (filled == Filled::kNotYet) return NotYet();
      if (filled == Filled::kEnd) {
        if (text_.find_first_not_of(" \t\r") == text_.npos) return std::nullopt;
        return Take();
      }
    }
    const char* begin = buffer_.data() + at_;
    const void* newline = std::memchr(begin, '\n', buffer_.size() - at_);
    const bool ended = newline != nullptr;
    Keep(ended ? static_cast<const char*>(newline) - begin : buffer_.size() - at_);
    at_ += ended;
    bytes_ += ended;
    if (text_.size() > kMaxDocumentBytes) return TakeTooLong(ended);
    if (!ended && skipping_) return NotYet();
    if (!ended) continue;
    if (!skipping_ && text_.find_first_not_of(" \t\r") != text_.npos) return Take();
    skipping_ = false;
    text_.clear();
    ++number_;
  }
}

StatusOr<std::optional<SourceItem>> DocumentSource::NextElement() {
  for (;;) {
    if (at_ == buffer_.size()) {
      ASSIGN_OR_RETURN(const Filled filled, Fill());
      if (filled == Filled::kNotYet) return NotYet();
      if (filled == Filled::kEnd) {
        if (closed_) return std::nullopt;
        if (depth_ == 0 && !in_string_ && !text_.empty()) return Take();
        return InvalidArgument(
            text_.empty() && !skipping_
                ? std::string("the array is not closed")
                : Concat("the array ends within element ", std::to_string(number_ + 1)));
      }
    }
    if (text_.empty() && !skipping_) {
      for (; at_ < buffer_.size() && IsSpace(buffer_[at_]); ++at_) ++bytes_;
      if (at_ == buffer_.size()) continue;
    }
    if (closed_) {
      return InvalidArgument(
          Concat("text behind the end of the array, at byte ", std::to_string(bytes_)));
    }
    size_t end = at_;
    for (; end < buffer_.size(); ++end) {
      const char c = buffer_[end];
      if (in_string_) {
        if (escaped_) {
          escaped_ = false;
        } else if (c == '\\') {
          escaped_ = true;
        } else if (c == '"') {
          in_string_ = false;
        }
      } else if (c == '"') {
        in_string_ = true;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if (depth_ > 0) {
        depth_ -= c == '}' || c == ']';
      } else if (c == ',' || c == ']') {
        break;
      }
    }
    Keep(end - at_);
    const bool ended = at_ < buffer_.size();
    if (ended) {
      closed_ = buffer_[at_++] == ']';
      ++bytes_;
    }
    if (text_.size() > kMaxDocumentBytes) return TakeTooLong(ended);
    if (!ended && skipping_) return NotYet();
    if (!ended) continue;
    if (std::exchange(skipping_, false)) {
      ++number_;
      continue;
    }
    if (closed_ && number_ == 0 && text_.empty()) continue;  // []
    return Take();
  }
}

}  // namespace strata::tools
