// The stage type "expire": documents that end at a time of their own.
//
//   operation    asks of the inner store         does itself                    when it fails
//   read         the same                        hides what has expired         passes it on
//   write        reads, then writes what is to   stamps the time to live,       passes it on
//                be stored, by revisions         removes an expired record
//                                                before it creates another
//   query        the same and "not expired"      nothing                        passes it on
//   transaction  the same                        as above, within it            passes it on
//   subscribe    the same                        nothing                        passes it on
//
// A document expires at the instant (RFC 3339) that its member `property` holds; one without it
// when `ttl` is given gets it when it is written, else it never expires. A thread removes what has
// expired every `sweep`; subscribers see these as deletions, and as a deletion and a creation what
// is written anew before that (but not by a transaction, of which they see only what is there in
// the end). An index on the property makes that cheap. A query judges by the time at which it was
// opened, also on its later pages.
#ifndef STRATA_WRAPPERS_EXPIRE_EXPIRE_STORE_H_
#define STRATA_WRAPPERS_EXPIRE_EXPIRE_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterExpire(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_EXPIRE_EXPIRE_STORE_H_
