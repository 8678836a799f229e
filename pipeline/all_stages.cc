#include "pipeline/all_stages.h"

#include "base_stores/memory/memory_store.h"
#include "base_stores/rocksdb/rocksdb_store.h"
#include "wrappers/aggregate/aggregate_store.h"
#include "wrappers/cache/cache_store.h"
#include "wrappers/expire/expire_store.h"
#include "wrappers/fault/fault_store.h"
#include "wrappers/forward/forward_store.h"
#include "wrappers/fulltext/fulltext_store.h"
#include "wrappers/inherit/inherit_store.h"
#include "wrappers/limit_concurrency/limit_concurrency_store.h"
#include "wrappers/limit_rate/limit_rate_store.h"
#include "wrappers/log/log_store.h"
#include "wrappers/readonly/readonly_store.h"
#include "wrappers/rename/rename_store.h"
#include "wrappers/replicate/replicate_store.h"
#include "wrappers/retry/retry_store.h"
#include "wrappers/slow/slow_store.h"

namespace strata {

Status RegisterAll(StageRegistry& registry) {
  for (const auto add :
       {RegisterMemory, RegisterRocksdb, RegisterAggregate, RegisterCache, RegisterExpire,
        RegisterFault, RegisterForward, RegisterFulltext, RegisterInherit, RegisterLimitConcurrency,
        RegisterLimitRate, RegisterLog, RegisterReadonly, RegisterRename, RegisterReplicate,
        RegisterRetry, RegisterSlow}) {
    RETURN_IF_ERROR(add(registry));
  }
  return OkStatus();
}

}  // namespace strata
