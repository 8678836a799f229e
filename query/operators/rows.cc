// The operators that work row by row: filter, select, unselect, values, limit.
#include <cstring>

#include "core/projection.h"
#include "query/filter.h"
#include "query/operators/operators.h"
#include "query/print.h"

namespace strata {
namespace {

std::vector<std::string> Texts(const std::vector<Node>& nodes) {
  std::vector<std::string> out;
  for (const Node& n : nodes) out.push_back(PrintNode(n));
  return out;
}

std::vector<Path> PathsOf(std::span<const Node> nodes) {
  std::vector<Path> out;
  for (const Node& n : nodes) out.push_back(PathOf(n));
  return out;
}

class FilterOperator final : public Operator {
 public:
  FilterOperator(const std::vector<Node>& conditions, Filter filter)
      : Operator("filter", Texts(conditions)), filter_(std::move(filter)) {}

  bool TakePosition(std::string*) override { return true; }
  std::string Position() const override { return input().Position(); }
  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    do {
      RETURN_IF_ERROR(ctx.Check());
      RETURN_IF_ERROR(input().Next(ctx, max_rows, batch));
      std::erase_if(batch->rows, [&](const Document& d) { return !filter_.Matches(d.root()); });
    } while (batch->rows.empty() && batch->end == EndReason::kMore);
    return OkStatus();
  }

 private:
  const Filter filter_;
};

class ProjectionOperator final : public Operator {
 public:
  explicit ProjectionOperator(const Node& n)
      : Operator(n), op_(n.op()), paths_(PathsOf(n.args())), projection_(paths_) {}

  bool TakePosition(std::string*) override { return true; }
  std::string Position() const override { return input().Position(); }
  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    RETURN_IF_ERROR(input().Next(ctx, max_rows, batch));
    for (Document& d : batch->rows) {
      d = Project(d);
      if (d.text().size() > kMaxDocumentBytes) {
        return ResourceExhausted("a row is larger than a document may be");
      }
    }
    return OkStatus();
  }

 private:
  Document Project(const Document& d) const {
    if (op_ == Op::kSelect) return projection_.Keep(d);
    if (op_ == Op::kUnselect) return projection_.Drop(d);
    const auto text = [&](const Path& p) {
      const Value v = p.Get(d.root());
      return v.exists() ? v.text() : std::string_view("null");
    };
    if (paths_.size() == 1) return Document::FromTrusted(text(paths_[0]));
    std::string out = "[";
    for (const Path& p : paths_) {
      if (out.size() > 1) out += ',';
      out += text(p);
    }
    return Document::FromTrusted(out + "]");
  }

  const Op op_;
  const std::vector<Path> paths_;
  const Projection projection_;
};

class LimitOperator final : public Operator {
 public:
  explicit LimitOperator(const Node& n) : Operator(n), spec_(LimitOf(n)) {
    if (n.size() == 3) {
      const Node& max = n.arg(2);
      count_total_to_ =
          max.is_string() ? ~uint64_t{0} : static_cast<uint64_t>(max.number().int_value());
    }
  }

  bool TakePosition(std::string* position) override {
    if (position->empty()) return true;
    if (position->size() < sizeof seen_) return false;
    std::memcpy(&seen_, position->data() + position->size() - sizeof seen_, sizeof seen_);
    position->resize(position->size() - sizeof seen_);
    return true;
  }

  // Behind a page that the limit ended, the next page takes as many rows again.
  std::string Position() const override {
    const uint64_t seen = Full() ? spec_.start : seen_;
    return (counted_from_ ? *counted_from_ : input().Position()) +
           std::string(reinterpret_cast<const char*>(&seen), sizeof seen);
  }

  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    for (;;) {
      if (Full()) {
        batch->rows.clear();
        return Finish(ctx, batch);
      }
      const bool skipping = seen_ < spec_.start;
      const uint64_t want = skipping ? spec_.start - seen_ : spec_.count - (seen_ - spec_.start);
      RETURN_IF_ERROR(
          input().Next(ctx, std::min<uint64_t>(skipping ? kBatchRows : max_rows, want), batch));
      seen_ += batch->rows.size();
      if (skipping) batch->rows.clear();
      if (batch->end != EndReason::kMore) {
        // A sort under a limit stops there too; there may be more behind it.
        if (Full() && spec_.count > 0) batch->end = EndReason::kLimit;
        if (count_total_to_) batch->total = std::min(*count_total_to_, seen_);
        return OkStatus();
      }
      if (batch->rows.empty()) continue;
      return Full() ? Finish(ctx, batch) : OkStatus();
    }
  }

 private:
  bool Full() const { return seen_ >= spec_.start && seen_ - spec_.start >= spec_.count; }

  Status Finish(const Context& ctx, RowBatch* batch) {
    batch->end = EndReason::kLimit;
    if (!count_total_to_) return OkStatus();
    if (!counted_from_) counted_from_ = input().Position();
    uint64_t total = seen_;
    RowBatch rest;
    while (total < *count_total_to_ && rest.end == EndReason::kMore) {
      RETURN_IF_ERROR(ctx.Check());
      RETURN_IF_ERROR(input().Next(ctx, kBatchRows, &rest));
      total += rest.rows.size();
    }
    batch->total = std::min(*count_total_to_, total);
    return OkStatus();
  }

  const LimitSpec spec_;
  std::optional<uint64_t> count_total_to_;
  std::optional<std::string> counted_from_;  // where the input stood before its rest was counted
  uint64_t seen_ = 0;                        // input rows taken, also those before `start`
};

}  // namespace

StatusOr<std::unique_ptr<Operator>> MakeFilter(const std::vector<Node>& conditions) {
  ASSIGN_OR_RETURN(Filter f, Filter::Compile(conditions));
  return std::unique_ptr<Operator>(std::make_unique<FilterOperator>(conditions, std::move(f)));
}
std::unique_ptr<Operator> MakeProjection(const Node& n) {
  return std::make_unique<ProjectionOperator>(n);
}
std::unique_ptr<Operator> MakeLimit(const Node& n) { return std::make_unique<LimitOperator>(n); }

}  // namespace strata
