#include "tools/document_source.h"

#include <cstring>

namespace strata::tools {
namespace {

constexpr size_t kChunk = 1 << 18;

bool IsSpace(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

Status TooLong(uint64_t number, const char* what) {
  return ResourceExhausted(Concat(what, " ", std::to_string(number), " is longer than ",
                                  std::to_string(kMaxDocumentBytes), " bytes"));
}

}  // namespace

DocumentSource::DocumentSource(std::istream& in) : in_(in) {}

bool DocumentSource::Fill() {
  buffer_.resize(kChunk);
  in_.read(buffer_.data(), static_cast<std::streamsize>(kChunk));
  buffer_.resize(static_cast<size_t>(in_.gcount()));
  at_ = 0;
  return !buffer_.empty();
}

int DocumentSource::Get() {
  if (at_ == buffer_.size() && !Fill()) return -1;
  ++bytes_;
  return static_cast<unsigned char>(buffer_[at_++]);
}

StatusOr<std::optional<SourceItem>> DocumentSource::Next() {
  if (done_) return std::nullopt;
  if (!started_) {
    started_ = true;
    if (Fill() && buffer_.starts_with("\xEF\xBB\xBF")) at_ = 3;  // a byte order mark
    size_t first = at_;
    while (first < buffer_.size() && IsSpace(buffer_[first])) ++first;
    array_ = first < buffer_.size() && buffer_[first] == '[';
    if (array_) {
      at_ = first + 1;
      bytes_ = at_;
    }
  }
  auto item = array_ ? NextElement() : NextLine();
  if (!item.ok() || !item->has_value()) done_ = true;
  return item;
}

StatusOr<std::optional<SourceItem>> DocumentSource::NextLine() {
  for (;;) {
    SourceItem item;
    bool any = false;
    for (;;) {
      if (at_ == buffer_.size() && !Fill()) break;
      any = true;
      const char* begin = buffer_.data() + at_;
      const void* newline = std::memchr(begin, '\n', buffer_.size() - at_);
      const size_t n =
          newline != nullptr ? static_cast<const char*>(newline) - begin : buffer_.size() - at_;
      item.text.append(begin, n);
      at_ += n + (newline != nullptr);
      bytes_ += n + (newline != nullptr);
      if (newline != nullptr) break;
      if (item.text.size() > kMaxDocumentBytes) return TooLong(number_ + 1, "line");
    }
    if (!any) return std::nullopt;
    ++number_;
    if (item.text.find_first_not_of(" \t\r") == item.text.npos) continue;
    item.number = number_;
    return item;
  }
}

StatusOr<std::optional<SourceItem>> DocumentSource::NextElement() {
  int c = Get();
  while (IsSpace(c)) c = Get();
  if (c == ']') {
    for (c = Get(); IsSpace(c);) c = Get();
    if (c != -1)
      return InvalidArgument(
          Concat("text behind the end of the array, at byte ", std::to_string(bytes_ - 1)));
    return std::nullopt;
  }
  if (number_ > 0) {
    if (c != ',') {
      return InvalidArgument(Concat("expected \",\" or \"]\" behind element ",
                                    std::to_string(number_), ", at byte ",
                                    std::to_string(bytes_ - 1)));
    }
    for (c = Get(); IsSpace(c);) c = Get();
  }
  SourceItem item;
  item.number = ++number_;
  int depth = 0;
  bool in_string = false;
  for (;; c = Get()) {
    if (c == -1)
      return InvalidArgument(Concat("the array ends within element ", std::to_string(number_)));
    item.text.push_back(static_cast<char>(c));
    if (item.text.size() > kMaxDocumentBytes) return TooLong(number_, "element");
    if (in_string) {
      if (c == '\\') {
        c = Get();
        if (c != -1) item.text.push_back(static_cast<char>(c));
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    }
    if (depth > 0 || in_string) continue;
    // A whole element, unless it is a bare word or number, which the next delimiter ends.
    if (depth < 0)
      return InvalidArgument(Concat("element ", std::to_string(number_), " is missing"));
    if (c == '}' || c == ']' || c == '"') return item;
    const int next = at_ < buffer_.size() || Fill() ? static_cast<unsigned char>(buffer_[at_]) : -1;
    if (next == ',' || next == ']' || next == -1 || IsSpace(next)) return item;
  }
}

}  // namespace strata::tools
