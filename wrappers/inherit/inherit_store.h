// The stage type "inherit": super- and subtypes over one store. One stage gives a store for each
// type.
//
//   operation    asks of the inner store         does itself                     when that fails
//   read         the same                        hides what is of other types    passes it on
//   write        reads, then writes what is to   keeps types, tags new records,  passes it on
//                be stored, by revisions         refuses those of other types
//   query        the same and "of these types",  nothing                         passes it on
//                below sort and limit
//   transaction  the same                        as above, within it             passes it on
//   subscribe    the same and "of these types"   nothing                         passes it on
//
//   "catalog": {"type": "inherit", "inner": "disk",
//               "types": {"Product": {}, "Toy": {"extends": "Product"}}}
//   "serve": ["Product", "Toy"]
//
// A record's type stands in its member `discriminator`; an index on it in the base serves every
// query. A store of a type holds the records of the type and of all that extend it; the stage's own
// store
// ("catalog") holds those of every type, and takes new ones that say what they are. A record keeps
// its type whatever is written to it, through which store ever: only Retype changes it. An id is
// taken in the whole hierarchy.
#ifndef STRATA_WRAPPERS_INHERIT_INHERIT_STORE_H_
#define STRATA_WRAPPERS_INHERIT_INHERIT_STORE_H_

#include "store/stage.h"

namespace strata {

// What the stores of an inherit stage can do besides (Pipeline::FindStage, dynamic_cast).
class Retyping {
 public:
  virtual ~Retyping() = default;
  // Makes the record one of `type`. NotFound unless this store holds it; InvalidArgument unless
  // this store holds records of that type.
  virtual StatusOr<WriteOutcome> Retype(const Context& ctx, std::string_view id,
                                        std::string_view type) = 0;
};

Status RegisterInherit(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_INHERIT_INHERIT_STORE_H_
