// A cursor that counts what it passes on, for explain.
#ifndef STRATA_QUERY_OPERATORS_MEASURED_H_
#define STRATA_QUERY_OPERATORS_MEASURED_H_

#include <memory>

#include "query/plan.h"

namespace strata {

// `timed`: also nanoseconds (with what lies below) and bytes of rows.
std::unique_ptr<Cursor> Measure(std::unique_ptr<Cursor> inner, bool timed);

}  // namespace strata

#endif  // STRATA_QUERY_OPERATORS_MEASURED_H_
