// The stage type "limit_concurrency": lets so many operations run at a time; the others queue.
//
//   operation    asks of the inner store  does itself                    when that fails
//   read         the same                 waits for a place, or refuses  frees the place
//   write        the same                 waits for a place, or refuses  frees the place
//   query        the same                 a place for each page          frees the place
//   transaction  the same                 a place for each call in it    frees the place
//   subscribe    the same                 waits for a place, or refuses  frees the place
//
// Refused is ResourceExhausted, when the queue is full or the wait too long. An open cursor or
// transaction holds no place between calls, and waiting for changes holds none.
#ifndef STRATA_WRAPPERS_LIMIT_CONCURRENCY_LIMIT_CONCURRENCY_STORE_H_
#define STRATA_WRAPPERS_LIMIT_CONCURRENCY_LIMIT_CONCURRENCY_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterLimitConcurrency(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_LIMIT_CONCURRENCY_LIMIT_CONCURRENCY_STORE_H_
