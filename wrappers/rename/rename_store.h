// The stage type "rename": shows members of documents under other names than they are stored.
//
//   operation    asks of the inner store      does itself                      when that fails
//   read         the same                     gives members their shown names  passes it on
//   write        the same, with stored names  refuses names that would clash   passes it on
//   query        conditions, sort, limit and  the rest, over shown rows        passes it on
//                count(), with stored names
//   transaction  the same                     as above, within it              passes it on
//   subscribe    everything                   shows changes, asks conditions   passes it on
//
//   {"type": "rename", "fields": {"title": "name", "maker": "vendor"}}   // shown: stored
//
// Only members of the document itself, never "id". A stored member that has the shown name of
// another one is not shown. Names that are changed lose the escapes that they were spelled with.
#ifndef STRATA_WRAPPERS_RENAME_RENAME_STORE_H_
#define STRATA_WRAPPERS_RENAME_RENAME_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterRename(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_RENAME_RENAME_STORE_H_
