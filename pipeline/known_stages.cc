// The stage types of the project and their targets, whatever a binary links.
#include "pipeline/config.h"

namespace strata {
namespace {

constexpr KnownStage kProjectStages[] = {
    {"memory", "//base_stores/memory"},
    {"rocksdb", "//base_stores/rocksdb"},
    {"aggregate", "//wrappers/aggregate"},
    {"cache", "//wrappers/cache"},
    {"expire", "//wrappers/expire"},
    {"fault", "//wrappers/fault"},
    {"forward", "//wrappers/forward"},
    {"fulltext", "//wrappers/fulltext"},
    {"inherit", "//wrappers/inherit"},
    {"limit_concurrency", "//wrappers/limit_concurrency"},
    {"limit_rate", "//wrappers/limit_rate"},
    {"log", "//wrappers/log"},
    {"readonly", "//wrappers/readonly"},
    {"rename", "//wrappers/rename"},
    {"replicate", "//wrappers/replicate"},
    {"retry", "//wrappers/retry"},
    {"slow", "//wrappers/slow"},
};

}  // namespace

std::span<const KnownStage> ProjectStages() { return kProjectStages; }

}  // namespace strata
