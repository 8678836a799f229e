// Facets: how many hits have each value of a slot. Internal to this folder.
#ifndef STRATA_WRAPPERS_FULLTEXT_VALUE_COUNTER_H_
#define STRATA_WRAPPERS_FULLTEXT_VALUE_COUNTER_H_

#include <xapian.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/key_encoding.h"
#include "wrappers/fulltext/text_index.h"
#include "wrappers/fulltext/text_search.h"

namespace strata::fulltext {

// The key of a text that was cut, as that of a text that says so.
inline std::string Mended(std::string key) {
  const auto trail = [&] { return (key.back() & 0xC0) == 0x80; };
  while (key.size() > 1 && trail()) key.pop_back();
  if (key.size() > 1 && (key.back() & 0x80) != 0) key.pop_back();
  if (key.size() > 1 && key.back() == '\0') key.pop_back();
  key += "…";
  return key + std::string("\0\1", 2);
}

// Counts in how many documents a slot has each value.
class ValueCounter final : public Xapian::MatchSpy {
 public:
  explicit ValueCounter(Xapian::valueno slot) : slot_(slot) {}

  void operator()(const Xapian::Document& document, double) override {
    const std::string key = document.get_value(slot_);
    if (key.empty()) return;  // nobody
    if (key[0] != KeyTypeByte(Type::kArray)) {
      ++counts_[key];
      return;
    }
    std::set<std::string_view> elements;
    for (std::string_view rest = std::string_view(key).substr(1); !rest.empty();) {
      const size_t length = KeyLength(rest);
      if (length == 0) break;
      elements.insert(rest.substr(0, length));
      rest.remove_prefix(length);
    }
    for (const std::string_view e : elements) {
      const bool text = e[0] == KeyTypeByte(Type::kString);
      ++counts_[std::string(text ? e.substr(0, kMaxSlotBytes) : e)];
    }
  }

  std::vector<ValueCount> Top(size_t limit) const {
    std::vector<std::pair<uint64_t, std::string>> order;
    for (const auto& [key, count] : counts_) order.emplace_back(count, key);
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    if (order.size() > limit) order.resize(limit);
    std::vector<ValueCount> out;
    for (const auto& [count, key] : order) {
      const bool whole = KeyLength(key) > 0 || key[0] != KeyTypeByte(Type::kString);
      out.push_back({KeyText(whole ? key : Mended(key)), count});
    }
    return out;
  }

 private:
  const Xapian::valueno slot_;
  std::map<std::string, uint64_t> counts_;
};

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_VALUE_COUNTER_H_
