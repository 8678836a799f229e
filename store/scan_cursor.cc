#include "store/scan_cursor.h"

namespace strata {

ScanCursor::ScanCursor(std::shared_ptr<const Snapshot> snapshot, Start start, const Node* sort,
                       std::string position, std::function<ExplainNode()> explain)
    : snapshot_(std::move(snapshot)),
      start_(std::move(start)),
      position_(std::move(position)),
      explain_(std::move(explain)) {
  if (sort != nullptr) keys_ = SortKeysOf(*sort);
}

void ScanCursor::LogTo(QueryLog* log, std::optional<IndexSpec> ideal) {
  log_ = log;
  ideal_ = std::move(ideal);
}

ScanCursor::~ScanCursor() {
  if (log_ != nullptr && ideal_ && scan_ != nullptr)
    log_->Record(*ideal_, scan_->examined(), rows_);
}

Status ScanCursor::Next(const Context& ctx, size_t max_rows, RowBatch* batch) {
  batch->rows.clear();
  batch->total.reset();
  if (scan_ == nullptr) {
    ASSIGN_OR_RETURN(scan_, start_(ctx));
  }
  bool done = false;
  batch->columns.reset();
  if (batch->take_columns) {
    ASSIGN_OR_RETURN(batch->columns, scan_->NextColumns(ctx, &done));
  }
  if (batch->columns == nullptr) RETURN_IF_ERROR(scan_->Next(ctx, max_rows, &batch->rows, &done));
  if (!batch->rows.empty() && !keys_.empty()) last_ = batch->rows.back();
  rows_ += batch->size();
  batch->end = done ? EndReason::kExhausted : EndReason::kMore;
  return OkStatus();
}

std::string ScanCursor::Position() const {
  if (!keys_.empty()) {
    if (!last_) return position_;
    SortPosition at;
    AppendSortKey(&at.key, keys_, last_.root());
    at.tie = TieOf(last_.root());
    at.given = 1;  // an id comes once
    return at.Encode();
  }
  const std::string at = scan_ == nullptr ? "" : scan_->Position();
  return at.empty() ? position_ : at;
}

ExplainNode ScanCursor::Explain() const {
  ExplainNode n = explain_();
  n.examined = scan_ == nullptr ? 0 : scan_->examined();
  if (scan_ != nullptr && scan_->by_columns() > 0) n.by_columns = scan_->by_columns();
  return n;
}

Status ValueCursor::Next(const Context& ctx, size_t, RowBatch* batch) {
  batch->rows.clear();
  batch->total.reset();
  ASSIGN_OR_RETURN(const std::string text, find_(ctx));
  batch->rows.push_back(Document::FromTrusted(text));
  batch->end = EndReason::kExhausted;
  return OkStatus();
}

namespace {

class EmptyScan final : public RecordScan {
 public:
  Status Next(const Context&, size_t, std::vector<Document>*, bool* done) override {
    *done = true;
    return OkStatus();
  }
  std::string Position() const override { return ""; }
  uint64_t examined() const override { return 0; }
};

}  // namespace

std::unique_ptr<RecordScan> MakeEmptyScan() { return std::make_unique<EmptyScan>(); }

}  // namespace strata
