// Whether the stages of a resolved pipeline may stand as they stand: what would give wrong results
// or lose writes is an error, what only wastes is a warning.
#ifndef STRATA_PIPELINE_ORDER_H_
#define STRATA_PIPELINE_ORDER_H_

#include "pipeline/config.h"

namespace strata {

// Adds to *problems and to config->warnings, and fills in StageConfig::shared_below and feed.
// Requires: at most kMaxStages stages.
void CheckOrder(PipelineConfig* config, ConfigProblems* problems);

}  // namespace strata

#endif  // STRATA_PIPELINE_ORDER_H_
