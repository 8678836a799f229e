// Files written and read whole, however many calls the system makes of it.
//
//   RETURN_IF_ERROR(WriteAll(fd, text, Concat("the journal ", path)));
//
// `name` is what errors call the file: "cannot write the journal /x: No space left on device". They
// are FileError's. Calls that a signal interrupts go on.
#ifndef STRATA_CORE_FILE_IO_H_
#define STRATA_CORE_FILE_IO_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/status.h"

namespace strata {

// Writes where the file stands. After an error a part may be written.
Status WriteAll(int fd, std::string_view bytes, std::string_view name);
// Writes at `offset`, and leaves where the file stands.
Status WriteAllAt(int fd, uint64_t offset, std::string_view bytes, std::string_view name);
// Reads `size` bytes from `offset` on. DataLoss when the file ends before that.
Status ReadAllAt(int fd, uint64_t offset, size_t size, std::string_view name, std::string* out);

// Gives the file this content, and makes its folder when there is none. On disk when it returns;
// whoever reads the file, also after a crash, finds it as it was before or as it is now. Writes
// `path`.new first, so only one may do this at a time.
Status ReplaceFile(const std::string& path, std::string_view bytes, std::string_view name);

// Brings the names in the file's folder to the disk, where the file system can do that.
void SyncFolderOf(const std::string& path);

}  // namespace strata

#endif  // STRATA_CORE_FILE_IO_H_
