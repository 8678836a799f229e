// aggregate(p,…,f(q),…) and the scalar ends.
#include "core/json_text.h"
#include "core/key_encoding.h"
#include "query/operators/accumulator.h"
#include "query/operators/operators.h"
#include "query/print.h"

namespace strata {
namespace {

// Groups by the values at the paths (missing is a value of its own) in the order in which groups
// first came up.
class AggregateOperator final : public RootOperator {
 public:
  AggregateOperator(const Node& n, size_t budget) : RootOperator(n), budget_(budget) {
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
      outputs_.push_back(std::move(out));
    }
  }

 protected:
  Status Produce(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    if (!filled_) RETURN_IF_ERROR(Fill(ctx));
    for (; next_ < groups_.size() && batch->rows.size() < max_rows; ++next_) {
      const std::string row = Row(groups_[next_]);
      if (row.size() > kMaxDocumentBytes) {
        return ResourceExhausted("a row is larger than a document may be");
      }
      batch->rows.push_back(Document::FromTrusted(row));
    }
    if (next_ == groups_.size()) batch->end = EndReason::kExhausted;
    return OkStatus();
  }

 private:
  struct Output {
    std::string name;
    bool function = false;
    Op op = Op::kOther;
    Path path;
  };
  struct Group {
    std::vector<std::string> values;  // JSON text of each path; "" when missing
    std::vector<Accumulator> functions;
  };

  Status Fill(const Context& ctx) {
    RowBatch in;
    size_t held = 0;
    std::string key;
    do {
      RETURN_IF_ERROR(ctx.Check());
      RETURN_IF_ERROR(input().Next(ctx, kBatchRows, &in));
      for (const Document& d : in.rows) {
        const Value row = d.root();
        key.clear();
        for (const Output& o : outputs_) {
          if (!o.function) AppendKey(&key, o.path.Get(row));
        }
        auto [it, fresh] = index_.try_emplace(key, groups_.size());
        if (fresh) {
          groups_.push_back(NewGroup(row));
          held += 2 * key.size() + 128;
          for (const Accumulator& a : groups_.back().functions) held += a.Bytes();
          if (held > budget_) return OverBudget("aggregate", budget_);
        }
        Group& g = groups_[it->second];
        size_t f = 0;
        for (const Output& o : outputs_) {
          if (!o.function) continue;
          Accumulator& a = g.functions[f++];
          held -= a.Bytes();
          a.Add(o.path.Get(row));
          held += a.Bytes();
        }
        if (held > budget_) return OverBudget("aggregate", budget_);
      }
    } while (in.end == EndReason::kMore);
    filled_ = true;
    return OkStatus();
  }

  Group NewGroup(Value row) const {
    Group g;
    for (const Output& o : outputs_) {
      if (o.function) {
        g.functions.emplace_back(o.op);
      } else {
        g.values.emplace_back(o.path.Get(row).text());
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
  std::vector<Output> outputs_;
  std::vector<Group> groups_;
  StringMap<size_t> index_;
  size_t next_ = 0;
  bool filled_ = false;
};

// Pulls everything and gives one value.
class ScalarOperator final : public RootOperator {
 public:
  explicit ScalarOperator(const Node& n) : RootOperator(n), op_(n.op()) {
    if (n.size() == 1) path_ = PathOf(n.arg(0));
  }

 protected:
  Status Produce(const Context& ctx, size_t, RowBatch* batch) override {
    batch->end = EndReason::kExhausted;
    if (op_ == Op::kFirst || op_ == Op::kOne) return ProduceRow(ctx, batch);
    Accumulator acc(op_);
    RowBatch in;
    do {
      RETURN_IF_ERROR(ctx.Check());
      RETURN_IF_ERROR(input().Next(ctx, kBatchRows, &in));
      for (const Document& d : in.rows) acc.Add(path_.Get(d.root()));
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
};

}  // namespace

std::unique_ptr<Operator> MakeAggregate(const Node& n, size_t memory_budget) {
  return std::make_unique<AggregateOperator>(n, memory_budget);
}
std::unique_ptr<Operator> MakeScalar(const Node& n) { return std::make_unique<ScalarOperator>(n); }

}  // namespace strata
