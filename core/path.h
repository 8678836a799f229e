// Path: the steps from a document to a value inside it, with what a lookup needs worked out once.
//
// A step names a member of an object; a step that is a number in decimal also steps into an array.
#ifndef STRATA_CORE_PATH_H_
#define STRATA_CORE_PATH_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/document.h"

namespace strata {

class Path {
 public:
  Path() = default;  // the value itself
  explicit Path(std::vector<std::string> steps);
  static Path Of(std::string_view name) { return Path({std::string(name)}); }

  bool empty() const { return steps_.empty(); }
  size_t size() const { return steps_.size(); }
  const std::string& name(size_t i) const { return steps_[i].key.name(); }
  std::vector<std::string> names() const;

  // The value there; missing when a step leads nowhere.
  Value Get(Value from) const {
    for (const Step& s : steps_) {
      Value next = from.Find(s.key);
      if (!next.exists() && s.index >= 0) [[unlikely]] {
        if (from.is_array() && s.index < from.size())
          next = from.At(static_cast<uint32_t>(s.index));
      }
      if (!next.exists()) return {};
      from = next;
    }
    return from;
  }

  // "a/b": for people.
  std::string ToString() const;
  // Whether every step of this is the beginning of `other`.
  bool IsPrefixOf(const Path& other) const;
  friend bool operator==(const Path& a, const Path& b) { return a.names() == b.names(); }

 private:
  struct Step {
    MemberKey key;
    int64_t index;  // -1: not a number
  };
  std::vector<Step> steps_;
};

// RFC 6901: "/a/b" to its steps. InvalidArgument for a pointer that does not begin with "/" or
// holds a bad "~".
StatusOr<std::vector<std::string>> ParseJsonPointer(std::string_view pointer);
// Appends "/step" with "~" and "/" escaped.
void AppendJsonPointer(std::string* pointer, std::string_view step);
inline std::string JsonPointerBelow(std::string pointer, std::string_view step) {
  AppendJsonPointer(&pointer, step);
  return pointer;
}
// An array index as RFC 6901 writes it ("0", "17", never "01"), or -1.
int64_t ParseArrayIndex(std::string_view step);

}  // namespace strata

#endif  // STRATA_CORE_PATH_H_
