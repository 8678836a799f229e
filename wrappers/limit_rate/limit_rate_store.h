// The stage type "limit_rate": lets so many operations a second pass, with bursts (a token bucket).
//
//   operation    asks of the inner store  does itself                    when that fails
//   read         the same                 waits for a token, or refuses  passes it on
//   write        the same                 waits for a token, or refuses  passes it on
//   query        the same                 waits for a token, or refuses  passes it on
//   transaction  the same                 a token for each call in it    passes it on
//   subscribe    the same                 waits for a token, or refuses  passes it on
//
// A read or a batch of many documents is one operation. Refused is ResourceExhausted, with the time
// after which a token is there. Pages of an open query, commits and changes pass freely, so that
// what was begun can end.
#ifndef STRATA_WRAPPERS_LIMIT_RATE_LIMIT_RATE_STORE_H_
#define STRATA_WRAPPERS_LIMIT_RATE_LIMIT_RATE_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterLimitRate(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_LIMIT_RATE_LIMIT_RATE_STORE_H_
