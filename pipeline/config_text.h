// From a pipeline file's text to plain JSON: comments taken out, ${VAR} filled in; and problems
// back to the text. For pipeline/ only.
#ifndef STRATA_PIPELINE_CONFIG_TEXT_H_
#define STRATA_PIPELINE_CONFIG_TEXT_H_

#include <string>
#include <string_view>

#include "store/option_table.h"

namespace strata {

// Blanks out // comments, so that offsets stay as they are.
std::string BlankComments(std::string_view text);

// Fills in ${VAR} and ${VAR:-default} in string values from the environment; problems name
// variables that are not set.
Document FillVariables(const Document& config, ConfigProblems* problems);

// Points each problem at the nearest place that the file has, takes out those at places where the
// first `unset` ones, of variables, say already what is wrong, and puts them in the file's order.
void ArrangeProblems(Value root, size_t unset, ConfigProblems* problems);

}  // namespace strata

#endif  // STRATA_PIPELINE_CONFIG_TEXT_H_
