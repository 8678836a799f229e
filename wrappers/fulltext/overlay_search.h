// A search below, with some documents replaced by others: for transactions.
#ifndef STRATA_WRAPPERS_FULLTEXT_OVERLAY_SEARCH_H_
#define STRATA_WRAPPERS_FULLTEXT_OVERLAY_SEARCH_H_

#include <memory>

#include "core/abseil.h"
#include "wrappers/fulltext/text_index.h"

namespace strata::fulltext {

// Hits of `below` but those in `replaced`, and hits of `above`, a search over `index`, which is
// kept.
std::unique_ptr<TextSearch> Overlay(std::unique_ptr<TextSearch> below,
                                    std::unique_ptr<TextSearch> above,
                                    std::shared_ptr<TextIndex> index, const StringSet& replaced);

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_OVERLAY_SEARCH_H_
