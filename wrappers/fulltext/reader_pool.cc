#include "wrappers/fulltext/reader_pool.h"

#include <optional>

#include "wrappers/fulltext/xapian_errors.h"

namespace strata::fulltext {
namespace {

constexpr size_t kMaxIdle = 16;

}  // namespace

Reader::~Reader() {
  if (pool_ != nullptr && !spoiled_) pool_->GiveBack(generation_, std::move(database_));
}

Status Reader::Read(std::string_view doing, const std::function<Status()>& action) {
  Status s = Guarded(doing, [&] {
    const RevisionGate::Pass pass = Enter();
    return action();
  });
  const bool damage = s.code() == StatusCode::kDataLoss;
  if (damage || s.code() == StatusCode::kUnavailable) spoiled_ = true;
  if (damage && generation_ != nullptr) generation_->damaged = true;
  return s;
}

RevisionGate::Pass Reader::Enter() {
  if (generation_ == nullptr) return {};
  RevisionGate::Pass pass = generation_->gate.Enter(database_.get_revision());
  if (spoiled_ || database_.get_revision() < pass.revision()) {
    // Not reopen(), which leaves one that it could not open half at the new revision.
    database_ = pool_->Open(*generation_);
    moved_ = true;
    spoiled_ = false;
  }
  return pass;
}

StatusOr<Reader> ReaderPool::Take() {
  std::shared_ptr<Generation> generation;
  std::optional<Xapian::Database> database;
  {
    MutexLock lock(mutex_);
    generation = generation_;
    if (!idle_.empty()) {
      database = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  const Status opened = Guarded("opening", [&] {
    const RevisionGate::Pass pass = generation->gate.EnterNewest();
    if (!database || database->get_revision() < pass.revision()) database = Open(*generation);
    return OkStatus();
  });
  if (opened.code() == StatusCode::kDataLoss) generation->damaged = true;
  RETURN_IF_ERROR(opened);
  return Reader(shared_from_this(), std::move(generation), *std::move(database));
}

Xapian::Database ReaderPool::Open(const Generation& generation) const {
  // One that is being removed may be opened in part, or not at all.
  const auto removed = [&] {
    MutexLock lock(mutex_);
    return generation_.get() != &generation;
  };
  try {
    Xapian::Database database(generation.path);
    if (!removed()) return database;
  } catch (const Xapian::Error&) {
    if (!removed()) throw;
  }
  throw Stopped{Aborted("the full-text index was made anew meanwhile")};
}

void ReaderPool::GiveBack(const std::shared_ptr<Generation>& generation,
                          Xapian::Database database) {
  MutexLock lock(mutex_);
  if (generation == generation_ && idle_.size() < kMaxIdle) idle_.push_back(std::move(database));
}

void ReaderPool::MoveTo(std::string path) {
  MutexLock lock(mutex_);
  generation_ = std::make_shared<Generation>(std::move(path));
  idle_.clear();
}

}  // namespace strata::fulltext
