#include "query/operators/group_table.h"

#include <algorithm>

#include "core/json_text.h"
#include "core/key_encoding.h"
#include "query/columns/by_codes.h"
#include "query/operators/operators.h"

namespace strata {

AggregateShape::AggregateShape(const Node& aggregate) {
  for (const Node& a : aggregate.args()) {
    Output out;
    const Node& f = a.is(Op::kAs) ? a.arg(1) : a;
    out.name = AggregateOutputName(a);
    out.function = f.is_call();
    out.op = f.is_call() ? f.op() : Op::kOther;
    if (!f.is_call()) {
      out.path = PathOf(f);
      keys.push_back(outputs.size());
    } else if (f.size() > 0) {
      out.path = PathOf(f.arg(0));
    }
    if (!out.function || out.op != Op::kCount) {
      const auto it = std::find(paths.begin(), paths.end(), out.path);
      out.read = static_cast<size_t>(it - paths.begin());
      if (it == paths.end()) paths.push_back(out.path);
    }
    keeps_values = keeps_values || (out.function && Accumulator::KeepsValues(out.op));
    outputs.push_back(std::move(out));
  }
}

Status GroupTable::Add(const RowBatch& rows, const Late& late) {
  if (rows.columns != nullptr) {
    if (!shape_.keeps_values) return AddColumns(*rows.columns, late);
    return AddInSlices(*rows.columns, late);
  }
  for (const Document& d : rows.rows) RETURN_IF_ERROR(AddRow(d.root(), late));
  return CheckBudget();
}

Status GroupTable::CheckBudget() const {
  return shape_.keeps_values && held_ > budget_ ? OverBudget("aggregate", budget_) : OkStatus();
}

size_t GroupTable::GroupOf(Value row) {
  // Most often one path groups, and its text alone tells the group: equal texts are equal values.
  std::string_view text;
  if (shape_.keys.size() == 1) {
    text = shape_.outputs[shape_.keys[0]].path.Get(row).text();
    if (const auto it = by_text_.find(text); it != by_text_.end()) return it->second;
  }
  key_.clear();
  for (const size_t k : shape_.keys) AppendKey(&key_, shape_.outputs[k].path.Get(row));
  auto it = index_.find(key_);
  if (it == index_.end()) {
    if (full_) return kNoGroup;
    it = index_.emplace(key_, groups_.size()).first;
    groups_.push_back(
        MakeGroup(shape_, row, [&](size_t i) -> const Path& { return shape_.outputs[i].path; }));
    groups_.back().key = key_;
    held_ += 2 * key_.size() + 128;
    for (const Accumulator& a : groups_.back().functions) held_ += a.Bytes();
  }
  if (shape_.keys.size() == 1 && !full_) {
    by_text_.emplace(text, it->second);
    held_ += text.size() + 48;
  }
  full_ = full_ || held_ > budget_ / 2;
  return it->second;
}

template <typename Act>
void GroupTable::On(size_t group, size_t function, bool keeps, const Act& act) {
  Accumulator& a = groups_[group].functions[function];
  if (keeps) held_ -= a.Bytes();
  act(a);
  if (keeps) held_ += a.Bytes();
}

Status GroupTable::AddRow(Value row, const Late& late) {
  const size_t group = GroupOf(row);
  if (group == kNoGroup) return late(row, key_);
  size_t f = 0;
  for (const AggregateShape::Output& o : shape_.outputs) {
    if (!o.function) continue;
    const bool keeps = Accumulator::KeepsValues(o.op);
    On(group, f++, keeps, [&](Accumulator& a) { a.Add(o.path.Get(row)); });
    if (keeps) RETURN_IF_ERROR(CheckBudget());
  }
  return OkStatus();
}

Status GroupTable::AddInSlices(const ColumnRows& rows, const Late& late) {
  const bool small = std::all_of(shape_.outputs.begin(), shape_.outputs.end(),
                                 [&](const AggregateShape::Output& o) {
                                   if (!o.function || !Accumulator::KeepsValues(o.op)) return true;
                                   const Column* const c = rows.columns[o.read].get();
                                   return c != nullptr && c->codes().empty();
                                 });
  if (!small) {
    for (const Column::Place place : rows.selected)
      RETURN_IF_ERROR(AddRow(rows.documents->At(place), late));
    return CheckBudget();
  }
  // A number that is kept takes some hundred bytes.
  const size_t size = std::clamp<size_t>(budget_ / 8192, 1, Column::kMaxRows);
  for (size_t begin = 0; begin < rows.selected.size(); begin += size) {
    const auto first = rows.selected.begin() + static_cast<std::ptrdiff_t>(begin);
    const size_t count = std::min(size, rows.selected.size() - begin);
    const ColumnRows slice{
        rows.documents, {first, first + static_cast<std::ptrdiff_t>(count)}, rows.columns};
    RETURN_IF_ERROR(AddColumns(slice, late));
  }
  return OkStatus();
}

Status GroupTable::AddColumns(const ColumnRows& rows, const Late& late) {
  // Which group each row belongs to, asked once for each combination of codes.
  std::vector<const Column*> keys;
  for (const size_t k : shape_.keys) keys.push_back(rows.columns[shape_.outputs[k].read].get());
  constexpr size_t kUnknown = kNoGroup - 1;
  ByCodes<size_t> by_codes(std::move(keys), kUnknown);
  std::vector<size_t> groups;  // of the rows that found room
  groups.reserve(rows.selected.size());
  ColumnRows here{rows.documents, {}, rows.columns};
  here.selected.reserve(rows.selected.size());
  for (const Column::Place place : rows.selected) {
    size_t* const remembered = by_codes.Find(place);
    size_t group = remembered != nullptr ? *remembered : kUnknown;
    if (group == kUnknown) {
      const Value row = rows.documents->At(place);
      group = GroupOf(row);
      if (group == kNoGroup) {
        RETURN_IF_ERROR(late(row, key_));
        continue;
      }
      if (remembered != nullptr) *remembered = group;
    }
    groups.push_back(group);
    here.selected.push_back(place);
  }
  size_t f = 0;
  for (const AggregateShape::Output& o : shape_.outputs) {
    if (!o.function) continue;
    const size_t function = f++;
    if (o.op == Op::kCount) {
      for (const size_t g : groups) groups_[g].functions[function].AddCount(1);
      continue;
    }
    const bool keeps = Accumulator::KeepsValues(o.op);
    AddColumn(here, rows.columns[o.read].get(), o.path,
              [&](size_t i, const auto& act) { On(groups[i], function, keeps, act); });
  }
  return CheckBudget();
}

Status GroupTable::Merge(GroupTable later) {
  for (Group& g : later.groups_) {
    const auto [it, fresh] = index_.try_emplace(g.key, groups_.size());
    if (!fresh) {
      for (size_t f = 0; f < g.functions.size(); ++f) {
        const Accumulator& more = g.functions[f];
        On(it->second, f, more.keeps_values(), [&](Accumulator& a) { a.Merge(more); });
      }
      continue;
    }
    held_ += 2 * g.key.size() + 128;
    for (const Accumulator& a : g.functions) held_ += a.Bytes();
    groups_.push_back(std::move(g));
  }
  full_ = full_ || held_ > budget_ / 2;
  return CheckBudget();
}

void GroupTable::Clear() {
  groups_.clear();
  index_.clear();
  by_text_.clear();
  held_ = 0;
}

Group MakeGroup(const AggregateShape& shape, Value row,
                const std::function<const Path&(size_t output)>& path) {
  Group g;
  for (size_t i = 0; i < shape.outputs.size(); ++i) {
    if (shape.outputs[i].function) {
      g.functions.emplace_back(shape.outputs[i].op);
    } else {
      g.values.emplace_back(path(i).Get(row).text());
    }
  }
  return g;
}

std::string GroupText(const AggregateShape& shape, const Group& g) {
  std::string out = "{";
  size_t v = 0;
  size_t f = 0;
  for (const AggregateShape::Output& o : shape.outputs) {
    const std::string text = o.function ? g.functions[f++].Result() : g.values[v++];
    if (text.empty()) continue;
    if (out.size() > 1) out += ',';
    AppendJsonString(&out, o.name);
    out += ':';
    out += text;
  }
  return out + "}";
}

}  // namespace strata
