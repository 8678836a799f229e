#ifndef STRATA_BASE_STORES_ROCKSDB_ROCKSDB_OPTIONS_H_
#define STRATA_BASE_STORES_ROCKSDB_ROCKSDB_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "store/index_options.h"

namespace strata {

enum class RocksdbDurability : uint8_t { kSync, kAsync };

struct RocksdbOptions {
  std::string path;
  bool create = true;
  RocksdbDurability durability = RocksdbDurability::kSync;
  int64_t cache = 64 << 20;
  int64_t write_buffer = 64 << 20;
  int64_t change_log_entries = 100000;
  std::vector<IndexSpec> indexes = {};
  AutoIndex auto_index = AutoIndex::kOff;
  int64_t auto_index_budget = 4;
};

OptionTable<RocksdbOptions> RocksdbOptionTable();

}  // namespace strata

#endif  // STRATA_BASE_STORES_ROCKSDB_ROCKSDB_OPTIONS_H_
