#include "base_stores/memory/memory_options.h"

namespace strata {

OptionTable<MemoryOptions> MemoryOptionTable() {
  OptionTable<MemoryOptions> t;
  t.Size("max_bytes", &MemoryOptions::max_bytes, "0B",
         "bytes of documents to hold; a write beyond gives RESOURCE_EXHAUSTED; 0: no bound");
  t.Integer("change_log_entries", &MemoryOptions::change_log_entries, 100000,
            "changes kept for subscribers; one who falls behind further gets a gap")
      .Range(1, 100000000);
  t.Size("change_log_bytes", &MemoryOptions::change_log_bytes, "64MiB",
         "bytes of changes kept for subscribers")
      .Range(1 << 16, 1LL << 40);
  t.Enum(
      "columns", &MemoryOptions::columns, {"auto", "always", "off"}, memory::Columns::kAuto,
      "values kept side by side for scans and aggregations: auto: of paths that are scanned again "
      "and again, always: from the first scan on, off: never");
  t.Size("column_bytes", &MemoryOptions::column_bytes, "512MiB", "bytes of columns to keep")
      .Range(0, 1LL << 50);
  AddIndexOptions(&t);
  return t;
}

}  // namespace strata
