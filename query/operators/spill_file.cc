#include "query/operators/spill_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "core/file_error.h"
#include "core/file_io.h"

namespace strata {
namespace {

constexpr size_t kBuffer = 256 << 10;

std::string NameIn(const std::string& folder) { return Concat("a temporary file in ", folder); }

// Adds what to do when there is no room.
Status WithAdvice(const Status& s) {
  if (s.code() != StatusCode::kResourceExhausted) return s;
  return WithMessage(s, Concat(Message(s),
                               "; free some room, set TMPDIR to another folder, or "
                               "raise memory_budget"));
}

}  // namespace

StatusOr<std::unique_ptr<SpillFile>> SpillFile::Create(const std::string& folder) {
  std::string in = folder;
  if (in.empty()) {
    const char* const set = std::getenv("TMPDIR");
    in = set != nullptr && *set != '\0' ? set : "/tmp";
  }
  int fd = ::open(in.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    // A file system that knows no files without a name.
    std::string name = in + "/strata-spill-XXXXXX";
    fd = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd >= 0) ::unlink(name.c_str());
  }
  if (fd < 0) return WithAdvice(FileError(Concat("cannot make ", NameIn(in)), errno));
  return std::unique_ptr<SpillFile>(new SpillFile(fd, in));
}

SpillFile::~SpillFile() { ::close(fd_); }

Status SpillFile::Append(std::string_view bytes) {
  buffer_.append(bytes);
  return buffer_.size() >= kBuffer ? Flush() : OkStatus();
}

Status SpillFile::Flush() {
  if (const Status s = WriteAllAt(fd_, written_, buffer_, NameIn(folder_)); !s.ok())
    return WithAdvice(s);
  written_ += buffer_.size();
  buffer_.clear();
  return OkStatus();
}

Status SpillFile::Read(uint64_t offset, size_t size, std::string* out) const {
  return WithAdvice(ReadAllAt(fd_, offset, size, NameIn(folder_), out));
}

}  // namespace strata
