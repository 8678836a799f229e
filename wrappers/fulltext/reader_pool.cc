#include "wrappers/fulltext/reader_pool.h"

#include <optional>

#include "wrappers/fulltext/xapian_errors.h"

namespace strata::fulltext {
namespace {

constexpr size_t kMaxIdle = 16;

}  // namespace

Reader::~Reader() {
  if (pool_ != nullptr) pool_->GiveBack(generation_, std::move(database_));
}

RevisionGate::Pass Reader::Enter(bool* moved) {
  if (generation_ == nullptr) return {};
  RevisionGate::Pass pass = generation_->gate.Enter(database_.get_revision());
  if (database_.get_revision() < pass.revision()) {
    database_.reopen();
    *moved = true;
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
    if (!database) {
      database = Xapian::Database(generation->path);
    } else if (database->get_revision() < pass.revision()) {
      database->reopen();
    }
    return OkStatus();
  });
  if (opened.code() == StatusCode::kDataLoss) generation->damaged = true;
  RETURN_IF_ERROR(opened);
  return Reader(shared_from_this(), std::move(generation), *std::move(database));
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
