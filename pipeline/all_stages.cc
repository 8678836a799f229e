#include "pipeline/all_stages.h"

#include "base_stores/memory/memory_store.h"
#include "base_stores/rocksdb/rocksdb_store.h"
#include "wrappers/fault/fault_store.h"
#include "wrappers/forward/forward_store.h"
#include "wrappers/readonly/readonly_store.h"

namespace strata {

Status RegisterAll(StageRegistry& registry) {
  RETURN_IF_ERROR(RegisterMemory(registry));
  RETURN_IF_ERROR(RegisterRocksdb(registry));
  RETURN_IF_ERROR(RegisterForward(registry));
  RETURN_IF_ERROR(RegisterReadonly(registry));
  return RegisterFault(registry);
}

}  // namespace strata
