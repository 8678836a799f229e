#include "query/operators/measured.h"

#include <chrono>

namespace strata {
namespace {

class MeasuredCursor final : public Cursor {
 public:
  MeasuredCursor(std::unique_ptr<Cursor> inner, bool timed)
      : inner_(std::move(inner)), timed_(timed) {}

  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    if (!timed_) {
      Status s = inner_->Next(ctx, max_rows, batch);
      ++batches_;
      rows_ += batch->size();
      return s;
    }
    const auto start = std::chrono::steady_clock::now();
    Status s = inner_->Next(ctx, max_rows, batch);
    const auto taken = std::chrono::steady_clock::now() - start;
    nanoseconds_ +=
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(taken).count());
    ++batches_;
    rows_ += batch->size();
    for (const Document& d : batch->rows) bytes_ += d.text().size();
    return s;
  }
  std::string Position() const override { return inner_->Position(); }
  ExplainNode Explain() const override {
    ExplainNode n = inner_->Explain();
    n.rows = rows_;
    n.batches = batches_;
    if (timed_) {
      n.nanoseconds = nanoseconds_;
      n.bytes = bytes_;
    }
    return n;
  }

 private:
  std::unique_ptr<Cursor> inner_;
  const bool timed_;
  uint64_t rows_ = 0;
  uint64_t batches_ = 0;
  uint64_t nanoseconds_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<Cursor> Measure(std::unique_ptr<Cursor> inner, bool timed) {
  return std::make_unique<MeasuredCursor>(std::move(inner), timed);
}

}  // namespace strata
