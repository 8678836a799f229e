#include "wrappers/cache/side_store.h"

#include "core/json_text.h"
#include "store/ops.h"

namespace strata::cache {

Status SideStore::Clear(const Context& ctx) {
  constexpr size_t kBatch = 1000;
  for (;;) {
    ASSIGN_OR_RETURN(const auto rows,
                     Collect(store_, ctx, Query().Select({kIdProperty}).Limit(kBatch)));
    if (rows.empty()) return OkStatus();
    WriteBatch batch;
    for (const Document& d : rows) batch.Delete(StoredId(d));
    RETURN_IF_ERROR(store_.Write(ctx, batch).status());
  }
}

bool SideStore::Put(std::string_view id, const Record& record) {
  const Document entry = Document::FromTrusted(
      Concat("{\"id\":", JsonString(id), ",\"revision\":", std::to_string(record.revision),
             ",\"document\":", record.document.text(), "}"));
  const bool done = strata::Put(store_, Context::Background(), entry).ok();
  if (!done) failures_.fetch_add(1, std::memory_order_relaxed);
  return done;
}

bool SideStore::Read(const Context& ctx, std::string_view id, Record* record) {
  const auto found = Get(store_, ctx, id);
  if (!found.ok()) {
    failures_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  if (!*found) return false;
  const Document& entry = (*found)->document;
  if (entry.Find("revision").text() != std::to_string(record->revision)) return false;
  record->document = Document::FromTrusted(entry.Find("document").text());
  return true;
}

void SideStore::Drop(std::string_view id) {
  if (!Delete(store_, Context::Background(), std::string(id)).ok())
    failures_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace strata::cache
