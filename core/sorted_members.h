// An object's members by name, for whatever must not depend on their order in the text.
#ifndef STRATA_CORE_SORTED_MEMBERS_H_
#define STRATA_CORE_SORTED_MEMBERS_H_

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/document.h"

namespace strata {

std::vector<std::pair<std::string, Value>> SortedMembers(Value object);

}  // namespace strata

#endif  // STRATA_CORE_SORTED_MEMBERS_H_
