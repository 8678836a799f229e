#include "core/path.h"

namespace strata {

Path::Path(std::vector<std::string> steps) {
  steps_.reserve(steps.size());
  for (std::string& s : steps) {
    const int64_t index = ParseArrayIndex(s);
    steps_.push_back({MemberKey(std::move(s)), index});
  }
}

std::vector<std::string> Path::names() const {
  std::vector<std::string> out;
  out.reserve(steps_.size());
  for (const Step& s : steps_) out.push_back(s.key.name());
  return out;
}

std::string Path::ToString() const {
  std::string out;
  for (const Step& s : steps_) {
    if (!out.empty()) out += '/';
    out += s.key.name();
  }
  return out;
}

bool Path::IsPrefixOf(const Path& other) const {
  if (size() > other.size()) return false;
  for (size_t i = 0; i < size(); ++i) {
    if (name(i) != other.name(i)) return false;
  }
  return true;
}

int64_t ParseArrayIndex(std::string_view step) {
  if (step.empty() || step.size() > 9 || (step.size() > 1 && step[0] == '0')) return -1;
  int64_t v = 0;
  for (char c : step) {
    if (c < '0' || c > '9') return -1;
    v = v * 10 + (c - '0');
  }
  return v;
}

StatusOr<std::vector<std::string>> ParseJsonPointer(std::string_view pointer) {
  std::vector<std::string> steps;
  if (pointer.empty()) return steps;
  if (pointer[0] != '/') {
    return InvalidArgument(Concat("a JSON pointer begins with \"/\", found \"", pointer, "\""));
  }
  std::string step;
  for (size_t i = 1; i <= pointer.size(); ++i) {
    if (i == pointer.size() || pointer[i] == '/') {
      steps.push_back(std::move(step));
      step.clear();
    } else if (pointer[i] == '~') {
      const char next = i + 1 < pointer.size() ? pointer[i + 1] : '\0';
      if (next != '0' && next != '1') {
        return InvalidArgument(
            Concat("\"~\" in the JSON pointer \"", pointer, "\" wants 0 or 1 behind it"));
      }
      step.push_back(next == '0' ? '~' : '/');
      ++i;
    } else {
      step.push_back(pointer[i]);
    }
  }
  return steps;
}

void AppendJsonPointer(std::string* pointer, std::string_view step) {
  pointer->push_back('/');
  for (char c : step) {
    if (c == '~') {
      *pointer += "~0";
    } else if (c == '/') {
      *pointer += "~1";
    } else {
      pointer->push_back(c);
    }
  }
}

}  // namespace strata
