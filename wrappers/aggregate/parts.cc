#include "wrappers/aggregate/parts.h"

#include <bit>
#include <chrono>

#include "store/apply.h"
#include "wrappers/core/fan_out.h"

namespace strata::aggregate {
namespace {

// Handing a read to another thread and waiting for it costs some 10 microseconds.
constexpr int64_t kSlowNanos = 30000;

// Each part's records of one id, out of those of many.
PartRecords Row(const std::vector<PartRecords>& columns, size_t i) {
  PartRecords row;
  for (const PartRecords& column : columns)
    row.push_back(column.empty() ? std::nullopt : column[i]);
  return row;
}

}  // namespace

Parts::Parts(Ownership ownership, MissingPart missing, std::vector<Store*> stores,
             std::shared_ptr<Executor> executor)
    : ownership_(std::move(ownership)),
      missing_(missing),
      stores_(std::move(stores)),
      executor_(std::move(executor)) {
  for (Store* s : stores_) votes_.push_back(s->capabilities().isolation != Isolation::kNone);
}

PartViews Parts::Views() const {
  PartViews out;
  for (Store* s : stores_) out.push_back({s, nullptr});
  return out;
}

PartViews Parts::Views(const PartTransactions& transactions) const {
  PartViews out = Views();
  for (size_t i = 0; i < out.size(); ++i) out[i].transaction = transactions[i].get();
  return out;
}

bool Parts::Slow(uint32_t wanted) const {
  int slow = 0;
  for (size_t i = 0; i < size(); ++i) {
    if ((wanted >> i & 1) != 0 && read_time_[i].load(std::memory_order_relaxed) > kSlowNanos)
      ++slow;
  }
  return slow > 1;
}

Status Parts::Read(const Context& ctx, const PartViews& views,
                   std::span<const std::string_view> ids, uint32_t wanted,
                   std::vector<PartRecords>* out) const {
  out->assign(size(), {});
  std::array<Status, kMaxParts> failed;
  const auto read = [&](size_t part) {
    PartRecords& column = (*out)[part];
    column.resize(ids.size());
    const auto began = std::chrono::steady_clock::now();
    failed[part] = views[part].Read(ctx, ids, column);
    const int64_t took = (std::chrono::steady_clock::now() - began).count();
    const int64_t average = read_time_[part].load(std::memory_order_relaxed);
    read_time_[part].store(average + (took - average) / 8, std::memory_order_relaxed);
  };
  if (Slow(wanted)) {
    parallel_reads_.fetch_add(1, std::memory_order_relaxed);
    std::vector<std::function<void()>> tasks;
    for (size_t i = 0; i < size(); ++i) {
      if ((wanted >> i & 1) != 0) tasks.push_back([&read, i] { read(i); });
    }
    FanOut(*executor_, std::move(tasks));
  } else {
    for (size_t i = 0; i < size(); ++i) {
      if ((wanted >> i & 1) != 0) read(i);
    }
  }
  for (const Status& s : failed) RETURN_IF_ERROR(s);
  return OkStatus();
}

std::optional<Record> Parts::Whole(std::span<const std::optional<Record>> parts,
                                   uint32_t read) const {
  const std::optional<Record>& anchor = parts[ownership_.anchor()];
  if (!anchor) return std::nullopt;
  std::vector<Document> documents;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (missing_ == MissingPart::kInner && (read >> i & 1) != 0 && !parts[i]) return std::nullopt;
    documents.push_back(parts[i] ? parts[i]->document : Document());
  }
  return Record{ownership_.Merge(documents), anchor->revision};
}

Status Parts::ReadWhole(const Context& ctx, const PartViews& views,
                        std::span<const std::string_view> ids,
                        const std::span<std::optional<Record>>& out) const {
  std::vector<PartRecords> found;
  RETURN_IF_ERROR(Read(ctx, views, ids, all(), &found));
  PartRecords row(size());
  for (size_t i = 0; i < ids.size(); ++i) {
    for (size_t p = 0; p < size(); ++p) row[p] = std::move(found[p][i]);
    out[i] = Whole(row, all());
  }
  return OkStatus();
}

StatusOr<PartTransactions> Parts::Begin(const Context& ctx,
                                        const TransactionOptions& options) const {
  PartTransactions out(size());
  for (size_t p = 0; p < size(); ++p) {
    if (!votes(p)) continue;
    ASSIGN_OR_RETURN(out[p], store(p).Begin(ctx, options));
  }
  return out;
}

StatusOr<Work> Parts::WorkOut(const Context& ctx, const PartViews& views, const WriteBatch& batch,
                              const TouchedRecords& known, IdGenerator& generator) const {
  RETURN_IF_ERROR(CheckSize(batch));
  std::vector<std::string> ids;
  for (size_t i = 0; i < batch.ops.size(); ++i) {
    StatusOr<std::string> id = ResolveId(batch.ops[i], generator);
    if (!id.ok()) return InBatch(id.status(), batch, i);
    ids.push_back(*std::move(id));
  }
  const std::vector<std::string_view> id_views(ids.begin(), ids.end());
  std::vector<PartRecords> found;
  RETURN_IF_ERROR(Read(ctx, views, id_views, all(), &found));
  Work work;
  work.batches.resize(size());
  for (WriteBatch& b : work.batches) {
    b.origin = batch.origin;
    b.request_id = batch.request_id;
    b.durability = batch.durability;
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    auto [it, fresh] = work.touched.try_emplace(ids[i]);
    Touched& t = it->second;
    const PartRecords row = Row(found, i);
    std::optional<Record> whole;
    const auto old = known.find(ids[i]);
    if (fresh && old == known.end()) {
      whole = Whole(row, all());
      for (const auto& r : row) t.parts.push_back(r ? r->document : Document());
      t.was = row;
      t.written.resize(size());
    } else {
      if (fresh) t = old->second;
      if (t.there) whole = Record{ownership_.Merge(t.parts), 0};
    }
    StatusOr<Document> after = ApplyOp(batch.ops[i], ids[i], whole);
    if (!after.ok()) return InBatch(after.status(), batch, i);
    WriteOutcome outcome{ids[i], 0, *after && !whole, !*after && whole};
    work.result.outcomes.push_back(std::move(outcome));
    t.there = static_cast<bool>(*after);
    std::vector<Document> parts(size());
    if (*after) {
      parts = ownership_.Split(*after);
      for (size_t p = 0; p < size(); ++p) {
        if (parts[p] || missing_ == MissingPart::kLeft) continue;
        parts[p] = Document::FromTrusted(Concat("{\"id\":", after->Find(kIdProperty).text(), "}"));
      }
    }
    for (size_t p = 0; p < size(); ++p) {
      // The anchor takes part in each write, for the record's revision is its own.
      const bool same = parts[p] ? t.parts[p] && t.parts[p].text() == parts[p].text() : !t.parts[p];
      if (same && !(p == ownership_.anchor() && *after)) continue;
      if (parts[p]) {
        work.batches[p].Put(parts[p], ids[i]);
      } else {
        work.batches[p].Delete(ids[i]);
      }
      t.parts[p] = parts[p];
      t.written[p] = true;
    }
  }
  return work;
}

}  // namespace strata::aggregate
