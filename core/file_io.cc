#include "core/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "core/file_error.h"

namespace strata {
namespace {

// `write(bytes, size, at)` writes some of it and gives how much.
template <typename Write>
Status WriteAllWith(std::string_view bytes, std::string_view name, const Write& write) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t n = write(bytes.data() + at, bytes.size() - at, at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return FileError(Concat("cannot write ", name), n < 0 ? errno : ENOSPC);
    at += static_cast<size_t>(n);
  }
  return OkStatus();
}

Status WriteNew(const std::string& path, std::string_view bytes, std::string_view name) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return FileError(Concat("cannot write ", name), errno);
  Status s = WriteAll(fd, bytes, name);
  if (s.ok() && ::fsync(fd) != 0) s = FileError(Concat("cannot write ", name), errno);
  ::close(fd);
  if (!s.ok()) ::unlink(path.c_str());
  return s;
}

}  // namespace

Status WriteAll(int fd, std::string_view bytes, std::string_view name) {
  return WriteAllWith(
      bytes, name, [fd](const char* from, size_t size, size_t) { return ::write(fd, from, size); });
}

Status WriteAllAt(int fd, uint64_t offset, std::string_view bytes, std::string_view name) {
  return WriteAllWith(bytes, name, [fd, offset](const char* from, size_t size, size_t at) {
    return ::pwrite(fd, from, size, static_cast<off_t>(offset + at));
  });
}

Status ReadAllAt(int fd, uint64_t offset, size_t size, std::string_view name, std::string* out) {
  out->resize(size);
  for (size_t at = 0; at < size;) {
    const ssize_t n = ::pread(fd, out->data() + at, size - at, static_cast<off_t>(offset + at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError(Concat("cannot read ", name), errno);
    if (n == 0) return DataLoss(Concat(name, " ended too soon"));
    at += static_cast<size_t>(n);
  }
  return OkStatus();
}

Status ReplaceFile(const std::string& path, std::string_view bytes, std::string_view name) {
  const auto folder = std::filesystem::path(path).parent_path();
  std::error_code unknown;  // then opening the file says why
  if (!folder.empty()) std::filesystem::create_directories(folder, unknown);
  const std::string beside = path + ".new";
  RETURN_IF_ERROR(WriteNew(beside, bytes, name));
  if (::rename(beside.c_str(), path.c_str()) != 0)
    return FileError(Concat("cannot replace ", name), errno);
  SyncFolderOf(path);
  return OkStatus();
}

void SyncFolderOf(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);  // some file systems refuse this for folders
  ::close(fd);
}

}  // namespace strata
