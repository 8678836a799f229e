// Plan and Cursor: a query prepared by one store, and its rows as they are pulled.
//
// A plan says what it leaves for its caller (residual()); what is not in the residual it does
// exactly. Plans and cursors belong to one thread at a time. A plan must outlive its cursors; both
// keep their store alive.
#ifndef STRATA_QUERY_PLAN_H_
#define STRATA_QUERY_PLAN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/context.h"
#include "core/document.h"
#include "query/columns/column.h"
#include "query/query.h"

namespace strata {

inline constexpr size_t kBatchRows = 256;

enum class EndReason : uint8_t { kMore, kExhausted, kLimit };

struct RowBatch {
  std::vector<Document> rows;
  // A caller that sets this is content with columns instead of rows, of the paths that were agreed
  // upon when the cursor was made.
  bool take_columns = false;
  std::shared_ptr<const ColumnRows> columns;
  EndReason end = EndReason::kMore;  // other than kMore: there are no further rows
  // Rows before the limit, counted as far as limit's third argument asks; only with the last batch.
  std::optional<uint64_t> total;

  size_t size() const { return columns != nullptr ? columns->selected.size() : rows.size(); }
};

// One line of explain, innermost last.
struct ExplainNode {
  std::string stage;               // stage path, or "" for what Complete() put above them all
  std::string operation;           // "scan", "id range", "sort", …
  std::vector<std::string> taken;  // canonical text
  std::vector<std::string> narrowed;
  std::vector<std::string> left;
  std::string order;                // of the rows, as a sort key
  std::vector<std::string> bounds;  // the conditions that bound the ids or index entries looked at
  std::optional<double> estimated_rows, estimated_examined;
  std::optional<double> cost;  // microseconds, as estimated
  // Ways that were compared, with their costs; the one taken is the first.
  std::vector<std::pair<std::string, double>> considered;
  // Of a run:
  std::optional<uint64_t> rows, examined, batches, nanoseconds, bytes, spilled_bytes;
  std::optional<uint64_t> by_columns;  // of those examined: by columns instead of documents
  std::vector<ExplainNode> children;
};
// An indented tree. An estimate that a run showed to be wrong by more than ten times is marked.
std::string ExplainText(const ExplainNode& n);
std::string ExplainJson(const ExplainNode& n);

class Cursor {
 public:
  virtual ~Cursor() = default;
  // Replaces *batch by 1..max_rows rows, or none with an end. Requires: max_rows > 0.
  // Errors: DeadlineExceeded, Cancelled, ResourceExhausted (a budget, named), and the store's own.
  virtual Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) = 0;
  // Where to go on behind the rows given so far, for OpenOptions::position of the same plan.
  virtual std::string Position() const = 0;
  // What was done so far, with figures.
  virtual ExplainNode Explain() const = 0;
};

struct OpenOptions {
  std::span<const Node> params;  // values of $1, $2, …
  std::string position;          // "": from the beginning
  // Bytes that one sort, distinct or aggregate may hold in memory; the rest goes to a temporary
  // file in spill_folder ("": TMPDIR, else /tmp).
  size_t memory_budget = 256u << 20;
  std::string spill_folder;
  bool timed = false;  // measure time for Explain
};

class Plan {
 public:
  virtual ~Plan() = default;
  virtual const Query& residual() const = 0;
  virtual StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                                 const OpenOptions& options) const = 0;
  virtual ExplainNode Explain() const = 0;
};

}  // namespace strata

#endif  // STRATA_QUERY_PLAN_H_
