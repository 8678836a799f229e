#include "wrappers/aggregate/redo_journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <charconv>
#include <filesystem>

#include "core/file_error.h"
#include "core/file_io.h"
#include "core/json_text.h"

namespace strata::aggregate {
namespace {

constexpr std::string_view kMagic = "strata redo 1 ";

std::string NameOf(const std::string& path) { return Concat("the journal ", path); }

Status FromErrno(std::string_view doing, const std::string& path) {
  return FileError(Concat("cannot ", doing, " ", NameOf(path)), errno);
}

// "strata redo 1 HASH LENGTH\n", and the operations as JSON.
std::string Encode(const Redo& redo) {
  std::string body = "[";
  for (const RedoOp& op : redo) {
    if (body.size() > 1) body += ',';
    body += Concat("{\"part\":", std::to_string(op.part), ",\"id\":", JsonString(op.id),
                   ",\"was\":", std::to_string(op.was));
    if (op.after) body += Concat(",\"after\":", op.after.text());
    body += '}';
  }
  body += ']';
  return Concat(kMagic, std::to_string(XXH3_64bits(body.data(), body.size())), " ",
                std::to_string(body.size()), "\n", body);
}

}  // namespace

StatusOr<std::unique_ptr<RedoJournal>> RedoJournal::Open(const std::string& path) {
  std::error_code ignored;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return FromErrno("open", path);
  std::unique_ptr<RedoJournal> journal(new RedoJournal(path, file));
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    return FailedPrecondition(Concat(NameOf(path), " is open in another process"));
  }
  SyncFolderOf(path);
  return journal;
}

RedoJournal::~RedoJournal() { close(file_); }

StatusOr<std::optional<Redo>> RedoJournal::Pending() const {
  struct stat info;
  if (fstat(file_, &info) != 0) return FromErrno("read", path_);
  std::string text;
  RETURN_IF_ERROR(ReadAllAt(file_, 0, static_cast<size_t>(info.st_size), NameOf(path_), &text));
  if (text.empty()) return std::optional<Redo>();
  const size_t head = std::min(text.size(), kMagic.size());
  if (text.compare(0, head, kMagic, 0, head) != 0) {
    return DataLoss(
        Concat(path_, " is no journal of an aggregate; move it away if it is not needed"));
  }
  const size_t line = text.find('\n');
  if (line == text.npos) return std::optional<Redo>();
  uint64_t hash = 0, length = 0;
  const char* const end = text.data() + line;
  auto r = std::from_chars(text.data() + kMagic.size(), end, hash);
  if (r.ec == std::errc() && r.ptr != end) r = std::from_chars(r.ptr + 1, end, length);
  const std::string_view rest = std::string_view(text).substr(line + 1);
  if (r.ec != std::errc() || rest.size() < length) return std::optional<Redo>();
  const std::string_view body = rest.substr(0, length);
  if (XXH3_64bits(body.data(), body.size()) != hash) return std::optional<Redo>();
  ASSIGN_OR_RETURN(const Document list, Document::Parse(body));
  Redo redo;
  for (uint32_t i = 0; i < list.root().size(); ++i) {
    const Value v = list.root().At(i);
    RedoOp op;
    op.part = static_cast<size_t>(v.Find("part").number().int_value());
    op.id = v.Find("id").String();
    const std::string_view was = v.Find("was").text();
    std::from_chars(was.data(), was.data() + was.size(), op.was);
    if (const Value after = v.Find("after"); after.exists())
      op.after = Document::FromTrusted(std::string(after.text()));
    redo.push_back(std::move(op));
  }
  return std::optional<Redo>(std::move(redo));
}

Status RedoJournal::Note(const Redo& redo) {
  const Status s = Write(redo);
  // The commit is refused, so what reached the file must not be finished after a restart.
  if (!s.ok()) (void)Clear();
  return s;
}

Status RedoJournal::Write(const Redo& redo) {
  RETURN_IF_ERROR(WriteAllAt(file_, 0, Encode(redo), NameOf(path_)));
  if (fdatasync(file_) != 0) return FromErrno("write", path_);
  return OkStatus();
}

Status RedoJournal::Clear() {
  if (ftruncate(file_, 0) != 0) return FromErrno("clear", path_);
  return OkStatus();
}

}  // namespace strata::aggregate
