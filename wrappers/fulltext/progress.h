// How far an index has come, in its metadata. Internal to this folder.
#ifndef STRATA_WRAPPERS_FULLTEXT_PROGRESS_H_
#define STRATA_WRAPPERS_FULLTEXT_PROGRESS_H_

#include <xapian.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

namespace strata::fulltext {

struct Progress {
  std::optional<uint64_t> next;         // the first change that is not in it
  std::optional<std::string> built_to;  // the last id of a build that goes on
  bool whole() const { return next && !built_to; }
};

// `next` is nothing when nothing was committed, or it is no number. Throws Xapian's errors.
inline Progress ReadProgress(const Xapian::Database& database) {
  Progress out;
  const std::string next = database.get_metadata("strata.next");
  uint64_t n = 0;
  if (std::from_chars(next.data(), next.data() + next.size(), n).ec == std::errc()) out.next = n;
  const std::string built = database.get_metadata("strata.built_to");
  if (!built.empty()) out.built_to = built.substr(1);
  return out;
}

// Requires: a `next`.
inline void WriteProgress(const Progress& progress, Xapian::WritableDatabase* database) {
  database->set_metadata("strata.next", std::to_string(*progress.next));
  // A build begins at "", which Xapian would take for no value.
  database->set_metadata("strata.built_to", progress.built_to ? "@" + *progress.built_to : "");
}

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_PROGRESS_H_
