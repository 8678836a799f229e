// The cursors at the bottom of a base store's plan.
#ifndef STRATA_STORE_SCAN_CURSOR_H_
#define STRATA_STORE_SCAN_CURSOR_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "query/plan.h"
#include "query/sort_position.h"
#include "store/query_log.h"
#include "store/snapshot.h"

namespace strata {

// Rows from a snapshot by the way chosen.
class ScanCursor final : public Cursor {
 public:
  using Start = std::function<StatusOr<std::unique_ptr<RecordScan>>(const Context& ctx)>;

  // `sort`: the order that the way gives, of which positions are made; null: by id.
  ScanCursor(std::shared_ptr<const Snapshot> snapshot, Start start, const Node* sort,
             std::string position, std::function<ExplainNode()> explain);
  // Says at the end what was looked at, and which index would have helped.
  void LogTo(QueryLog* log, std::optional<IndexSpec> ideal);
  ~ScanCursor() override;

  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override;
  std::string Position() const override;
  ExplainNode Explain() const override;

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  const Start start_;
  std::unique_ptr<RecordScan> scan_;
  std::vector<SortKey> keys_;
  const std::string position_;
  Document last_;
  const std::function<ExplainNode()> explain_;
  QueryLog* log_ = nullptr;
  std::optional<IndexSpec> ideal_;
  uint64_t rows_ = 0;
};

// One value that an index knows.
class ValueCursor final : public Cursor {
 public:
  using Find = std::function<StatusOr<std::string>(const Context& ctx)>;
  ValueCursor(Find find, std::function<ExplainNode()> explain)
      : find_(std::move(find)), explain_(std::move(explain)) {}
  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override;
  std::string Position() const override { return ""; }
  ExplainNode Explain() const override { return explain_(); }

 private:
  const Find find_;
  const std::function<ExplainNode()> explain_;
};

// A scan of no document.
std::unique_ptr<RecordScan> MakeEmptyScan();

}  // namespace strata

#endif  // STRATA_STORE_SCAN_CURSOR_H_
