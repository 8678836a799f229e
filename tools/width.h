// How many columns a text takes on a terminal. For tools/ only.
//
// A table of Unicode's (14) decides, not the C library's wcwidth: that would need the whole process
// to have a UTF-8 locale, which it may not find. East Asian wide and full-width characters
// (UAX #11) and emoji take two columns; marks that combine with what is before them, and what is
// only there to format, take none; everything else, also what is ambiguous, takes one. Sequences
// that a terminal may join (families, flags) count as the sum of their parts.
#ifndef STRATA_TOOLS_WIDTH_H_
#define STRATA_TOOLS_WIDTH_H_

#include <cstddef>
#include <string_view>

namespace strata::tools {

// Requires: valid UTF-8.
size_t TerminalWidth(std::string_view s);

// As much of the beginning as takes at most so many columns, with the marks that combine with its
// last character. Requires: valid UTF-8.
std::string_view FitColumns(std::string_view s, size_t columns);

}  // namespace strata::tools

#endif  // STRATA_TOOLS_WIDTH_H_
