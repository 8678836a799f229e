#include "base_stores/rocksdb/errors.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string>

#include "core/json_text.h"

namespace strata::rocksdb_store {
namespace {

constexpr std::string_view kNoFile = "No such file or directory";
constexpr std::errc kRefusals[] = {std::errc::permission_denied, std::errc::operation_not_permitted,
                                   std::errc::read_only_file_system};

// RocksDB gives the system's own text for an error, and no code.
bool SpeaksOfRefusal(std::string_view words) {
  return std::any_of(std::begin(kRefusals), std::end(kRefusals), [&](std::errc e) {
    return words.find(Concat(": ", std::make_error_code(e).message())) != words.npos;
  });
}

// The name of the first file of the directory that RocksDB names; "" when it names none. Where it
// names a table and the manifest, the table comes first.
std::string NamedFile(std::string_view words, std::string_view directory) {
  const std::string prefix = Concat(directory, "/");
  const size_t at = words.find(prefix);
  if (directory.empty() || at == words.npos) return "";
  std::string_view name = words.substr(at + prefix.size());
  const auto end = std::find_if_not(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_';
  });
  name = name.substr(0, static_cast<size_t>(end - name.begin()));
  // What it calls a table last that is not there.
  if (name.ends_with(".ldb")) return Concat(name.substr(0, name.size() - 4), ".sst");
  return std::string(name);
}

// "the file /data/000012.sst is damaged"
std::string WhatIsWrong(std::string_view words, std::string_view directory) {
  const auto speak_of = [&](std::string_view text) { return words.find(text) != words.npos; };
  std::string name = NamedFile(words, directory);
  if (name.empty() && speak_of("CURRENT")) name = "CURRENT";
  const char* const how = speak_of(kNoFile) ? " is missing" : " is damaged";
  if (!name.empty()) return Concat("the file ", directory, "/", name, how);
  // Of all files whose checksums do not hold, it does not name the logs.
  const bool log = words.ends_with(": checksum mismatch");
  return Concat(log ? "a write-ahead log (*.log)" : "a file", " of the directory ", directory, how);
}

}  // namespace

Status DamagedIndex(std::string_view name) {
  return DataLoss(Concat("the index ", JsonString(name),
                         " is damaged; open the store once without it and then with it again, and "
                         "it is built anew"));
}

Status Translate(const rocksdb::Status& s, std::string_view doing, std::string_view directory) {
  if (s.ok()) return OkStatus();
  const std::string words = s.ToString();
  const std::string message = Concat(doing, ": ", words);
  if (s.IsNoSpace() || s.subcode() == rocksdb::Status::kNoSpace) {
    return ResourceExhausted(Concat(message, " (no room on the disk; free some and write again)"));
  }
  if (SpeaksOfRefusal(words)) return Refused(directory, message);
  const bool gone = words.find(kNoFile) != words.npos && !NamedFile(words, directory).empty();
  if ((s.IsCorruption() || gone) && !directory.empty()) {
    return DataLoss(Concat(WhatIsWrong(words, directory), "; ", kRestore, ". While ", doing,
                           ", RocksDB said: ", words));
  }
  if (s.IsCorruption()) return DataLoss(message);
  if (s.IsBusy() || s.IsTryAgain()) return Aborted(message);
  if (s.IsTimedOut()) return Status(StatusCode::kDeadlineExceeded, A(message));
  if (s.IsNotSupported()) return Unimplemented(message);
  if (s.IsIOError()) return Unavailable(message);
  return Internal(message);
}

bool IsRefusal(const std::error_code& error) {
  return std::any_of(std::begin(kRefusals), std::end(kRefusals),
                     [&](std::errc e) { return error == e; });
}

Status Refused(std::string_view directory, std::string_view detail) {
  return PermissionDenied(Concat(
      "the directory ", directory, " may not be used: the user of this process (uid ",
      std::to_string(geteuid()),
      ") needs to read and write it and all that is in it; change its owner, mode or mount, or "
      "name another \"path\" (",
      detail, ")"));
}

}  // namespace strata::rocksdb_store
