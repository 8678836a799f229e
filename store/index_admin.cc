#include "store/index_admin.h"

namespace strata {

std::string_view IndexStateName(IndexState state) {
  switch (state) {
    case IndexState::kBuilding:
      return "building";
    case IndexState::kReady:
      return "ready";
    case IndexState::kFailed:
      return "failed";
    case IndexState::kDropping:
      return "dropping";
  }
  return "";
}

std::string_view IndexOriginName(IndexOrigin origin) {
  switch (origin) {
    case IndexOrigin::kDeclared:
      return "declared";
    case IndexOrigin::kAdded:
      return "added";
    case IndexOrigin::kAutomatic:
      return "automatic";
  }
  return "";
}

}  // namespace strata
