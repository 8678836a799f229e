#include "core/id_hash.h"

#include <xxhash.h>

namespace strata::internal {

uint64_t HashUnusualId(std::string_view id, uint64_t seed) {
  return XXH3_64bits_withSeed(id.data(), id.size(), seed);
}

}  // namespace strata::internal
