#include "query/operators/spill_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "core/file_error.h"

namespace strata {
namespace {

constexpr size_t kBuffer = 256 << 10;

Status Failed(std::string_view doing, const std::string& folder, int error) {
  const Status s = FileError(Concat(doing, " a temporary file in ", folder), error);
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
  if (fd < 0) return Failed("cannot make", in, errno);
  return std::unique_ptr<SpillFile>(new SpillFile(fd, in));
}

SpillFile::~SpillFile() { ::close(fd_); }

Status SpillFile::Append(std::string_view bytes) {
  buffer_.append(bytes);
  return buffer_.size() >= kBuffer ? Flush() : OkStatus();
}

Status SpillFile::Flush() {
  size_t at = 0;
  while (at < buffer_.size()) {
    const ssize_t n =
        ::pwrite(fd_, buffer_.data() + at, buffer_.size() - at, static_cast<off_t>(written_ + at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Failed("cannot write", folder_, n < 0 ? errno : ENOSPC);
    at += static_cast<size_t>(n);
  }
  written_ += buffer_.size();
  buffer_.clear();
  return OkStatus();
}

Status SpillFile::Read(uint64_t offset, size_t size, std::string* out) const {
  out->resize(size);
  for (size_t at = 0; at < size;) {
    const ssize_t n = ::pread(fd_, out->data() + at, size - at, static_cast<off_t>(offset + at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("cannot read", folder_, errno);
    if (n == 0) return DataLoss("a temporary file ended too soon");
    at += static_cast<size_t>(n);
  }
  return OkStatus();
}

}  // namespace strata
