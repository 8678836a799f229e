#include "core/json_diagnose.h"

#include <cstdint>
#include <vector>

#include "core/document.h"
#include "core/json_text.h"

namespace strata {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Status Run() {
    const size_t valid = ValidUtf8Prefix(text_);
    if (valid != text_.size()) return Error(valid, "the text is not valid UTF-8");
    Space();
    RETURN_IF_ERROR(ReadValue(0));
    Space();
    if (at_ != text_.size())
      return Error(at_, Concat("expected the end of the text, found ", Found()));
    return OkStatus();
  }

 private:
  Status Error(size_t at, std::string_view what) {
    return InvalidArgument(Concat("at ", DescribeOffset(text_, at), ": ", what));
  }

  std::string Found() {
    if (at_ >= text_.size()) return "the end of the text";
    size_t n = 1;
    while (at_ + n < text_.size() && (text_[at_ + n] & 0xC0) == 0x80) ++n;
    return JsonString(text_.substr(at_, n));
  }

  void Space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Status ReadValue(int depth) {
    const bool container = at_ < text_.size() && (text_[at_] == '{' || text_[at_] == '[');
    if (container && depth == kMaxDepth) {
      return Error(at_, Concat("arrays and objects are nested more than ",
                               std::to_string(kMaxDepth), " deep"));
    }
    if (at_ >= text_.size()) return Error(at_, "expected a value, found the end of the text");
    switch (text_[at_]) {
      case '{':
        return ReadObject(depth + 1);
      case '[':
        return ReadArray(depth + 1);
      case '"':
        return ReadString();
      case 't':
        return ReadWord("true");
      case 'f':
        return ReadWord("false");
      case 'n':
        return ReadWord("null");
      default:
        return ReadNumber();
    }
  }

  Status ReadWord(std::string_view word) {
    if (text_.substr(at_, word.size()) != word)
      return Error(at_, Concat("expected a value, found ", Found()));
    at_ += word.size();
    return OkStatus();
  }

  Status ReadNumber() {
    const size_t start = at_;
    while (at_ < text_.size() &&
           (std::string_view("+-.eE").find(text_[at_]) != std::string_view::npos ||
            (text_[at_] >= '0' && text_[at_] <= '9'))) {
      ++at_;
    }
    if (at_ == start) return Error(start, Concat("expected a value, found ", Found()));
    const std::string_view digits = text_.substr(start, at_ - start);
    if (Number::Parse(digits)) return OkStatus();
    const std::string shown(digits.substr(0, 40));
    return Error(start, Concat("\"", shown, "\" is not a JSON number (or is beyond 1.8e308)"));
  }

  Status ReadString() {
    const size_t start = at_++;
    while (at_ < text_.size()) {
      const unsigned char c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        ++at_;
        return OkStatus();
      }
      if (c < 0x20) return Error(at_, "a control character in a string must be escaped");
      if (c == '\\') {
        RETURN_IF_ERROR(ReadEscape());
      } else {
        ++at_;
      }
    }
    return Error(start, "this string is not closed");
  }

  Status ReadEscape() {
    const size_t start = at_++;
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c != 'u') {
      if (c == '\0' || std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) {
        return Error(start, "unknown escape in a string");
      }
      ++at_;
      return OkStatus();
    }
    ++at_;
    uint32_t unit = 0;
    if (!ReadHex4(&unit)) return Error(start, "\\u wants four hexadecimal digits");
    if (unit >= 0xDC00 && unit < 0xE000)
      return Error(start, "a low surrogate without a high one before it");
    if (unit >= 0xD800 && unit < 0xDC00) {
      uint32_t low = 0;
      if (!Take('\\') || !Take('u') || !ReadHex4(&low) || low < 0xDC00 || low >= 0xE000) {
        return Error(start, "a high surrogate without a low one behind it");
      }
    }
    return OkStatus();
  }

  bool ReadHex4(uint32_t* unit) {
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ >= text_.size()) return false;
      const char c = text_[at_];
      const char lower = static_cast<char>(c | 32);
      if (c >= '0' && c <= '9') {
        *unit = *unit << 4 | static_cast<uint32_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        *unit = *unit << 4 | static_cast<uint32_t>(lower - 'a' + 10);
      } else {
        return false;
      }
    }
    return true;
  }

  Status ReadArray(int depth) {
    ++at_;
    Space();
    if (Take(']')) return OkStatus();
    for (;;) {
      Space();
      RETURN_IF_ERROR(ReadValue(depth));
      Space();
      if (Take(']')) return OkStatus();
      if (!Take(',')) return Error(at_, Concat("expected \",\" or \"]\", found ", Found()));
    }
  }

  Status ReadObject(int depth) {
    ++at_;
    StringSet names;
    Space();
    if (Take('}')) return OkStatus();
    for (;;) {
      Space();
      const size_t start = at_;
      if (at_ >= text_.size() || text_[at_] != '"') {
        return Error(at_, Concat("expected a member's name in quotes, found ", Found()));
      }
      RETURN_IF_ERROR(ReadString());
      std::string name = DecodeJsonString(text_.substr(start, at_ - start));
      if (!names.insert(name).second) {
        return Error(start,
                     Concat("the member ", JsonString(name), " stands here for the second time"));
      }
      Space();
      if (!Take(':')) return Error(at_, Concat("expected \":\", found ", Found()));
      Space();
      RETURN_IF_ERROR(ReadValue(depth));
      Space();
      if (Take('}')) return OkStatus();
      if (!Take(',')) return Error(at_, Concat("expected \",\" or \"}\", found ", Found()));
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::string DescribeOffset(std::string_view text, size_t offset) {
  offset = std::min(offset, text.size());
  size_t line = 1;
  size_t column = 1;
  for (size_t i = 0; i < offset; ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
  }
  return Concat("byte ", std::to_string(offset), " (line ", std::to_string(line), ", column ",
                std::to_string(column), ")");
}

Status DiagnoseJson(std::string_view text) { return Reader(text).Run(); }

}  // namespace strata
