#include "query/sort_position.h"

#include <cstring>

#include "core/key_encoding.h"

namespace strata {

std::vector<SortKey> SortKeysOf(const Node& sort) {
  std::vector<SortKey> keys;
  for (const Node& a : sort.args()) keys.push_back(SortKeyOf(a));
  return keys;
}

void AppendSortKey(std::string* out, const std::vector<SortKey>& keys, Value row) {
  for (const SortKey& k : keys) {
    AppendKey(out, k.path.Get(row),
              k.descending ? SortDirection::kDescending : SortDirection::kAscending);
  }
}

std::string TieOf(Value row) {
  static const Path* const kId = new Path(Path::Of("id"));
  const Value id = kId->Get(row);
  return id.is_string() ? id.String() : std::string(id.text());
}

void SortPosition::Pass(std::string_view row_key, std::string_view row_tie) {
  if (given > 0 && key == row_key && tie == row_tie) {
    ++given;
    return;
  }
  key = row_key;
  tie = row_tie;
  given = 1;
}

std::strong_ordering SortPosition::Compare(std::string_view row_key,
                                           std::string_view row_tie) const {
  const auto c = row_key <=> std::string_view(key);
  return c != 0 ? c : row_tie <=> std::string_view(tie);
}

std::string SortPosition::Encode() const {
  if (given == 0) return "";
  std::string out(reinterpret_cast<const char*>(&given), sizeof given);
  const uint64_t size = key.size();
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  return out + key + tie;
}

bool SortPosition::Decode(std::string_view text) {
  uint64_t size = 0;
  if (text.size() < sizeof given + sizeof size) return false;
  std::memcpy(&given, text.data(), sizeof given);
  std::memcpy(&size, text.data() + sizeof given, sizeof size);
  text.remove_prefix(sizeof given + sizeof size);
  if (size > text.size() || given == 0) return false;
  key = text.substr(0, size);
  tie = text.substr(size);
  return true;
}

}  // namespace strata
