#include "core/value_order.h"

#include "core/sorted_members.h"

namespace strata {
namespace {

std::strong_ordering CompareObjects(Value a, Value b) {
  const auto left = SortedMembers(a);
  const auto right = SortedMembers(b);
  for (size_t i = 0; i < left.size() && i < right.size(); ++i) {
    if (auto c = left[i].first <=> right[i].first; c != 0) return c;
    if (auto c = CompareValues(left[i].second, right[i].second); c != 0) return c;
  }
  return left.size() <=> right.size();
}

}  // namespace

std::vector<std::pair<std::string, Value>> SortedMembers(Value object) {
  std::vector<std::pair<std::string, Value>> members;
  members.reserve(object.size());
  std::string scratch;
  for (MemberIterator m(object); !m.done(); m.Next())
    members.emplace_back(m.name(&scratch), m.value());
  std::sort(members.begin(), members.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return members;
}

std::strong_ordering CompareValues(Value a, Value b) {
  const Type type = a.type();
  if (auto c = type <=> b.type(); c != 0) return c;
  switch (type) {
    case Type::kMissing:
    case Type::kNull:
    case Type::kFalse:
    case Type::kTrue:
      return std::strong_ordering::equal;
    case Type::kNumber:
      return a.number() <=> b.number();
    case Type::kString: {
      std::string sa, sb;
      return a.StringView(&sa) <=> b.StringView(&sb);
    }
    case Type::kArray: {
      const uint32_t n = std::min(a.size(), b.size());
      for (uint32_t i = 0; i < n; ++i) {
        if (auto c = CompareValues(a.At(i), b.At(i)); c != 0) return c;
      }
      return a.size() <=> b.size();
    }
    case Type::kObject:
      return CompareObjects(a, b);
  }
  return std::strong_ordering::equal;
}

}  // namespace strata
