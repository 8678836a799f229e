#include "store/unique_check.h"

#include <algorithm>

#include "core/abseil.h"
#include "core/json_text.h"

namespace strata {
namespace {

bool Has(const std::vector<std::string>& sorted, std::string_view key) {
  return std::binary_search(sorted.begin(), sorted.end(), key, std::less<>());
}

}  // namespace

Status NotUnique(const IndexSpec& spec, Value document, std::string_view other_id) {
  std::string values;
  for (const IndexPart& p : spec.parts) {
    if (!values.empty()) values += ", ";
    const std::string_view text = p.path.Get(document).text();
    values += Concat(p.path.ToString(), " ",
                     text.size() <= 200 ? std::string(text)
                                        : Concat("of ", std::to_string(text.size()), " bytes"));
  }
  return AlreadyExists(Concat("the index ", JsonString(spec.name), " is unique and has ", values,
                              " already, of the document ", JsonString(other_id)));
}

Status KeyIsHeld(const IndexSpec& spec) {
  return Aborted(Concat("a transaction that is about to commit holds the value in the index ",
                        JsonString(spec.name), "; run again"));
}

Status CheckIndex(const IndexSpec& spec, std::span<const IndexedChange> changes,
                  const KeyOwner& owner, size_t* failed) {
  StringMap<size_t> taken;  // a key to the change that takes it
  StringMap<size_t> by_id;  // filled when it is first needed
  std::vector<std::string> keys;
  for (size_t i = 0; i < changes.size(); ++i) {
    const IndexedChange& c = changes[i];
    *failed = i;
    if (!c.after.exists()) continue;
    keys.clear();
    RETURN_IF_ERROR(spec.AppendKeys(c.after, &keys));
    if (!spec.Binds(c.after)) continue;
    std::vector<std::string> had;
    if (c.before.exists()) RETURN_IF_ERROR(spec.AppendKeys(c.before, &had));
    for (const std::string& key : keys) {
      const auto [it, fresh] = taken.try_emplace(key, i);
      if (!fresh) return NotUnique(spec, c.after, changes[it->second].id);
      if (Has(had, key)) continue;
      ASSIGN_OR_RETURN(const std::optional<std::string> other, owner(key));
      if (!other || *other == c.id) continue;
      if (by_id.empty()) {
        for (size_t j = 0; j < changes.size(); ++j) by_id.emplace(changes[j].id, j);
      }
      const auto changed = by_id.find(*other);
      bool keeps = changed == by_id.end();
      if (!keeps && changes[changed->second].after.exists()) {
        std::vector<std::string> then;
        RETURN_IF_ERROR(spec.AppendKeys(changes[changed->second].after, &then));
        keeps = Has(then, key);
      }
      if (keeps) return NotUnique(spec, c.after, *other);
    }
  }
  return OkStatus();
}

}  // namespace strata
