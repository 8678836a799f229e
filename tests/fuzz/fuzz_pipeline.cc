// Any text as a pipeline file: checked, never opened; and a good one's canonical form is good and a
// fixed point.
#include <cstdint>
#include <cstdlib>

#include "pipeline/all_stages.h"
#include "pipeline/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strata;
  static const StageRegistry* const registry = [] {
    auto* r = new StageRegistry();
    if (!RegisterAll(*r).ok()) std::abort();
    return r;
  }();
  const auto config =
      CheckPipeline({reinterpret_cast<const char*>(data), size}, "fuzz", "/base", *registry);
  if (!config.ok()) return 0;
  const std::string canonical = config->Canonical();
  // What filling in left over would be filled in again.
  if (canonical.find("${") != std::string::npos) return 0;
  const auto again = CheckPipeline(canonical, "fuzz", "/base", *registry);
  if (!again.ok() || again->Canonical() != canonical) std::abort();
  return 0;
}
