#include "wrappers/replicate/group_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/document.h"
#include "core/file_error.h"
#include "core/json_text.h"

namespace strata::replicate {
namespace {

Status Failed(std::string_view doing, const std::string& path) {
  return FileError(Concat("cannot ", doing, " the group's state ", path), errno);
}

}  // namespace

StatusOr<GroupState> LoadState(const std::string& path) {
  GroupState state;
  std::ifstream in(path);
  if (!in) {
    if (std::filesystem::exists(path)) return Failed("read", path);
    return state;
  }
  std::ostringstream text;
  text << in.rdbuf();
  const StatusOr<Document> d = Document::Parse(text.str());
  const auto number = [&](const char* name) -> std::optional<uint64_t> {
    const Value v = d->Find(name);
    if (!v.is_number() || !v.number().is_int() || v.number().int_value() < 0) return std::nullopt;
    return static_cast<uint64_t>(v.number().int_value());
  };
  const auto epoch = d.ok() ? number("epoch") : std::nullopt;
  const auto primary = d.ok() ? number("primary") : std::nullopt;
  const auto began = d.ok() ? number("began") : std::nullopt;
  if (!epoch || !primary || !began) {
    return DataLoss(Concat("the group's state ", path,
                           " is damaged; it says which store is the primary, so mend it by hand: "
                           "{\"epoch\":N,\"primary\":PLACE,\"began\":0}"));
  }
  state.epoch = *epoch;
  state.primary = static_cast<size_t>(*primary);
  state.began = *began;
  return state;
}

Status SaveState(const std::string& path, const GroupState& state) {
  const std::string text = Concat("{\"epoch\":", std::to_string(state.epoch),
                                  ",\"primary\":", std::to_string(state.primary),
                                  ",\"began\":", std::to_string(state.began), "}\n");
  std::error_code ignored;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  const std::string beside = path + ".new";
  const int file = open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return Failed("write", beside);
  const ssize_t n = write(file, text.data(), text.size());
  if (n >= 0 && n < static_cast<ssize_t>(text.size())) errno = ENOSPC;  // there was room for a part
  const bool written = n == static_cast<ssize_t>(text.size()) && fsync(file) == 0;
  const Status s = written ? OkStatus() : Failed("write", beside);
  close(file);
  if (!s.ok()) unlink(beside.c_str());
  RETURN_IF_ERROR(s);
  if (rename(beside.c_str(), path.c_str()) != 0) return Failed("replace", path);
  const int dir = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir >= 0) {
    fsync(dir);  // the new name; some file systems refuse this for folders
    close(dir);
  }
  return OkStatus();
}

}  // namespace strata::replicate
