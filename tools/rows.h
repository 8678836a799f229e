// Printing rows as a table, JSON, NDJSON or CSV. For tools/ only.
#ifndef STRATA_TOOLS_ROWS_H_
#define STRATA_TOOLS_ROWS_H_

#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/document.h"

namespace strata::tools {

enum class RowFormat { kTable, kJson, kNdjson, kCsv };

// Bytes of memory for the rows of CSV, whose header needs all of them.
inline constexpr size_t kMaxCsvBytes = 256u << 20;

// Rows may come in any number of batches. Columns of tables and CSV are the rows' members; a row
// that is no object stands in a column "value". A batch with columns that a table's header does not
// have begins a new header.
class RowPrinter {
 public:
  virtual ~RowPrinter() = default;
  // ResourceExhausted when rows have to be held that are too many.
  virtual Status Print(const std::vector<Document>& rows) = 0;
  virtual void Finish() = 0;
};

// `bold`: headers of tables are.
std::unique_ptr<RowPrinter> MakeRowPrinter(RowFormat format, std::ostream& out, bool bold = false,
                                           size_t max_csv_bytes = kMaxCsvBytes);

// A scalar query's value as a row of a table or of CSV: the object that `first` or `one` gives as
// it is, anything else as {"count":7}.
Document ScalarRow(std::string_view scalar, const Document& value);

}  // namespace strata::tools

#endif  // STRATA_TOOLS_ROWS_H_
