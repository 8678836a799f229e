// aggregate(p,…,f(q),…).
#include <optional>

#include "core/chunk_pipeline.h"
#include "query/operators/external_sort.h"
#include "query/operators/group_table.h"
#include "query/operators/operators.h"

namespace strata {
namespace {

// Groups by the values at the paths (missing is a value of its own) in the order in which groups
// first came up. When half of the budget is used up, no further group is taken into memory: the
// rows of the others are sorted by group (on disk, if need be), aggregated one group after the
// other, and their results sorted by when each group first came up.
//
// With helpers, each of them aggregates some rows and the results are merged in the rows' order.
class AggregateOperator final : public RootOperator {
 public:
  AggregateOperator(const Node& n, const OperatorOptions& options)
      : RootOperator(n),
        shape_(n),
        helpers_(options.helpers),
        groups_(shape_, options.memory_budget),
        late_rows_(options.memory_budget / 2, options.spill_folder),
        late_results_(options.memory_budget / 2, options.spill_folder) {
    for (size_t i = 0; i < shape_.outputs.size(); ++i) {
      names_.push_back(std::to_string(i));
      late_paths_.push_back(Path::Of(names_.back()));
    }
  }

  std::optional<std::vector<Path>> TakeColumns() override {
    take_columns_ = true;
    return shape_.paths;
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
      if (next_ < groups_.groups().size()) {
        const std::string row = GroupText(shape_, groups_.groups()[next_++]);
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
  static constexpr size_t kPieceRows = 2048;

  // Some rows, and what a helper made of them.
  struct Piece {
    std::vector<RowBatch> batches;
    size_t rows = 0;
    std::optional<GroupTable> groups;
    Status status;
  };

  static Status CheckSize(const std::string& row) {
    return row.size() <= kMaxDocumentBytes
               ? OkStatus()
               : ResourceExhausted("a row is larger than a document may be");
  }

  Status Fill(const Context& ctx) {
    const GroupTable::Late late = [&](Value row, const std::string& key) {
      return AddLate(ctx, row, key);
    };
    bool more = true;
    if (helpers_ != nullptr) RETURN_IF_ERROR(FillWithHelpers(ctx, late, &more));
    while (more) {
      RowBatch in;
      RETURN_IF_ERROR(Pull(ctx, &in, &more));
      RETURN_IF_ERROR(groups_.Add(in, late));
    }
    return OkStatus();
  }

  Status Pull(const Context& ctx, RowBatch* in, bool* more) {
    in->take_columns = take_columns_;
    RETURN_IF_ERROR(ctx.Check());
    RETURN_IF_ERROR(input().Next(ctx, kBatchRows, in));
    *more = in->end == EndReason::kMore;
    return OkStatus();
  }

  // Until there are no more rows, or it shows that merging costs as much as it saves.
  Status FillWithHelpers(const Context& ctx, const GroupTable::Late& late, bool* more) {
    // A helper may use as much as everybody together.
    const size_t budget = SIZE_MAX;
    ChunkPipeline<Piece> pipeline(helpers_, [this, budget](Piece& p) {
      p.groups.emplace(shape_, budget);
      for (const RowBatch& b : p.batches) {
        p.status = p.groups->Add(b, nullptr);
        if (!p.status.ok()) return;
      }
    });
    bool worthwhile = true;
    for (;;) {
      while (*more && worthwhile && pipeline.wants()) {
        Piece p;
        while (*more && p.rows < kPieceRows) {
          p.batches.emplace_back();
          RETURN_IF_ERROR(Pull(ctx, &p.batches.back(), more));
          p.rows += p.batches.back().size();
        }
        pipeline.Push(std::move(p));
      }
      std::optional<Piece> done = pipeline.Pop();
      if (!done) return OkStatus();
      RETURN_IF_ERROR(done->status);
      worthwhile = worthwhile && 4 * done->groups->groups().size() <= done->rows;
      if (groups_.HasRoomFor(*done->groups)) {
        RETURN_IF_ERROR(groups_.Merge(*std::move(done->groups)));
        continue;
      }
      for (const RowBatch& b : done->batches) RETURN_IF_ERROR(groups_.Add(b, late));
    }
  }

  // Puts off a row whose group is not in memory: what the outputs read of it, by number.
  Status AddLate(const Context& ctx, Value row, const std::string& key) {
    std::string text = "{";
    for (size_t i = 0; i < shape_.outputs.size(); ++i) {
      if (shape_.outputs[i].op == Op::kCount) continue;  // its path is the row's
      const Value v = shape_.outputs[i].path.Get(row);
      if (!v.exists()) continue;
      if (text.size() > 1) text += ',';
      text += '"' + names_[i] + "\":";
      text += v.text();
    }
    text += '}';
    RETURN_IF_ERROR(CheckSize(text));
    return late_rows_.Add(ctx, SortRow(key, late_rows_.rows(), Document::FromTrusted(text)));
  }

  Status AggregateLate(const Context& ctx) {
    late_done_ = true;
    groups_.Clear();
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
        const std::string text = GroupText(shape_, group);
        RETURN_IF_ERROR(CheckSize(text));
        RETURN_IF_ERROR(late_results_.Add(ctx, SortRow("", first, Document::FromTrusted(text))));
        any = false;
      }
      if (!more) break;
      const Value v = row.document.root();
      if (!any) {
        any = true;
        key = row.key;
        first = row.order;
        group = MakeGroup(shape_, v, [&](size_t i) -> const Path& { return late_paths_[i]; });
      }
      size_t f = 0;
      for (size_t i = 0; i < shape_.outputs.size(); ++i) {
        if (shape_.outputs[i].function) group.functions[f++].Add(late_paths_[i].Get(v));
      }
    }
    return late_results_.Finish(ctx);
  }

  const AggregateShape shape_;
  const std::shared_ptr<Executor> helpers_;
  bool take_columns_ = false;
  GroupTable groups_;
  std::vector<std::string> names_;
  std::vector<Path> late_paths_;
  ExternalSort late_rows_;
  ExternalSort late_results_;
  bool late_done_ = false;
  size_t next_ = 0;
  bool filled_ = false;
};

}  // namespace

std::unique_ptr<Operator> MakeAggregate(const Node& n, const OperatorOptions& options) {
  return std::make_unique<AggregateOperator>(n, options);
}

}  // namespace strata
