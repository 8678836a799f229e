// What a commit to several stores is about to do, on disk, so that one that a crash cuts is
// finished when the stores are opened again.
#ifndef STRATA_WRAPPERS_AGGREGATE_REDO_JOURNAL_H_
#define STRATA_WRAPPERS_AGGREGATE_REDO_JOURNAL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/document.h"
#include "core/status.h"

namespace strata::aggregate {

struct RedoOp {
  size_t part = 0;
  std::string id;
  uint64_t was = 0;  // the revision before; 0: nothing was there
  Document after;    // nothing: a deletion
};
using Redo = std::vector<RedoOp>;

// One commit at a time. Belongs to one thread at a time.
class RedoJournal {
 public:
  // Opens the file, made when it is not there, and keeps other processes out.
  // Errors: FailedPrecondition when another process has it, DataLoss when it is no journal.
  static StatusOr<std::unique_ptr<RedoJournal>> Open(const std::string& path);
  ~RedoJournal();
  RedoJournal(const RedoJournal&) = delete;
  RedoJournal& operator=(const RedoJournal&) = delete;

  // The commit that was noted whole and not cleared; nothing is found of one that was cut while it
  // was noted, for nothing of it has been done.
  StatusOr<std::optional<Redo>> Pending() const;
  // On disk when it returns.
  Status Note(const Redo& redo);
  // That a process ends afterwards changes nothing; a machine may forget it, and doing a commit
  // again is harmless.
  Status Clear();

 private:
  RedoJournal(std::string path, int file) : path_(std::move(path)), file_(file) {}
  Status Write(const Redo& redo);

  const std::string path_;
  const int file_;
};

}  // namespace strata::aggregate

#endif  // STRATA_WRAPPERS_AGGREGATE_REDO_JOURNAL_H_
