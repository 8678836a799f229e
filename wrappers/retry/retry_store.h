// The stage type "retry": makes calls again that failed for a passing reason.
//
//   operation    asks of the inner store  does itself                     when the inner one fails
//   read         the same, some times     again when it may pass          passes the last one on
//   write        the same, some times     again when twice is as once     passes the last one on
//   query        prepare and open again   again when it may pass          a page is not repeated
//   transaction  begin again              nothing within a transaction    passes it on
//   subscribe    the same, some times     again when it may pass          passes the last one on
//
// What may pass is Unavailable and Aborted. A write is repeated when doing it twice is as good as
// once: puts, merges and deletions without preconditions. Ids that would be generated below are
// generated here, once. Patches, preconditions and what happens within a transaction are never
// repeated: there the caller alone knows what to do again.
//
// Pauses double from `pause` to `max_pause`, each shortened at random by up to a half. A budget
// bounds what retries add when everything fails: each success earns `budget` percent of a retry, up
// to 100.
#ifndef STRATA_WRAPPERS_RETRY_RETRY_STORE_H_
#define STRATA_WRAPPERS_RETRY_RETRY_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterRetry(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_RETRY_RETRY_STORE_H_
