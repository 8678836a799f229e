// The one total order of JSON values, for sorting, indexing and comparing:
//   missing < null < false < true < numbers < strings (UTF-8 bytes) < arrays (element by element) <
//   objects
// Numbers compare exactly whatever they are held as. Objects compare as their members sorted by
// name, pair by pair, so the order of members in the text does not matter.
#ifndef STRATA_CORE_VALUE_ORDER_H_
#define STRATA_CORE_VALUE_ORDER_H_

#include <compare>

#include "core/document.h"

namespace strata {

std::strong_ordering CompareValues(Value a, Value b);
inline bool SameValue(Value a, Value b) { return CompareValues(a, b) == 0; }

}  // namespace strata

#endif  // STRATA_CORE_VALUE_ORDER_H_
