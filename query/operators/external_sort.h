// Sorts any number of rows by binary keys within a budget of memory: sorted runs, written to a
// temporary file when the budget is used up, then merged (Knuth, The Art of Computer Programming,
// volume 3, section 5.4). Rows with equal keys keep the order in which they came.
//
// Belongs to one thread at a time. A cancelled or late context is noticed within some thousand
// rows.
#ifndef STRATA_QUERY_OPERATORS_EXTERNAL_SORT_H_
#define STRATA_QUERY_OPERATORS_EXTERNAL_SORT_H_

#include <memory>
#include <string>
#include <vector>

#include "core/context.h"
#include "core/document.h"
#include "query/operators/spill_file.h"

namespace strata {

struct SortRow {
  std::string key;
  uint64_t order = 0;  // of coming
  uint64_t head = 0;   // the key's first eight bytes as a number, so that most comparisons end here
  Document document;

  SortRow() = default;
  SortRow(std::string key, uint64_t order, Document document);
  size_t Bytes() const { return sizeof *this + key.capacity() + document.MemoryBytes(); }
  friend bool operator<(const SortRow& a, const SortRow& b) {
    if (a.head != b.head) return a.head < b.head;
    const int c = a.key.compare(b.key);
    return c != 0 ? c < 0 : a.order < b.order;
  }
};

class ExternalSort {
 public:
  // `budget`: bytes of rows in memory. `folder`: as SpillFile::Create.
  ExternalSort(size_t budget, std::string folder);
  ~ExternalSort();

  Status Add(const Context& ctx, SortRow row);
  // No row is added afterwards.
  Status Finish(const Context& ctx);
  // The next row in order. False: there is none. Requires: Finish.
  StatusOr<bool> Next(const Context& ctx, SortRow* row);

  bool empty() const { return rows_ == 0; }
  uint64_t rows() const { return rows_; }
  uint64_t spilled_bytes() const { return spilled_; }

 private:
  class Source;  // of sorted rows: a run in memory or on disk
  struct Run {
    uint64_t begin;
    uint64_t end;
  };
  using Sources = std::vector<std::unique_ptr<Source>>;

  void SortTail();
  Status Spill(const Context& ctx);
  Status MergeFile(const Context& ctx);
  Status Write(SpillFile* file, const SortRow& row);
  static StatusOr<bool> Pop(Sources* heap, SortRow* row);
  static Status Heapify(Sources* sources);
  Sources TakeMemory();

  const size_t budget_;
  const std::string folder_;
  std::vector<SortRow> tail_;                 // not sorted yet
  std::vector<std::vector<SortRow>> sorted_;  // runs in memory
  size_t held_ = 0;
  std::unique_ptr<SpillFile> file_;
  std::vector<Run> runs_;
  Sources merge_;
  uint64_t rows_ = 0;
  uint64_t spilled_ = 0;
};

}  // namespace strata

#endif  // STRATA_QUERY_OPERATORS_EXTERNAL_SORT_H_
