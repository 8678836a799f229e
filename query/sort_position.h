// The order that sort(…) makes, as bytes: the keys' values in the encoding of core/key_encoding.h,
// then the row's id bytewise. And the place in that order behind which a later page goes on, which
// is the same whether an index gave the order or the sort operator did.
#ifndef STRATA_QUERY_SORT_POSITION_H_
#define STRATA_QUERY_SORT_POSITION_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/document.h"
#include "query/query.h"

namespace strata {

std::vector<SortKey> SortKeysOf(const Node& sort);
void AppendSortKey(std::string* out, const std::vector<SortKey>& keys, Value row);
// What breaks ties: the text of the property "id"; "" when there is none.
std::string TieOf(Value row);

struct SortPosition {
  std::string key;     // AppendSortKey of the last row given
  std::string tie;     // its id
  uint64_t given = 0;  // rows given with this key and id
  // Counts a row that is given behind those before it.
  void Pass(std::string_view row_key, std::string_view row_tie);
  // Before, at or behind the position.
  std::strong_ordering Compare(std::string_view row_key, std::string_view row_tie) const;

  std::string Encode() const;
  // False when it is damaged.
  bool Decode(std::string_view text);
};

}  // namespace strata

#endif  // STRATA_QUERY_SORT_POSITION_H_
