// ByCodes: what was found out about rows, once for each combination of their codes in some columns.
#ifndef STRATA_QUERY_COLUMNS_BY_CODES_H_
#define STRATA_QUERY_COLUMNS_BY_CODES_H_

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/abseil.h"
#include "query/columns/column.h"

namespace strata {

template <typename T>
class ByCodes {
 public:
  // `unknown`: what Find points to at first. The columns (null: there is none) must outlive this.
  ByCodes(std::vector<const Column*> columns, T unknown)
      : columns_(std::move(columns)), unknown_(std::move(unknown)) {
    coded_ = columns_.size() <= kMostColumns &&
             std::all_of(columns_.begin(), columns_.end(),
                         [](const Column* c) { return c != nullptr && !c->codes().empty(); });
    if (columns_.size() > 1 || !coded_) return;
    few_.assign(columns_.empty() ? 1 : columns_[0]->examples().size(), unknown_);
  }

  // Null: codes do not tell this row from others. Valid until the next call.
  T* Find(Column::Place place) {
    if (!coded_) return nullptr;
    uint64_t all = 0;
    for (const Column* c : columns_) {
      const Column::Code code = c->codes()[place];
      if (code >= c->examples().size()) return nullptr;
      all = all << 16 | code;
    }
    return columns_.size() <= 1 ? &few_[all] : &many_.try_emplace(all, unknown_).first->second;
  }

 private:
  static constexpr size_t kMostColumns = 4;  // codes in 64 bits

  const std::vector<const Column*> columns_;
  const T unknown_;
  bool coded_ = false;
  std::vector<T> few_;  // of one column
  absl::flat_hash_map<uint64_t, T> many_;
};

}  // namespace strata

#endif  // STRATA_QUERY_COLUMNS_BY_CODES_H_
