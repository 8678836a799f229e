// ColumnFilter: the conditions of a Filter, asked of columns as far as they can be and of the
// documents for the rest. The answer is that of Filter::Matches, row for row.
#ifndef STRATA_QUERY_COLUMNS_COLUMN_FILTER_H_
#define STRATA_QUERY_COLUMNS_COLUMN_FILTER_H_

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "query/columns/column.h"
#include "query/filter.h"

namespace strata {

// Safe for concurrent use.
class ColumnFilter {
 public:
  explicit ColumnFilter(Filter filter);

  bool empty() const { return filter_.empty(); }
  // The paths whose columns it can use, each once.
  const std::vector<Path>& paths() const { return paths_; }
  // The places from `begin` to `end` that match, in order. columns[i] is of paths()[i] and may be
  // null. Gives whether columns were all that was needed but for single values.
  bool Select(const ColumnDocuments& documents, std::span<const Column* const> columns,
              size_t begin, size_t end, std::vector<Column::Place>* selected) const;

 private:
  // Which numbers pass.
  struct NumberTest {
    enum class Kind : uint8_t { kSame, kWithin, kOutside, kEach };
    Kind kind = Kind::kSame;  // kSame: all or none, as for any other number
    std::optional<Number> low, high;
    bool low_open = false;  // `low` itself does not pass
    bool high_open = false;
  };
  struct Condition {
    size_t predicate = 0;  // in the filter
    size_t path = kNoPath;
    NumberTest numbers;
  };
  static constexpr size_t kNoPath = ~size_t{0};

  static NumberTest TestOf(const Filter::Predicate& p);
  void Refine(const Condition& c, const Column& column, const ColumnDocuments& documents,
              std::vector<Column::Place>* selected) const;

  const Filter filter_;
  std::vector<Path> paths_;
  std::vector<Condition> conditions_;
};

}  // namespace strata

#endif  // STRATA_QUERY_COLUMNS_COLUMN_FILTER_H_
