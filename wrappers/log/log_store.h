// The stage type "log": writes one line of JSON for an operation.
//
//   operation    asks of the inner store  does itself                       when that fails
//   read         the same                 a line, when sampled              a line always
//   write        the same                 a line, when sampled              a line always
//   query        the same                 a line for preparing it, opening  a line always
//                                         it and each page, when sampled
//   transaction  the same                 a line for each call in it, when  a line always
//                                         sampled
//   subscribe    the same                 a line, when sampled              a line always
//
//   {"time":"2026-01-31T12:00:00.123Z","stage":"packages/0 (log)","operation":"read","ids":["a1"],
//    "count":1,"micros":12,"code":"OK","trace":"…","principal":"…"}
//
// Each operation that a line can name (read, write, prepare, open, next, begin, commit, subscribe,
// changes) is sampled by itself. Documents are never written. `redact` keeps ids out, and of
// queries everything but their shape. A line is appended in one write (while the disk has room), so
// several processes may share a file. A line that cannot be written is counted, and the operation
// goes on.
#ifndef STRATA_WRAPPERS_LOG_LOG_STORE_H_
#define STRATA_WRAPPERS_LOG_LOG_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterLog(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_LOG_LOG_STORE_H_
