#include "base_stores/rocksdb/rocksdb_options.h"

namespace strata {

OptionTable<RocksdbOptions> RocksdbOptionTable() {
  OptionTable<RocksdbOptions> t;
  t.Path("path", &RocksdbOptions::path, "", "the directory; one process at a time may have it open")
      .Required();
  t.Bool("create", &RocksdbOptions::create, true, "make the directory when it is not there");
  t.Enum("durability", &RocksdbOptions::durability, {"sync", "async"}, RocksdbDurability::kSync,
         "sync: an acknowledged write survives the machine's crash; async: only the process'");
  t.Size("cache", &RocksdbOptions::cache, "64MiB", "bytes of uncompressed blocks kept in memory")
      .Range(0, 1LL << 40);
  t.Size("write_buffer", &RocksdbOptions::write_buffer, "64MiB",
         "bytes of writes gathered in memory before a file is written")
      .Range(1 << 20, 1LL << 34);
  t.Integer("change_log_entries", &RocksdbOptions::change_log_entries, 100000,
            "changes kept for subscribers, also across restarts; one who falls behind further gets "
            "a gap")
      .Range(1, 1000000000);
  AddIndexOptions(&t);
  return t;
}

}  // namespace strata
