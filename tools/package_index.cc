#include "tools/package_index.h"

#include <cerrno>
#include <cstdlib>

#include "core/json_text.h"

namespace strata::tools {
namespace {

std::string Trim(std::string_view s) {
  const size_t begin = std::min(s.find_first_not_of(" \t\r\n"), s.size());
  const size_t end = s.find_last_not_of(" \t\r\n");
  return begin == s.size() ? "" : std::string(s.substr(begin, end - begin + 1));
}

// "a (>= 1), b | c" as ["a","b","c"]; "x::y, z" as ["x::y","z"].
std::string ListJson(std::string_view text) {
  std::string out = "[";
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(",|", at), text.size());
    std::string_view item = text.substr(at, end - at);
    at = end + 1;
    std::string name = Trim(item.substr(0, item.find('(')));
    if (name.empty()) continue;
    if (out.size() > 1) out += ',';
    AppendJsonString(&out, ToValidUtf8(name));
  }
  return out + "]";
}

}  // namespace

std::string PackageJson(const std::map<std::string, std::string>& fields) {
  const auto field = [&](const char* name) -> std::string {
    const auto it = fields.find(name);
    return it == fields.end() ? "" : Trim(it->second);
  };
  std::string out = "{";
  const auto text = [&](const char* name, std::string_view value) {
    if (value.empty()) return;
    if (out.size() > 1) out += ',';
    out += JsonString(name) + ":" + JsonString(ToValidUtf8(value));
  };
  const auto number = [&](const char* name, const std::string& value) {
    if (value.empty() || value.find_first_not_of("0123456789") != value.npos || value.size() > 18)
      return;
    out += "," + JsonString(name) + ":" + std::to_string(std::strtoll(value.c_str(), nullptr, 10));
  };
  const auto list = [&](const char* name, const std::string& value) {
    if (!value.empty()) out += "," + JsonString(name) + ":" + ListJson(value);
  };
  const std::string description =
      field("Description").empty() ? field("Description-en") : field("Description");
  const size_t first_line = std::min(description.find('\n'), description.size());
  text("id", field("Package"));
  text("name", field("Package"));
  text("version", field("Version"));
  text("section", field("Section"));
  text("priority", field("Priority"));
  text("architecture", field("Architecture"));
  text("maintainer", field("Maintainer"));
  text("homepage", field("Homepage"));
  number("size", field("Size"));
  number("installed_size", field("Installed-Size"));
  list("depends", field("Depends"));
  list("tags", field("Tag"));
  text("summary", description.substr(0, first_line));
  text("description", Trim(description.substr(first_line)));
  return out + "}";
}

PackageIndex::~PackageIndex() {
  if (pipe_ != nullptr) pclose(pipe_);
}

bool PackageIndex::Open() {
  pipe_ = popen("apt-cache dumpavail 2>/dev/null", "r");
  return pipe_ != nullptr;
}

bool PackageIndex::ReadLine(std::string* line) {
  line->clear();
  for (int c = 0; c != '\n';) {
    c = getc_unlocked(pipe_);
    if (c != EOF) {
      line->push_back(static_cast<char>(c));
    } else if (std::ferror(pipe_) != 0 && errno == EINTR) {
      std::clearerr(pipe_);  // a signal is not the end
    } else {
      break;
    }
  }
  bytes_ += line->size();
  if (line->empty()) return false;
  if (line->back() == '\n') line->pop_back();
  return true;
}

StatusOr<std::optional<SourceItem>> PackageIndex::Next() {
  std::map<std::string, std::string> fields;
  std::string* last = nullptr;
  std::string line;
  while (ReadLine(&line)) {
    if (line.empty()) {
      if (!fields.empty()) break;
    } else if (line[0] == ' ' || line[0] == '\t') {
      if (last != nullptr) *last += "\n" + (line == " ." ? "" : line.substr(1));
    } else if (const size_t colon = line.find(':'); colon != line.npos) {
      last = &fields[line.substr(0, colon)];
      *last = line.substr(colon + 1);
    }
  }
  if (fields.empty() || !fields.contains("Package")) return std::nullopt;
  return SourceItem{++number_, PackageJson(fields)};
}

}  // namespace strata::tools
