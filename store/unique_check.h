// Whether a batch of writes may be made: uniqueness and the size of index keys, checked over what
// the batch makes of each document in the end, so that two documents may change places.
#ifndef STRATA_STORE_UNIQUE_CHECK_H_
#define STRATA_STORE_UNIQUE_CHECK_H_

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "store/index_spec.h"

namespace strata {

// A document before and after a batch; nothing: it is not there.
struct IndexedChange {
  std::string_view id;
  Value before;
  Value after;
};

// The id of the document that has a key now; none when there is none.
using KeyOwner = std::function<StatusOr<std::optional<std::string>>(std::string_view key)>;

// Checks one index. Each id comes once. On failure *failed is the change that cannot be made.
// Errors: AlreadyExists naming the index, the values and the other document; InvalidArgument for a
// key that is too long.
Status CheckIndex(const IndexSpec& spec, std::span<const IndexedChange> changes,
                  const KeyOwner& owner, size_t* failed);

// The message of a document that would be the second with its values.
Status NotUnique(const IndexSpec& spec, Value document, std::string_view other_id);

// The answer to a writer who wants a key that a transaction which has voted will take.
Status KeyIsHeld(const IndexSpec& spec);

}  // namespace strata

#endif  // STRATA_STORE_UNIQUE_CHECK_H_
