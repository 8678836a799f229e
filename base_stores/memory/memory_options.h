#ifndef STRATA_BASE_STORES_MEMORY_MEMORY_OPTIONS_H_
#define STRATA_BASE_STORES_MEMORY_MEMORY_OPTIONS_H_

#include <cstdint>
#include <vector>

#include "store/index_options.h"

namespace strata {

namespace memory {

enum class Columns : uint8_t {
  kAuto,    // of paths that are scanned again and again
  kAlways,  // of all that is scanned
  kOff,
};

}  // namespace memory

struct MemoryOptions {
  int64_t max_bytes = 0;  // 0: no bound
  int64_t change_log_entries = 100000;
  int64_t change_log_bytes = 64 << 20;
  memory::Columns columns = memory::Columns::kAuto;
  int64_t column_bytes = 512 << 20;
  std::vector<IndexSpec> indexes = {};
  AutoIndex auto_index = AutoIndex::kOff;
  int64_t auto_index_budget = 4;
};

OptionTable<MemoryOptions> MemoryOptionTable();

}  // namespace strata

#endif  // STRATA_BASE_STORES_MEMORY_MEMORY_OPTIONS_H_
