#include "store/index_admin.h"

#include "core/json_text.h"
#include "query/operator_table.h"

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

Status NoSuchIndex(std::string_view name, const std::vector<std::string>& names) {
  std::string message = Concat("there is no index ", JsonString(ToValidUtf8(name)));
  const std::vector<std::string_view> views(names.begin(), names.end());
  if (const std::string_view near = Nearest(name, views); !near.empty()) {
    message += Concat("; did you mean ", JsonString(near), "?");
  } else if (!names.empty()) {
    message += " (there are:";
    for (const std::string& n : names) message += " " + JsonString(n);
    message += ")";
  }
  return NotFound(message);
}

}  // namespace strata
