// aggregate(p,…,f(q),…) and the scalar ends.
#include "core/json_text.h"
#include "core/key_encoding.h"
#include "query/operators/accumulator.h"
#include "query/operators/external_sort.h"
#include "query/operators/operators.h"
#include "query/print.h"

namespace strata {
namespace {

struct Output {
  std::string name;
  bool function = false;
  Op op = Op::kOther;
  Path path;
};

// The values of a group's paths (JSON text; "" when missing) and its functions.
struct Group {
  std::vector<std::string> values;
  std::vector<Accumulator> functions;
};

std::vector<Output> OutputsOf(const Node& n) {
  std::vector<Output> outputs;
  for (const Node& a : n.args()) {
    Output out;
    const Node& f = a.is(Op::kAs) ? a.arg(1) : a;
    out.name = AggregateOutputName(a);
    out.function = f.is_call();
    out.op = f.is_call() ? f.op() : Op::kOther;
    if (!f.is_call()) {
      out.path = PathOf(f);
    } else if (f.size() > 0) {
      out.path = PathOf(f.arg(0));
    }
    outputs.push_back(std::move(out));
  }
  return outputs;
}

// What lies at each path that the outputs read; paths that several read come once.
struct Reading {
  std::vector<Path> paths;
  std::vector<size_t> of;  // by output: its path's place, or none

  static constexpr size_t kNone = ~size_t{0};
  size_t Add(const Path& path) {
    const auto it = std::find(paths.begin(), paths.end(), path);
    const auto place = static_cast<size_t>(it - paths.begin());
    if (it == paths.end()) paths.push_back(path);
    return place;
  }
};

// Adds the values at the places, each by add(i, what is to be done to the row's accumulator).
template <typename Add>
void AddColumn(const ColumnRows& rows, const Column* column, const Path& path, const Add& add) {
  const auto value = [&](size_t place) { return path.Get(rows.documents->At(place)); };
  const auto number = [&](size_t i, auto n) {
    add(i, [&](Accumulator& a) { a.AddNumber(n, [&] { return value(rows.selected[i]); }); });
  };
  const auto other = [&](size_t i, size_t place) {
    add(i, [&](Accumulator& a) { a.Add(value(place)); });
  };
  if (column == nullptr) {
    for (size_t i = 0; i < rows.selected.size(); ++i) other(i, rows.selected[i]);
    return;
  }
  const auto each = [&](const auto& numbers) {
    const auto codes = column->codes();
    for (size_t i = 0; i < rows.selected.size(); ++i) {
      const Column::Place place = rows.selected[i];
      const Column::Code code = codes.empty() ? Column::kNumber : codes[place];
      if (code == Column::kNumber) [[likely]] {
        number(i, numbers[place]);
      } else {
        other(i, code == Column::kAsk ? place : column->examples()[code]);
      }
    }
  };
  if (!column->ints().empty()) return each(column->ints());
  each(column->doubles());
}

// Groups by the values at the paths (missing is a value of its own) in the order in which groups
// first came up. When half of the budget is used up, no further group is taken into memory: the
// rows of the others are sorted by group (on disk, if need be), aggregated one group after the
// other, and their results sorted by when each group first came up.
class AggregateOperator final : public RootOperator {
 public:
  AggregateOperator(const Node& n, const OperatorOptions& options)
      : RootOperator(n),
        budget_(options.memory_budget),
        outputs_(OutputsOf(n)),
        late_rows_(budget_ / 2, options.spill_folder),
        late_results_(budget_ / 2, options.spill_folder) {
    for (size_t i = 0; i < outputs_.size(); ++i) {
      names_.push_back(std::to_string(i));
      late_paths_.push_back(Path::Of(names_.back()));
      if (!outputs_[i].function) keys_.push_back(i);
      const bool reads = !outputs_[i].function || outputs_[i].op != Op::kCount;
      reading_.of.push_back(reads ? reading_.Add(outputs_[i].path) : Reading::kNone);
    }
  }

  std::optional<std::vector<Path>> TakeColumns() override {
    take_columns_ = true;
    return reading_.paths;
  }

  ExplainNode Explain() const override {
    ExplainNode n = Operator::Explain();
    const uint64_t spilled = late_rows_.spilled_bytes() + late_results_.spilled_bytes();
    if (spilled > 0) n.spilled_bytes = spilled;
    return n;
  }

 protected:
  Status Produce(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    if (!filled_) {
      RETURN_IF_ERROR(Fill(ctx));
      filled_ = true;
    }
    while (batch->rows.size() < max_rows) {
      if (next_ < groups_.size()) {
        const std::string row = Row(groups_[next_++]);
        RETURN_IF_ERROR(CheckSize(row));
        batch->rows.push_back(Document::FromTrusted(row));
        continue;
      }
      if (late_rows_.empty()) {
        batch->end = EndReason::kExhausted;
        return OkStatus();
      }
      if (!late_done_) RETURN_IF_ERROR(AggregateLate(ctx));
      SortRow row;
      ASSIGN_OR_RETURN(const bool more, late_results_.Next(ctx, &row));
      if (!more) {
        batch->end = EndReason::kExhausted;
        return OkStatus();
      }
      batch->rows.push_back(std::move(row.document));
    }
    return OkStatus();
  }

 private:
  static constexpr size_t kNoGroup = ~size_t{0};

  static Status CheckSize(const std::string& row) {
    return row.size() <= kMaxDocumentBytes
               ? OkStatus()
               : ResourceExhausted("a row is larger than a document may be");
  }

  Status Fill(const Context& ctx) {
    RowBatch in;
    in.take_columns = take_columns_;
    do {
      RETURN_IF_ERROR(ctx.Check());
      RETURN_IF_ERROR(input().Next(ctx, kBatchRows, &in));
      for (const Document& d : in.rows) RETURN_IF_ERROR(AddRow(ctx, d.root()));
      if (in.columns != nullptr) RETURN_IF_ERROR(AddColumns(ctx, *in.columns));
    } while (in.end == EndReason::kMore);
    return OkStatus();
  }

  Status AddRow(const Context& ctx, Value row) {
    const size_t group = GroupOf(row);
    return group == kNoGroup ? AddLate(ctx, row) : AddTo(&groups_[group], row);
  }

  Status AddColumns(const Context& ctx, const ColumnRows& rows) {
    // Which group each row belongs to. Rows whose group has no room are put off, and leave the
    // others as they are.
    std::vector<size_t> groups;
    groups.reserve(rows.selected.size());
    ColumnRows here{rows.documents, {}, rows.columns};
    here.selected.reserve(rows.selected.size());
    std::vector<const Column*> keys;
    for (const size_t k : keys_) keys.push_back(rows.columns[reading_.of[k]].get());
    constexpr size_t kMostKeys = 4;  // codes in 64 bits
    constexpr size_t kUnknown = kNoGroup - 1;
    const bool coded =
        keys.size() <= kMostKeys && std::all_of(keys.begin(), keys.end(), [](const Column* c) {
          return c != nullptr && !c->codes().empty();
        });
    std::vector<size_t> by_code(coded && keys.size() == 1 ? keys[0]->examples().size() : 1,
                                kUnknown);
    absl::flat_hash_map<uint64_t, size_t> by_codes;
    for (const Column::Place place : rows.selected) {
      size_t* known = nullptr;
      if (coded) {
        uint64_t all = 0;
        bool plain = true;
        for (const Column* k : keys) {
          const Column::Code code = k->codes()[place];
          plain = plain && code < k->examples().size();
          all = all << 16 | code;
        }
        if (plain)
          known =
              keys.size() <= 1 ? &by_code[all] : &by_codes.try_emplace(all, kUnknown).first->second;
      }
      size_t group = known != nullptr ? *known : kUnknown;
      if (group == kUnknown) {
        const Value row = rows.documents->At(place);
        group = GroupOf(row);
        if (group == kNoGroup) {
          RETURN_IF_ERROR(AddLate(ctx, row));
          continue;
        }
        if (known != nullptr) *known = group;
      }
      groups.push_back(group);
      here.selected.push_back(place);
    }
    size_t f = 0;
    for (size_t o = 0; o < outputs_.size(); ++o) {
      if (!outputs_[o].function) continue;
      const size_t function = f++;
      if (outputs_[o].op == Op::kCount) {
        for (const size_t g : groups) groups_[g].functions[function].Add(Value());
        continue;
      }
      const bool keeps = Accumulator(outputs_[o].op).keeps_values();
      AddColumn(here, rows.columns[reading_.of[o]].get(), outputs_[o].path,
                [&](size_t i, const auto& act) {
                  Accumulator& a = groups_[groups[i]].functions[function];
                  if (keeps) held_ -= a.Bytes();
                  act(a);
                  if (keeps) held_ += a.Bytes();
                });
    }
    return held_ > budget_ ? OverBudget("aggregate", budget_) : OkStatus();
  }

  // The row's group, made if there is room for it.
  size_t GroupOf(Value row) {
    // Most often one path groups, and its text alone tells the group: equal texts are equal values.
    std::string_view text;
    if (keys_.size() == 1) {
      text = outputs_[keys_[0]].path.Get(row).text();
      if (const auto it = by_text_.find(text); it != by_text_.end()) return it->second;
    }
    key_.clear();
    for (const size_t i : keys_) AppendKey(&key_, outputs_[i].path.Get(row));
    auto it = index_.find(key_);
    if (it == index_.end()) {
      if (full_) return kNoGroup;
      it = index_.emplace(key_, groups_.size()).first;
      groups_.push_back(NewGroup(row, [](const Output& o, size_t) { return &o.path; }));
      held_ += 2 * key_.size() + 128;
      for (const Accumulator& a : groups_.back().functions) held_ += a.Bytes();
    }
    if (keys_.size() == 1 && !full_) {
      by_text_.emplace(text, it->second);
      held_ += text.size() + 48;
    }
    full_ = full_ || held_ > budget_ / 2;
    return it->second;
  }

  Status AddTo(Group* g, Value row) {
    size_t f = 0;
    for (const Output& o : outputs_) {
      if (!o.function) continue;
      Accumulator& a = g->functions[f++];
      const Value v = o.path.Get(row);
      if (!a.keeps_values()) {
        a.Add(v);
        continue;
      }
      held_ -= a.Bytes();
      a.Add(v);
      held_ += a.Bytes();
      if (held_ > budget_) return OverBudget("aggregate", budget_);
    }
    return OkStatus();
  }

  // Puts off a row whose group is not in memory: what the outputs read of it, by number.
  Status AddLate(const Context& ctx, Value row) {
    std::string text = "{";
    for (size_t i = 0; i < outputs_.size(); ++i) {
      const Value v = outputs_[i].path.Get(row);
      if (!v.exists()) continue;
      if (text.size() > 1) text += ',';
      text += '"' + names_[i] + "\":";
      text += v.text();
    }
    text += '}';
    RETURN_IF_ERROR(CheckSize(text));
    return late_rows_.Add(ctx, SortRow(key_, late_rows_.rows(), Document::FromTrusted(text)));
  }

  Status AggregateLate(const Context& ctx) {
    late_done_ = true;
    groups_.clear();
    index_.clear();
    by_text_.clear();
    held_ = 0;
    next_ = 0;
    RETURN_IF_ERROR(late_rows_.Finish(ctx));
    std::string key;
    uint64_t first = 0;
    Group group;
    bool any = false;
    SortRow row;
    for (uint64_t n = 1;; ++n) {
      if (n % 1024 == 0) RETURN_IF_ERROR(ctx.Check());
      ASSIGN_OR_RETURN(const bool more, late_rows_.Next(ctx, &row));
      if (any && (!more || row.key != key)) {
        const std::string text = Row(group);
        RETURN_IF_ERROR(CheckSize(text));
        RETURN_IF_ERROR(late_results_.Add(ctx, SortRow("", first, Document::FromTrusted(text))));
        any = false;
      }
      if (!more) break;
      const Value v = row.document.root();
      const auto path = [&](const Output&, size_t i) { return &late_paths_[i]; };
      if (!any) {
        any = true;
        key = row.key;
        first = row.order;
        group = NewGroup(v, path);
      }
      size_t f = 0;
      for (size_t i = 0; i < outputs_.size(); ++i) {
        if (outputs_[i].function) group.functions[f++].Add(late_paths_[i].Get(v));
      }
    }
    return late_results_.Finish(ctx);
  }

  template <typename PathOfOutput>
  Group NewGroup(Value row, const PathOfOutput& path) const {
    Group g;
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (outputs_[i].function) {
        g.functions.emplace_back(outputs_[i].op);
      } else {
        g.values.emplace_back(path(outputs_[i], i)->Get(row).text());
      }
    }
    return g;
  }

  std::string Row(const Group& g) const {
    std::string out = "{";
    size_t v = 0;
    size_t f = 0;
    for (const Output& o : outputs_) {
      const std::string text = o.function ? g.functions[f++].Result() : g.values[v++];
      if (text.empty()) continue;
      if (out.size() > 1) out += ',';
      AppendJsonString(&out, o.name);
      out += ':';
      out += text;
    }
    return out + "}";
  }

  const size_t budget_;
  const std::vector<Output> outputs_;
  std::vector<size_t> keys_;  // the outputs that group
  std::vector<std::string> names_;
  std::vector<Path> late_paths_;
  Reading reading_;
  bool take_columns_ = false;
  std::vector<Group> groups_;
  StringMap<size_t> index_;    // a group's key to its place
  StringMap<size_t> by_text_;  // the same by the text of the only path
  std::string key_;
  size_t held_ = 0;
  bool full_ = false;
  ExternalSort late_rows_;
  ExternalSort late_results_;
  bool late_done_ = false;
  size_t next_ = 0;
  bool filled_ = false;
};

// Pulls everything and gives one value.
class ScalarOperator final : public RootOperator {
 public:
  explicit ScalarOperator(const Node& n) : RootOperator(n), op_(n.op()) {
    if (n.size() == 1) path_ = PathOf(n.arg(0));
  }

  std::optional<std::vector<Path>> TakeColumns() override {
    if (op_ == Op::kFirst || op_ == Op::kOne) return std::nullopt;
    take_columns_ = true;
    return op_ == Op::kCount ? std::vector<Path>() : std::vector<Path>{path_};
  }

 protected:
  Status Produce(const Context& ctx, size_t, RowBatch* batch) override {
    batch->end = EndReason::kExhausted;
    if (op_ == Op::kFirst || op_ == Op::kOne) return ProduceRow(ctx, batch);
    Accumulator acc(op_);
    RowBatch in;
    in.take_columns = take_columns_;
    do {
      RETURN_IF_ERROR(ctx.Check());
      RETURN_IF_ERROR(input().Next(ctx, kBatchRows, &in));
      if (op_ == Op::kCount) {
        acc.AddCount(in.size());
        continue;
      }
      for (const Document& d : in.rows) acc.Add(path_.Get(d.root()));
      if (in.columns != nullptr) {
        AddColumn(*in.columns, in.columns->columns[0].get(), path_,
                  [&](size_t, const auto& act) { act(acc); });
      }
    } while (in.end == EndReason::kMore);
    batch->rows.push_back(Document::FromTrusted(acc.Result()));
    return OkStatus();
  }

 private:
  Status ProduceRow(const Context& ctx, RowBatch* batch) {
    const size_t want = op_ == Op::kOne ? 2 : 1;
    RowBatch in;
    std::vector<Document> found;
    do {
      RETURN_IF_ERROR(input().Next(ctx, want - found.size(), &in));
      found.insert(found.end(), in.rows.begin(), in.rows.end());
    } while (in.end == EndReason::kMore && found.size() < want);
    if (op_ == Op::kOne && found.empty()) return NotFound("one() found no row");
    if (op_ == Op::kOne && found.size() > 1) return FailedPrecondition("one() found several rows");
    batch->rows.push_back(found.empty() ? Document::FromTrusted("null") : found[0]);
    return OkStatus();
  }

  const Op op_;
  Path path_;
  bool take_columns_ = false;
};

}  // namespace

std::unique_ptr<Operator> MakeAggregate(const Node& n, const OperatorOptions& options) {
  return std::make_unique<AggregateOperator>(n, options);
}
std::unique_ptr<Operator> MakeScalar(const Node& n) { return std::make_unique<ScalarOperator>(n); }

}  // namespace strata
