#include "wrappers/inherit/hierarchy.h"

#include <functional>

#include "core/json_text.h"
#include "core/path.h"
#include "query/operator_table.h"

namespace strata::inherit {
Hierarchy Hierarchy::Read(Value v, const std::string& pointer, ConfigProblems* problems) {
  Hierarchy h;
  if (!v.is_object() || v.size() == 0) {
    problems->push_back(
        {pointer, Concat("expected an object of type names, found ", TypeName(v.type()))});
    return h;
  }
  std::string scratch;
  for (MemberIterator m(v); !m.done(); m.Next()) {
    const std::string name(m.name(&scratch));
    if (name.empty() || name.find_first_of("/: ") != name.npos) {
      problems->push_back(
          {JsonPointerBelow(pointer, name),
           "a type's name has at least one character and no \"/\", \":\" or space"});
    }
    h.names_.push_back(name);
    h.parents_[name];
  }
  std::vector<std::string_view> known(h.names_.begin(), h.names_.end());
  for (MemberIterator m(v); !m.done(); m.Next()) {
    const std::string name(m.name(&scratch));
    const std::string at = JsonPointerBelow(pointer, name);
    if (!m.value().is_object()) {
      problems->push_back(
          {at, Concat("expected an object such as {\"extends\": \"Product\"}, found ",
                      TypeName(m.value().type()))});
      continue;
    }
    std::string member;
    for (MemberIterator o(m.value()); !o.done(); o.Next()) {
      if (o.name(&member) != "extends") {
        problems->push_back(
            {JsonPointerBelow(at, o.name(&member)), "unknown member; a type has \"extends\""});
        continue;
      }
      std::vector<Value> parents;
      if (o.value().is_array()) {
        for (uint32_t i = 0; i < o.value().size(); ++i) parents.push_back(o.value().At(i));
      } else {
        parents.push_back(o.value());
      }
      for (Value p : parents) {
        const std::string parent = p.is_string() ? p.String() : "";
        if (!h.Has(parent)) {
          problems->push_back({JsonPointerBelow(at, "extends"),
                               Concat("there is no type ", p.text(), DidYouMean(parent, known))});
        } else {
          h.parents_[name].insert(parent);
        }
      }
    }
  }
  for (const std::string& name : h.names_) {
    for (const std::string& parent : h.parents_[name]) {
      if (parent == name || h.SubtypesOf(name).contains(parent)) {
        problems->push_back(
            {JsonPointerBelow(JsonPointerBelow(pointer, name), "extends"),
             Concat(JsonString(name), " extends itself through ", JsonString(parent))});
      }
    }
  }
  return h;
}

TypeNames Hierarchy::SubtypesOf(std::string_view name) const {
  if (name.empty()) return TypeNames(names_.begin(), names_.end());
  TypeNames out;
  std::vector<std::string> open = {std::string(name)};
  while (!open.empty()) {
    const std::string at = std::move(open.back());
    open.pop_back();
    if (!out.insert(at).second) continue;
    for (const auto& [type, parents] : parents_) {
      if (parents.contains(at)) open.push_back(type);
    }
  }
  return out;
}

}  // namespace strata::inherit
