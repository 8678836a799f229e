// What explain says of a store whose documents a wrapper reads by id.
#ifndef STRATA_WRAPPERS_CORE_READ_NODE_H_
#define STRATA_WRAPPERS_CORE_READ_NODE_H_

#include "query/plan.h"
#include "store/store.h"

namespace strata {

// Stages beneath are only asked for what the store does not answer itself, so no figures are known
// of them.
inline ExplainNode ReadNode(const Store& store) {
  ExplainNode n;
  n.stage = store.info().stage;
  n.operation = "read by id";
  for (const auto& child : store.info().children) {
    n.children.push_back(ReadNode(*child));
    n.children.back().operation += ", as far as asked";
  }
  return n;
}

}  // namespace strata

#endif  // STRATA_WRAPPERS_CORE_READ_NODE_H_
