// The one crossing between Abseil's types and the standard ones.
//
// Debian builds Abseil with its own string_view, so neither converts to the other by itself.
// Interfaces here use std types; A() goes towards Abseil, S() comes back.
#ifndef STRATA_CORE_ABSEIL_H_
#define STRATA_CORE_ABSEIL_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace strata {

inline absl::string_view A(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view S(absl::string_view s) { return {s.data(), s.size()}; }

// One transparent hasher everywhere: absl::Hash differs between std::string and std::string_view.
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return absl::Hash<absl::string_view>{}(A(s)); }
};

template <typename V>
using StringMap = absl::flat_hash_map<std::string, V, StringHash, std::equal_to<>>;
using StringSet = absl::flat_hash_set<std::string, StringHash, std::equal_to<>>;

// Joins anything that std::string can append: Concat("at ", offset_text, ": ", message).
template <typename... Parts>
std::string Concat(const Parts&... parts) {
  std::string out;
  out.reserve((std::string_view(parts).size() + ... + 0));
  (out.append(std::string_view(parts)), ...);
  return out;
}

}  // namespace strata

#endif  // STRATA_CORE_ABSEIL_H_
