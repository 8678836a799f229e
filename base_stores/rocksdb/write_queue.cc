#include "base_stores/rocksdb/write_queue.h"

#include <algorithm>
#include <string>
#include <utility>

namespace strata::rocksdb_store {
namespace {

constexpr size_t kGroupOps = 4096;  // operations that one group commit takes at most

}  // namespace

WriteQueue::WriteQueue(std::shared_ptr<Database> database, std::shared_ptr<ChangeSignal> signal,
                       Indexes& indexes, uint64_t log_entries)
    : database_(std::move(database)),
      signal_(std::move(signal)),
      indexes_(indexes),
      log_entries_(log_entries) {}

StatusOr<WriteResult> WriteQueue::Write(const WriteBatch& batch, bool sync) {
  Writer w;
  w.batch = &batch;
  w.sync = sync;
  Enqueue(&w);
  RETURN_IF_ERROR(w.status);
  return std::move(w.result);
}

Status WriteQueue::Hold(const void* owner, std::span<const FinalWrite> writes,
                        const RocksdbSnapshot& snapshot) {
  Writer w;
  w.writes = writes;
  w.owner = owner;
  w.snapshot = &snapshot;
  w.hold_only = true;
  Enqueue(&w);
  return w.status;
}

void WriteQueue::Release(const void* owner) {
  indexes_.Release(owner);
  held_.Release(owner);
}

StatusOr<WriteResult> WriteQueue::Commit(const void* owner, std::span<const FinalWrite> writes,
                                         const RocksdbSnapshot& snapshot, std::string_view origin,
                                         uint64_t min_revision, bool sync) {
  Writer w;
  w.writes = writes;
  w.owner = owner;
  w.snapshot = &snapshot;
  w.origin = origin;
  w.min_revision = min_revision;
  w.sync = sync;
  Enqueue(&w);
  RETURN_IF_ERROR(w.status);
  return std::move(w.result);
}

Status WriteQueue::InTurn(std::function<Status()> f) {
  Writer w;
  w.task = std::move(f);
  Enqueue(&w);
  return w.status;
}

void WriteQueue::Enqueue(Writer* w) {
  std::vector<Writer*> group;
  {
    MutexLock lock(queue_mutex_);
    queue_.push_back(w);
    while (!w->done && queue_.front() != w) queue_changed_.Wait(queue_mutex_);
    if (w->done) return;
    size_t ops = 0;
    for (Writer* next : queue_) {
      if (!group.empty() && (ops + next->ops() > kGroupOps || next->task || group[0]->task)) break;
      ops += next->ops();
      group.push_back(next);
    }
  }
  if (w->task) {
    w->status = w->task();
  } else {
    CommitGroup(group);
  }
  {
    MutexLock lock(queue_mutex_);
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(group.size()));
    for (Writer* g : group) g->done = true;
  }
  queue_changed_.NotifyAll();
}

void WriteQueue::CommitGroup(const std::vector<Writer*>& writers) {
  WriteGroup group(*database_, indexes_, ids_, held_, writers);
  bool sync = false;
  for (Writer* w : writers) {
    group.Add(w);
    sync = sync || (w->sync && w->status.ok());
  }
  const uint64_t last = group.last();
  if (last == database_->last()) {
    // An empty batch may still ask that everything before it be on disk.
    const Status synced = sync ? database_->Sync() : OkStatus();
    for (Writer* w : writers) {
      if (w->sync && w->status.ok()) w->status = synced;
    }
    return;
  }
  const uint64_t floor = FloorFor(last, group.left_out());
  if (floor > database_->floor()) {  // on disk before anything below it may be dropped
    sync = true;
    (void)group.batch().Put(database_->meta(), ToSlice(Database::kFloorKey), std::to_string(floor));
  }
  const Status written = database_->Write(&group.batch(), sync);
  if (!written.ok()) {
    for (Writer* w : writers) {
      // A hold needs nothing on disk and stands.
      if (w->status.ok() && !w->hold_only) w->status = written;
    }
    return;
  }
  indexes_.Committed(group.indexes());
  database_->set_last(last);
  database_->set_floor(floor);
  { MutexLock lock(signal_->mutex); }  // whoever is about to wait has seen the old end
  signal_->changed.NotifyAll();
}

uint64_t WriteQueue::FloorFor(uint64_t last, uint64_t left_out) {
  // Numbers that were left out hold no changes, so they do not count.
  if (left_out > log_entries_ / 16) {
    left_out_ += left_out;
    resumed_at_ = last;
  }
  uint64_t wanted = last - std::min(last, log_entries_ + left_out_) + 1;
  if (left_out_ > 0 && wanted + left_out_ >= resumed_at_) {
    left_out_ = 0;
    wanted = last - std::min(last, log_entries_) + 1;
  }
  const uint64_t floor = database_->floor();
  return wanted > floor + log_entries_ / 16 ? wanted : floor;
}

}  // namespace strata::rocksdb_store
