#include "base_stores/rocksdb/write_group.h"

#include <algorithm>

#include "core/json_text.h"
#include "store/apply.h"

namespace strata::rocksdb_store {
namespace {

constexpr size_t kFetchAhead = 4;  // documents of a batch

size_t BytesOf(const std::vector<Writer*>& writers) {
  size_t n = 0;
  for (const Writer* w : writers) n += w->bytes();
  return n;
}

}  // namespace

Status HeldDocuments::Check(std::string_view id, const void* owner) {
  if (!any_.load(std::memory_order_acquire)) return OkStatus();
  MutexLock lock(mutex_);
  const auto it = held_.find(id);
  if (it == held_.end() || it->second == owner) return OkStatus();
  return Aborted(
      Concat("a transaction that is about to commit holds ", JsonString(id), "; run again"));
}

void HeldDocuments::Hold(std::span<const FinalWrite> writes, const void* owner) {
  MutexLock lock(mutex_);
  for (const FinalWrite& w : writes) held_[w.id] = owner;
  any_.store(!held_.empty(), std::memory_order_release);
}

void HeldDocuments::Release(const void* owner) {
  MutexLock lock(mutex_);
  absl::erase_if(held_, [&](const auto& h) { return h.second == owner; });
  any_.store(!held_.empty(), std::memory_order_release);
}

WriteGroup::WriteGroup(Database& database, Indexes& indexes, IdGenerator& ids, HeldDocuments& held,
                       const std::vector<Writer*>& writers)
    : database_(database),
      indexes_(indexes),
      ids_(ids),
      held_(held),
      alone_(writers.size() == 1),
      batch_(BytesOf(writers)),
      next_(database.last() + 1),
      pending_(indexes.Begin()) {}

void WriteGroup::Add(Writer* w) {
  batch_.SetSavePoint();
  const uint64_t next = next_;
  const uint64_t left_out = left_out_;
  const size_t deltas = pending_.deltas.size();
  Undo undo;
  w->status = w->batch != nullptr ? AddBatch(w, &undo) : AddTransaction(w, &undo);
  if (w->status.ok()) w->status = LogCreations();
  creations_.Clear();
  if (w->status.ok()) {
    (void)batch_.PopSavePoint();
    return;
  }
  (void)batch_.RollbackToSavePoint();
  next_ = next;
  left_out_ = left_out;
  pending_.deltas.resize(deltas);
  w->result.outcomes.clear();
  for (size_t i = undo.size(); i-- > 0;) {
    if (undo[i].second) {
      records_[undo[i].first] = *undo[i].second;
    } else {
      records_.erase(undo[i].first);
    }
  }
}

Status WriteGroup::AddBatch(Writer* w, Undo* undo) {
  const std::vector<WriteOp>& ops = w->batch->ops;
  w->result.outcomes.reserve(ops.size());
  std::vector<std::string> ids(ops.size());
  for (size_t i = 0; i < ops.size(); ++i) {
    // Another thread has made them, so nothing of them is near.
    if (i + kFetchAhead < ops.size() && ops[i + kFetchAhead].document)
      ops[i + kFetchAhead].document.PrefetchText();
    StatusOr<std::string> id = ResolveId(ops[i], ids_);
    if (!id.ok()) return InBatch(id.status(), *w->batch, i);
    ids[i] = *std::move(id);
  }
  // What is there already, asked for together.
  std::vector<std::optional<Record>> before(ops.size());
  const bool all_new = std::all_of(
      ids.begin(), ids.end(), [&](const std::string& id) { return database_.IsBeyondLastId(id); });
  if (!all_new) RETURN_IF_ERROR(database_.GetMany({}, ids, before));
  // Nobody asks again for new ids in order.
  const bool in_order =
      std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end();
  const bool remember = !alone_ || !all_new || !in_order;
  if (remember) records_.reserve(records_.size() + ops.size());
  Finals finals;
  if (!pending_.written.empty()) RETURN_IF_ERROR(CheckBatch(*w->batch, ids, before, &finals));
  for (size_t i = 0; i < ops.size(); ++i) {
    if (const auto it = records_.find(ids[i]); it != records_.end()) {
      before[i] = it->second;  // by an earlier operation of this group
    }
    StatusOr<WriteOutcome> outcome =
        Apply(ops[i], std::move(ids[i]), before[i], w->batch->origin, remember ? undo : nullptr);
    if (!outcome.ok()) return InBatch(outcome.status(), *w->batch, i);
    w->result.outcomes.push_back(*std::move(outcome));
  }
  indexes_.Accept(finals, &pending_);
  return OkStatus();
}

Status WriteGroup::CheckBatch(const WriteBatch& batch, const std::vector<std::string>& ids,
                              const std::vector<std::optional<Record>>& before, Finals* out) {
  Finals& finals = *out;
  std::vector<size_t> ops;  // of each: the last operation on it
  StringMap<size_t> places;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto [it, fresh] = places.try_emplace(ids[i], finals.size());
    std::optional<Record> now;
    if (fresh) {
      now = before[i];
      if (const auto in_group = records_.find(ids[i]); in_group != records_.end())
        now = in_group->second;
      finals.push_back({ids[i], now ? now->document : Document(), Document()});
      ops.push_back(i);
    } else {
      const Document& d = finals[it->second].after;
      if (d) now = Record{d, 0};
    }
    // A failure here comes up again, with its message, when the operation is made.
    WriteOp op = batch.ops[i];
    op.if_revision.reset();
    const StatusOr<Document> after = ApplyOp(op, ids[i], now);
    if (!after.ok()) return OkStatus();
    finals[it->second].after = *after;
    ops[it->second] = i;
  }
  size_t failed = 0;
  const Status s = indexes_.Check(finals, nullptr, &pending_, &failed);
  return s.ok() ? s : InBatch(s, batch, ops[failed]);
}

Status WriteGroup::AddTransaction(Writer* w, Undo* undo) {
  Finals finals;
  for (const FinalWrite& f : w->writes) {
    RETURN_IF_ERROR(held_.Check(f.id, w->owner));
    std::optional<Record> now;
    std::optional<Record> then;
    RETURN_IF_ERROR(Current(f.id, &now));
    RETURN_IF_ERROR(database_.Get(w->snapshot->read(), f.id, &then));
    if ((now ? now->revision : 0) != (then ? then->revision : 0)) {
      return Aborted(
          Concat(JsonString(f.id), " was changed by another writer; run the transaction again"));
    }
    if (!pending_.written.empty())
      finals.push_back({f.id, now ? now->document : Document(), f.after});
    if (w->hold_only) continue;
    WriteOutcome outcome{f.id, 0, false, false};
    if (f.after || now) {
      ASSIGN_OR_RETURN(outcome.revision, Change(f.id, now ? now->document : Document(), f.after,
                                                w->origin, w->min_revision, undo));
    }
    w->result.outcomes.push_back(std::move(outcome));
  }
  size_t failed = 0;
  RETURN_IF_ERROR(indexes_.Check(finals, w->owner, &pending_, &failed));
  if (!w->hold_only) {
    indexes_.Accept(finals, &pending_);
  } else {
    indexes_.Hold(finals, w->owner);
    held_.Hold(w->writes, w->owner);
  }
  return OkStatus();
}

Status WriteGroup::Current(std::string_view id, std::optional<Record>* out) const {
  if (!records_.empty()) {
    if (const auto it = records_.find(id); it != records_.end()) {
      *out = it->second;
      return OkStatus();
    }
  }
  return database_.Get(rocksdb::ReadOptions(), id, out);
}

StatusOr<WriteOutcome> WriteGroup::Apply(const WriteOp& op, std::string id,
                                         const std::optional<Record>& before,
                                         const std::string& origin, Undo* undo) {
  RETURN_IF_ERROR(held_.Check(id, nullptr));
  ASSIGN_OR_RETURN(Document after, ApplyOp(op, id, before));
  WriteOutcome outcome;
  outcome.created = after && !before;
  outcome.deleted = !after && before;
  if (after || before) {
    ASSIGN_OR_RETURN(outcome.revision, Change(id, before ? before->document : Document(), after,
                                              origin, op.min_revision, undo));
  }
  outcome.id = std::move(id);
  return outcome;
}

StatusOr<uint64_t> WriteGroup::Change(const std::string& id, const Document& before,
                                      const Document& after, std::string_view origin,
                                      uint64_t min_revision, Undo* undo) {
  const uint64_t sequence = std::max(next_, min_revision);
  left_out_ += sequence - next_;
  next_ = sequence + 1;
  rocksdb::Status s;
  const rocksdb::Slice key(id);
  database_.NoteId(id);
  if (after) {
    const std::string header = RecordHeader(id, sequence, after.text());
    const rocksdb::Slice parts[] = {header, ToSlice(after.text())};
    s = batch_.Put(database_.data(), rocksdb::SliceParts(&key, 1), rocksdb::SliceParts(parts, 2));
  } else {
    s = batch_.Delete(database_.data(), key);
  }
  RETURN_IF_ERROR(Translate(s, "writing"));
  RETURN_IF_ERROR(indexes_.Apply(id, before, after, &batch_, &pending_));
  const ChangeKind kind = !after   ? ChangeKind::kDelete
                          : before ? ChangeKind::kUpdate
                                   : ChangeKind::kCreate;
  if (kind == ChangeKind::kCreate) {
    if (!creations_.Takes(sequence, id, origin)) RETURN_IF_ERROR(LogCreations());
    creations_.Add(sequence, id, origin);
  } else {
    RETURN_IF_ERROR(LogChange(kind, sequence, id, before, origin));
  }
  if (undo == nullptr) return sequence;
  std::optional<Record> record;
  if (after) record = Record{after, sequence};
  const auto [it, fresh] = records_.try_emplace(id, record);
  if (fresh) {
    undo->emplace_back(id, std::nullopt);
  } else {
    undo->emplace_back(id, std::optional<std::optional<Record>>(it->second));
    it->second = std::move(record);
  }
  return sequence;
}

Status WriteGroup::LogChange(ChangeKind kind, uint64_t sequence, const std::string& id,
                             const Document& before, std::string_view origin) {
  const std::string key = SequenceKey(sequence);
  const std::string header = ChangeHeader(kind, id, origin);
  const rocksdb::Slice key_slice(key);
  const rocksdb::Slice parts[] = {header, ToSlice(before.text())};
  return Translate(batch_.Put(database_.changes(), rocksdb::SliceParts(&key_slice, 1),
                              rocksdb::SliceParts(parts, before ? 2 : 1)),
                   "writing");
}

Status WriteGroup::LogCreations() {
  if (creations_.empty()) return OkStatus();
  const rocksdb::Status s =
      batch_.Put(database_.changes(), SequenceKey(creations_.last()), creations_.Encode());
  creations_.Clear();
  return Translate(s, "writing");
}

}  // namespace strata::rocksdb_store
