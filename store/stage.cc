#include "store/stage.h"

namespace strata {

Status StageRegistry::Register(StageType type) {
  std::string name = type.name;
  if (!types_.emplace(name, std::move(type)).second) {
    return Internal(Concat("the stage type \"", name, "\" is registered twice"));
  }
  return OkStatus();
}

const StageType* StageRegistry::Find(std::string_view name) const {
  const auto it = types_.find(name);
  return it == types_.end() ? nullptr : &it->second;
}

std::vector<std::string> StageRegistry::Names() const {
  std::vector<std::string> out;
  for (const auto& [name, type] : types_) out.push_back(name);
  return out;
}

}  // namespace strata
