// Plans of stages that show rows otherwise than they are stored: fields under other names, fields
// hidden.
#ifndef STRATA_WRAPPERS_CORE_MAPPED_PLAN_H_
#define STRATA_WRAPPERS_CORE_MAPPED_PLAN_H_

#include <memory>
#include <optional>
#include <string>

#include "query/split.h"
#include "store/store.h"

namespace strata {

// Safe for concurrent use. Kept alive by the plans that were made with it.
class RowMapping {
 public:
  virtual ~RowMapping() = default;
  // The path as it is stored; nothing for one that means something else below (it is then read
  // above the mapping only). Its last steps are never changed, and an empty path stands for the
  // whole row.
  virtual std::optional<std::vector<std::string>> StoredPath(
      const std::vector<std::string>& visible) const = 0;
  // A stored row as it is shown.
  virtual Document VisibleRow(const Document& stored) const = 0;
};

// The condition as the inner store is to be asked; nothing when it cannot be said there.
std::optional<Node> MapCondition(const Node& condition, const RowMapping& mapping);

// Takes of `query` the conditions that can be said below and, behind them, sort, limit and count();
// the rest is left. `more`: conditions that every row has to satisfy besides, in the inner store's
// terms. Target is a Store or a Transaction.
template <typename Target>
StatusOr<std::unique_ptr<Plan>> PrepareMapped(Target& inner, const Context& ctx, const Query& query,
                                              std::shared_ptr<const RowMapping> mapping,
                                              const std::vector<Node>& more, std::string stage);

}  // namespace strata

#endif  // STRATA_WRAPPERS_CORE_MAPPED_PLAN_H_
