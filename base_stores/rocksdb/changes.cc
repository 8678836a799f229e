#include "base_stores/rocksdb/changes.h"

#include <algorithm>

#include "base_stores/rocksdb/codec.h"
#include "store/change_log.h"

namespace strata::rocksdb_store {
namespace {

class LogReader final : public Subscription {
 public:
  LogReader(std::shared_ptr<Database> database, std::shared_ptr<ChangeSignal> signal, uint64_t from,
            size_t max)
      : database_(std::move(database)), signal_(std::move(signal)), from_(from), max_(max) {}

  StatusOr<ChangeBatch> Next(const Context& ctx) override {
    RETURN_IF_ERROR(ctx.Check());
    ChangeBatch batch;
    {
      MutexLock lock(signal_->mutex);
      while (from_ > database_->last() && from_ >= database_->floor()) {
        RETURN_IF_ERROR(WaitWithContext(ctx, signal_->mutex, signal_->changed));
      }
    }
    if (from_ < database_->floor()) {
      batch.gap = true;
      from_ = database_->floor();
      batch.resume_from = from_;
      return batch;
    }
    const uint64_t last = database_->last();
    const std::unique_ptr<const rocksdb::Snapshot, SnapshotRelease> snapshot(
        database_->db()->GetSnapshot(), {database_->db()});
    rocksdb::ReadOptions read = IteratorOptions();
    read.snapshot = snapshot.get();
    const std::unique_ptr<rocksdb::Iterator> it(
        database_->db()->NewIterator(read, database_->changes()));
    for (it->Seek(SequenceKey(from_)); it->Valid() && batch.changes.size() < max_; it->Next()) {
      if (rocksdb_store::DecodeSequenceKey(ToView(it->key())) > last) break;
      RETURN_IF_ERROR(DecodeChanges(ToView(it->key()), ToView(it->value()), from_,
                                    max_ - batch.changes.size(), &batch.changes));
    }
    RETURN_IF_ERROR(database_->ToStatus(it->status(), "reading the change log"));
    const Status filled = FillAfter(ctx, read, it.get(), &batch.changes);
    // The floor may have risen while we read, and compaction may have dropped what we came for.
    if (from_ < database_->floor()) return Next(ctx);
    RETURN_IF_ERROR(filled);
    if (!batch.changes.empty()) from_ = batch.changes.back().sequence + 1;
    batch.resume_from = from_;
    return batch;
  }

  uint64_t resume_from() const override { return from_; }

 private:
  struct SnapshotRelease {
    rocksdb::DB* db;
    void operator()(const rocksdb::Snapshot* s) const { db->ReleaseSnapshot(s); }
  };

  // The document after a change is what the id's next change found before it; after the last
  // change, the record itself.
  Status FillAfter(const Context& ctx, const rocksdb::ReadOptions& read, rocksdb::Iterator* it,
                   std::vector<Change>* changes) {
    StringMap<std::vector<Change*>>
        open;  // id to the changes whose `after` is not known yet (at most one)
    for (Change& c : *changes) {
      if (auto found = open.find(c.id); found != open.end()) {
        for (Change* earlier : found->second) earlier->after = c.before;
        open.erase(found);
      }
      if (c.kind != ChangeKind::kDelete) open[c.id].push_back(&c);
    }
    for (auto o = open.begin(); o != open.end();) {
      std::optional<Record> record;
      RETURN_IF_ERROR(database_->Get(read, o->first, &record));
      Change* c = o->second[0];
      if (record && record->revision == c->sequence) {
        c->after = record->document;
        open.erase(o++);
      } else {
        ++o;
      }
    }
    // Changed again behind this batch: look ahead. (The rest of a run that this batch did not take
    // creates documents, which changes nothing that was there before.)
    std::vector<Change> ahead;
    for (uint64_t n = 1; it->Valid() && !open.empty(); it->Next(), ++n) {
      if (n % 256 == 0) RETURN_IF_ERROR(ctx.Check());
      ahead.clear();
      RETURN_IF_ERROR(DecodeChanges(ToView(it->key()), ToView(it->value()), 0, SIZE_MAX, &ahead));
      for (const Change& later : ahead) {
        if (auto found = open.find(later.id); found != open.end()) {
          found->second[0]->after = later.before;
          open.erase(found);
        }
      }
    }
    RETURN_IF_ERROR(database_->ToStatus(it->status(), "reading the change log"));
    if (!open.empty())
      return DataLoss(
          Concat("the change log and the data disagree about \"", open.begin()->first, "\""));
    return OkStatus();
  }

  std::shared_ptr<Database> database_;
  std::shared_ptr<ChangeSignal> signal_;
  uint64_t from_;
  const size_t max_;
};

}  // namespace

StatusOr<std::unique_ptr<Subscription>> SubscribeToLog(std::shared_ptr<Database> database,
                                                       std::shared_ptr<ChangeSignal> signal,
                                                       const SubscribeRequest& request) {
  const uint64_t next = database->last() + 1;
  const uint64_t from = std::max<uint64_t>(1, request.from.value_or(next));
  if (from > next) {
    return InvalidArgument(Concat("the sequence ", std::to_string(from),
                                  " lies in the future; the next one is ", std::to_string(next)));
  }
  return FilterChanges(std::make_unique<LogReader>(std::move(database), std::move(signal), from,
                                                   std::max<size_t>(1, request.max_changes)),
                       request.query);
}

}  // namespace strata::rocksdb_store
