// The groups of an aggregate(…), in the order in which they first came up.
#ifndef STRATA_QUERY_OPERATORS_GROUP_TABLE_H_
#define STRATA_QUERY_OPERATORS_GROUP_TABLE_H_

#include <functional>
#include <string>
#include <vector>

#include "core/abseil.h"
#include "query/operators/accumulator.h"
#include "query/plan.h"

namespace strata {

// What an aggregate reads and gives.
struct AggregateShape {
  struct Output {
    std::string name;
    bool function = false;
    Op op = Op::kOther;
    Path path;
    size_t read = kNothing;  // the path's place in `paths`
  };
  static constexpr size_t kNothing = ~size_t{0};

  explicit AggregateShape(const Node& aggregate);

  std::vector<Output> outputs;
  std::vector<size_t> keys;   // the outputs that group
  std::vector<Path> paths;    // that are read, each once
  bool keeps_values = false;  // some function does
};

// The values of a group's paths (JSON text; "" when missing) and its functions.
struct Group {
  std::string key;
  std::vector<std::string> values;
  std::vector<Accumulator> functions;
};

class GroupTable {
 public:
  // Takes a row whose group found no room, with the group's key.
  using Late = std::function<Status(Value row, const std::string& key)>;

  // No further group is taken when half of `budget` is used up. The shape must outlive this.
  GroupTable(const AggregateShape& shape, size_t budget) : shape_(shape), budget_(budget) {}

  // Errors: ResourceExhausted when what functions keep is beyond the budget.
  Status Add(const RowBatch& rows, const Late& late);
  // Whether all groups of `later` find room.
  bool HasRoomFor(const GroupTable& later) const {
    return !full_ && held_ + later.held_ <= budget_ / 2;
  }
  // Adds what `later` made of the rows behind those of this.
  Status Merge(GroupTable later);

  const std::vector<Group>& groups() const { return groups_; }
  void Clear();

 private:
  static constexpr size_t kNoGroup = ~size_t{0};

  // The row's group, made if there is room for it. key_ is its key, unless its text was enough.
  size_t GroupOf(Value row);
  Status AddRow(Value row, const Late& late);
  Status AddColumns(const ColumnRows& rows, const Late& late);
  // The same where values are kept: groups are taken before it is known what their values weigh, so
  // only so many rows at a time that the budget stands it, and texts row by row.
  Status AddInSlices(const ColumnRows& rows, const Late& late);
  // Calls act(accumulator) and weighs what it keeps.
  template <typename Act>
  void On(size_t group, size_t function, bool keeps, const Act& act);
  Status CheckBudget() const;

  const AggregateShape& shape_;
  const size_t budget_;
  std::vector<Group> groups_;
  StringMap<size_t> index_;    // a group's key to its place
  StringMap<size_t> by_text_;  // the same by the text of the only path
  std::string key_;
  size_t held_ = 0;  // bytes
  bool full_ = false;
};

// A group of one row, which is none of the table's. `path`: where output i lies in the row.
Group MakeGroup(const AggregateShape& shape, Value row,
                const std::function<const Path&(size_t output)>& path);
// The group as a row of the result.
std::string GroupText(const AggregateShape& shape, const Group& g);

}  // namespace strata

#endif  // STRATA_QUERY_OPERATORS_GROUP_TABLE_H_
