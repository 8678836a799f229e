// The stage type "aggregate": one record from several stores, each of which owns some of its
// members.
//
//   operation    asks of the inner stores      does itself                  when one of them fails
//   read         the same ids of the "*" part  joins members, hides what    passes it on
//                and of the others             "missing" says
//   write        a transaction over all, and   splits members among parts,  before the commit:
//                writes what changed           works it out again when a    nothing was written;
//                                              part was written meanwhile   in it: finishes later
//   query        of each part what it alone    joins by id, the rest over   passes it on
//                can answer, the rest by id    whole records
//   transaction  one over each part that       keeps what the others get,   as for a write
//                votes                         commits as a write does
//   subscribe    nothing                       gives a feed of its own,     a gap, for a commit
//                                              of commits through it        that was cut
//
//   {"type": "aggregate",
//    "inners": ["products", "stock"],
//    "properties": ["*", ["stock", "warehouse"]]}
//
// A write that changes several parts is voted on by all of them, noted in the journal, and then
// committed; after a crash the journal finishes it. Readers never see a commit in part.
#ifndef STRATA_WRAPPERS_AGGREGATE_AGGREGATE_STORE_H_
#define STRATA_WRAPPERS_AGGREGATE_AGGREGATE_STORE_H_

#include "store/stage.h"

namespace strata {

Status RegisterAggregate(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_AGGREGATE_AGGREGATE_STORE_H_
