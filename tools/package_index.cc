#include "tools/package_index.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "core/json_text.h"
#include "tools/app.h"

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
  if (reader_ < 0) return;
  close(pipe_);
  kill(reader_, SIGKILL);  // it only reads, and may not have ended
  while (waitpid(reader_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool PackageIndex::Open() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  char name[] = "apt-cache", command[] = "dumpavail";
  char* const args[] = {name, command, nullptr};
  const int error = posix_spawnp(&reader_, name, &actions, nullptr, args, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    reader_ = -1;
    close(ends[0]);
    return false;
  }
  pipe_ = ends[0];
  lines_.emplace(pipe_);
  return true;
}

StatusOr<std::optional<SourceItem>> PackageIndex::Next() {
  std::map<std::string, std::string> fields;
  std::string* last = nullptr;
  while (auto read = lines_->Read()) {
    ASSIGN_OR_RETURN(const std::string line, *std::move(read));
    bytes_ += line.size() + 1;
    if (line.empty()) {
      if (!fields.empty()) break;
    } else if (line[0] == ' ' || line[0] == '\t') {
      if (last != nullptr) *last += "\n" + (line == " ." ? "" : line.substr(1));
    } else if (const size_t colon = line.find(':'); colon != line.npos) {
      last = &fields[line.substr(0, colon)];
      *last = line.substr(colon + 1);
    }
  }
  if (Interrupted()) return InterruptibleContext().Check();
  if (fields.empty() || !fields.contains("Package")) return std::nullopt;
  return SourceItem{++number_, PackageJson(fields)};
}

}  // namespace strata::tools
