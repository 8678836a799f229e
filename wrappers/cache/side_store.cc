#include "wrappers/cache/side_store.h"

#include <algorithm>
#include <vector>

#include "core/clock.h"
#include "core/json_text.h"
#include "store/ops.h"

namespace strata::cache {
namespace {

constexpr std::string_view kMark = "cache:";
constexpr size_t kMaxBatch = 1000;

}  // namespace

SideStore::SideStore(Store& store, std::string_view stage)
    : store_(store), prefix_(Concat(kMark, stage, ":")), by_(JsonString(IdGenerator().Next())) {}

Status SideStore::Open(const Context& ctx) {
  ASSIGN_OR_RETURN(const auto plan, PrepareComplete(store_, ctx, Query().Select({kIdProperty})));
  ASSIGN_OR_RETURN(const auto cursor, plan->Open(ctx, {}));
  std::vector<std::string> own;
  RowBatch rows;
  do {
    RETURN_IF_ERROR(cursor->Next(ctx, 256, &rows));
    for (const Document& d : rows.rows) {
      const std::string id = StoredId(d);
      if (!id.starts_with(kMark)) {
        return FailedPrecondition(Concat(
            "\"in\" names ", store_.info().stage, ", which holds documents (as ", JsonString(id),
            ") that are not a cache's entries; name an empty store that nothing else uses"));
      }
      if (id.starts_with(prefix_)) own.push_back(id.substr(prefix_.size()));
    }
  } while (rows.end == EndReason::kMore);
  return Remove(ctx, own);
}

Status SideStore::Remove(const Context& ctx, std::span<const std::string> ids) {
  Status first;
  while (!ids.empty()) {
    WriteBatch batch;
    for (const std::string& id : ids.first(std::min(ids.size(), kMaxBatch)))
      batch.Delete(prefix_ + id);
    if (const Status s = store_.Write(ctx, batch).status(); first.ok()) first = s;
    ids = ids.subspan(batch.ops.size());
  }
  return first;
}

bool SideStore::Put(std::string_view id, const Record& record) {
  const Document entry = Document::FromTrusted(
      Concat("{\"id\":", JsonString(prefix_ + std::string(id)), ",\"by\":", by_, ",\"revision\":",
             std::to_string(record.revision), ",\"document\":", record.document.text(), "}"));
  const bool done = strata::Put(store_, Context::Background(), entry).ok();
  if (!done) failures_.fetch_add(1, std::memory_order_relaxed);
  return done;
}

bool SideStore::Read(const Context& ctx, std::string_view id, Record* record) {
  const auto found = Get(store_, ctx, prefix_ + std::string(id));
  if (!found.ok()) {
    failures_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  if (!*found) return false;
  const Document& entry = (*found)->document;
  if (entry.Find("by").text() != by_ ||
      entry.Find("revision").text() != std::to_string(record->revision)) {
    return false;
  }
  record->document = Document::FromTrusted(entry.Find("document").text());
  return true;
}

void SideStore::Drop(std::string_view id) {
  const std::string one(id);
  DropAll(std::span(&one, 1));
}

void SideStore::DropAll(std::span<const std::string> ids) {
  if (!Remove(Context::Background(), ids).ok()) failures_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace strata::cache
