// Types that extend one another.
#ifndef STRATA_WRAPPERS_INHERIT_HIERARCHY_H_
#define STRATA_WRAPPERS_INHERIT_HIERARCHY_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/option_table.h"

namespace strata::inherit {

using TypeNames = std::set<std::string, std::less<>>;

// Safe for concurrent use. Each pipeline has its own: equal names elsewhere mean nothing.
class Hierarchy {
 public:
  // {"Product": {}, "Toy": {"extends": "Product"}, "Kit": {"extends": ["Toy", "Tool"]}, "Tool": {}}
  static Hierarchy Read(Value v, const std::string& pointer, ConfigProblems* problems);

  const std::vector<std::string>& names() const { return names_; }  // in the order of the file
  bool Has(std::string_view name) const { return parents_.contains(name); }
  // The type and all that extend it, directly or not. "": all types.
  TypeNames SubtypesOf(std::string_view name) const;
  const TypeNames& parents(std::string_view name) const { return parents_.find(name)->second; }

 private:
  std::vector<std::string> names_;
  std::map<std::string, TypeNames, std::less<>> parents_;
};

}  // namespace strata::inherit

#endif  // STRATA_WRAPPERS_INHERIT_HIERARCHY_H_
