#include "wrappers/replicate/group_state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/document.h"
#include "core/file_error.h"
#include "core/file_io.h"

namespace strata::replicate {
namespace {

std::string NameOf(const std::string& path) { return Concat("the group's state ", path); }

Status Failed(std::string_view doing, const std::string& path) {
  return FileError(Concat("cannot ", doing, " ", NameOf(path)), errno);
}

// The folder of the state file, made when it is not there and opened; -1 when it cannot be.
struct Folder {
  explicit Folder(const std::string& path) {
    const auto folder = std::filesystem::path(path).parent_path();
    std::error_code ignored;
    if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
    fd = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  Folder(const Folder&) = delete;
  ~Folder() {
    if (fd >= 0) close(fd);
  }
  int fd = -1;
};

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
    return DataLoss(Concat(NameOf(path),
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
  return ReplaceFile(path, text, NameOf(path));
}

StatusOr<GroupState> StateFile::Open() {
  MutexLock lock(mutex_);
  if (path_.empty()) return own_;
  stamp_ = Look();  // first, so that what is written meanwhile is read again
  ASSIGN_OR_RETURN(own_, LoadState(path_));
  return own_;
}

Status StateFile::Check() {
  if (path_.empty()) return OkStatus();
  MutexLock lock(mutex_);
  return CheckLocked();
}

Status StateFile::CheckLocked() {
  if (!fenced_) {
    const Stamp now = Look();
    if (now == stamp_) return OkStatus();
    ASSIGN_OR_RETURN(const GroupState there, LoadState(path_));
    fenced_ =
        there.epoch > own_.epoch || (there.epoch == own_.epoch && there.primary != own_.primary);
    stamp_ = now;
  }
  if (!fenced_) return OkStatus();
  return FailedPrecondition(
      "another process has promoted another store of the group; open the pipeline again");
}

Status StateFile::Advance(GroupState* next) {
  const Folder folder(path_);
  if (folder.fd < 0 || flock(folder.fd, LOCK_EX) != 0) return Failed("lock", path_);
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(CheckLocked());
  next->epoch = own_.epoch + 1;  // the file's is not above own_'s, else this process were fenced
  RETURN_IF_ERROR(SaveState(path_, *next));
  own_ = *next;
  stamp_ = Look();
  return OkStatus();
}

StateFile::Stamp StateFile::Look() const {
  struct stat s = {};
  if (stat(path_.c_str(), &s) != 0) return {};
  return {static_cast<int64_t>(s.st_ino), s.st_mtim.tv_sec, s.st_mtim.tv_nsec, s.st_size};
}

}  // namespace strata::replicate
