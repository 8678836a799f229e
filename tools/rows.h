// Printing rows as a table, JSON, NDJSON or CSV. For tools/ only.
#ifndef STRATA_TOOLS_ROWS_H_
#define STRATA_TOOLS_ROWS_H_

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "core/document.h"

namespace strata::tools {

enum class RowFormat { kTable, kJson, kNdjson, kCsv };

// Rows may come in any number of batches. Columns of tables and CSV are the members of the first
// batch's rows.
class RowPrinter {
 public:
  virtual ~RowPrinter() = default;
  virtual void Print(const std::vector<Document>& rows) = 0;
  virtual void Finish() = 0;
};

std::unique_ptr<RowPrinter> MakeRowPrinter(RowFormat format, std::ostream& out);

}  // namespace strata::tools

#endif  // STRATA_TOOLS_ROWS_H_
