// Registers every stage type of the project. Services that want fewer dependencies register what
// they link.
#ifndef STRATA_PIPELINE_ALL_STAGES_H_
#define STRATA_PIPELINE_ALL_STAGES_H_

#include "store/stage.h"

namespace strata {

Status RegisterAll(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_PIPELINE_ALL_STAGES_H_
