// Readers of the database on disk that are kept open. Internal to this folder.
#ifndef STRATA_WRAPPERS_FULLTEXT_READER_POOL_H_
#define STRATA_WRAPPERS_FULLTEXT_READER_POOL_H_

#include <xapian.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"
#include "core/sync.h"
#include "wrappers/fulltext/revision_gate.h"

namespace strata::fulltext {

// One database, as its writer and its readers share it.
struct Generation {
  explicit Generation(std::string p) : path(std::move(p)) {}
  const std::string path;
  std::atomic<bool> damaged{false};  // a reader met damage
  RevisionGate gate;
};

class ReaderPool;

// An open database, lent to one thread. Xapian counts the owners of its objects without a lock, so
// nothing of it may stay with the borrower when it goes back.
class Reader {
 public:
  // One that nobody else has, in memory: it never moves on.
  explicit Reader(Xapian::Database database) : database_(std::move(database)) {}
  Reader(std::shared_ptr<ReaderPool> pool, std::shared_ptr<Generation> generation,
         Xapian::Database database)
      : pool_(std::move(pool)),
        generation_(std::move(generation)),
        database_(std::move(database)) {}
  Reader(Reader&&) = default;
  Reader& operator=(Reader&&) = delete;
  ~Reader();

  const Xapian::Database& database() const { return database_; }
  Generation* generation() const { return generation_.get(); }  // null: in memory
  // Runs what reads the database: over the newest revision when the own one may no longer be read.
  // Errors: as those of Guarded; Aborted when it had to move on and the index was made anew.
  Status Read(std::string_view doing, const std::function<Status()>& action);
  // Whether it moved on since it was lent.
  bool moved() const { return moved_; }

 private:
  RevisionGate::Pass Enter();

  std::shared_ptr<ReaderPool> pool_;
  std::shared_ptr<Generation> generation_;
  Xapian::Database database_;
  bool moved_ = false;
  bool spoiled_ =
      false;  // reading failed: it is opened again before it is read again, and not kept
};

class ReaderPool : public std::enable_shared_from_this<ReaderPool> {
 public:
  explicit ReaderPool(const std::string& path) : generation_(std::make_shared<Generation>(path)) {}

  std::shared_ptr<Generation> generation() const {
    MutexLock lock(mutex_);
    return generation_;
  }
  // One at the newest revision. Aborted when the index was made anew meanwhile.
  StatusOr<Reader> Take();
  // Throws Xapian's errors, and Stopped: Aborted when the index was made anew meanwhile.
  Xapian::Database Open(const Generation& generation) const;
  void GiveBack(const std::shared_ptr<Generation>& generation, Xapian::Database database);
  // From now on readers are of the database in `path`. To be called before the other is removed.
  void MoveTo(std::string path);

 private:
  mutable Mutex mutex_;
  std::shared_ptr<Generation> generation_ STRATA_GUARDED_BY(mutex_);
  std::vector<Xapian::Database> idle_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_READER_POOL_H_
