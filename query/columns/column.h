// Column: what lies at one path of many documents, side by side, so that a condition or a function
// passes over it without touching the documents.
//
// Numbers lie in one array; everything else is a code: equal codes are equal texts, and any
// question about a code is asked of one document that has it. What neither can hold (arrays,
// objects, numbers that need more than the array's type) is asked of its own document. So a column
// never answers otherwise than the documents do.
//
// Immutable; safe for concurrent use.
#ifndef STRATA_QUERY_COLUMNS_COLUMN_H_
#define STRATA_QUERY_COLUMNS_COLUMN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/path.h"

namespace strata {

// The documents that columns stand beside. Places are numbers from 0.
class ColumnDocuments {
 public:
  virtual ~ColumnDocuments() = default;
  virtual Value At(size_t place) const = 0;
  virtual Document Share(size_t place) const = 0;
  // Says that documents behind this place will be asked for: the processor may fetch them.
  virtual void Expect(size_t place) const = 0;
};

class Column {
 public:
  using Place = uint16_t;
  using Code = uint16_t;
  static constexpr size_t kMaxRows = 1u << 16;
  static constexpr Code kNumber = 0xFFFF;  // the value is in ints() or doubles()
  static constexpr Code kAsk = 0xFFFE;     // the value is in the document only
  static constexpr size_t kMaxCodes = 4096;

  // Null when the values differ too much for codes to be of use.
  static std::shared_ptr<const Column> Make(const Path& path, const ColumnDocuments& documents,
                                            size_t rows);

  size_t rows() const { return rows_; }
  // By row; empty: all are numbers.
  std::span<const Code> codes() const { return codes_; }
  // By code: the first row that has it.
  std::span<const Place> examples() const { return examples_; }
  // By row, 0 where there is no number; one of the two is empty.
  std::span<const int64_t> ints() const { return ints_; }
  std::span<const double> doubles() const { return doubles_; }
  size_t MemoryBytes() const;

 private:
  size_t rows_ = 0;
  std::vector<Code> codes_;
  std::vector<Place> examples_;
  std::vector<int64_t> ints_;
  std::vector<double> doubles_;
};

// Rows whose values lie in columns.
struct ColumnRows {
  std::shared_ptr<const ColumnDocuments> documents;
  std::vector<Column::Place> selected;  // in order
  // One for each path that was asked for; null: ask the documents.
  std::vector<std::shared_ptr<const Column>> columns;
};

}  // namespace strata

#endif  // STRATA_QUERY_COLUMNS_COLUMN_H_
