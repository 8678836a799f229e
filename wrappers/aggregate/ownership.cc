#include "wrappers/aggregate/ownership.h"

#include <algorithm>

#include "core/json_text.h"
#include "core/path.h"
#include "store/record.h"

namespace strata::aggregate {

Ownership Ownership::Read(Value v, const std::string& pointer, ConfigProblems* problems) {
  Ownership o;
  if (!v.is_array() || v.size() == 0 || v.size() > kMaxParts) {
    problems->push_back(
        {pointer, Concat("expected a list of 1 to ", std::to_string(kMaxParts),
                         " lists of members, one for each of \"inners\"; \"*\" stands for all "
                         "members that no list names")});
    return o;
  }
  o.parts_ = v.size();
  size_t anchors = 0;
  for (uint32_t i = 0; i < v.size(); ++i) {
    const Value part = v.At(i);
    const std::string at = JsonPointerBelow(pointer, std::to_string(i));
    if (part.type() == Type::kNull || (part.is_string() && part.String() == "*")) {
      o.anchor_ = i;
      if (++anchors > 1) problems->push_back({at, "only one part can hold all other members"});
      continue;
    }
    if (!part.is_array() || part.size() == 0) {
      problems->push_back(
          {at, Concat("expected a list of members or \"*\", found ", part.text().substr(0, 40))});
      continue;
    }
    for (uint32_t j = 0; j < part.size(); ++j) {
      const std::string member = part.At(j).is_string() ? part.At(j).String() : "";
      const std::string where = JsonPointerBelow(at, std::to_string(j));
      if (member.empty()) {
        problems->push_back({where, "expected the name of a member"});
      } else if (member == kIdProperty) {
        problems->push_back({where, "every part holds the id"});
      } else if (!o.owner_of_.try_emplace(member, i).second) {
        problems->push_back({where, Concat(JsonString(member), " is owned by part ",
                                           std::to_string(o.owner_of_[member]), " already")});
      }
    }
  }
  if (anchors == 0)
    problems->push_back({pointer, "one part must be \"*\": it holds what no other part names"});
  return o;
}

size_t Ownership::OwnerOf(std::span<const Path> paths) const {
  size_t owner = parts_;
  for (const Path& p : paths) {
    if (p.empty()) return parts_;
    if (p.name(0) == kIdProperty) continue;
    const size_t one = OwnerOf(p.name(0));
    if (owner != parts_ && owner != one) return parts_;
    owner = one;
  }
  return owner == parts_ ? anchor_ : owner;
}

std::vector<Document> Ownership::Split(const Document& whole) const {
  const std::string id = Concat("{\"id\":", whole.Find(kIdProperty).text());
  std::vector<std::string> texts(parts_, id);
  std::string scratch;
  for (MemberIterator m(whole.root()); !m.done(); m.Next()) {
    const std::string_view name = m.name(&scratch);
    if (name == kIdProperty) continue;
    std::string& text = texts[OwnerOf(name)];
    text += ',';
    text += m.raw_name();
    text += ':';
    text += m.value().text();
  }
  std::vector<Document> out(parts_);
  for (size_t i = 0; i < parts_; ++i) {
    if (i == anchor_ || texts[i].size() > id.size())
      out[i] = Document::FromTrusted(std::move(texts[i]) + "}");
  }
  return out;
}

Document Ownership::Merge(std::span<const Document> parts) const {
  std::string out, scratch;
  // What another part owns does not count, wherever it came from.
  const auto append = [&](size_t part) {
    for (MemberIterator m(parts[part].root()); !m.done(); m.Next()) {
      if (OwnerOf(m.name(&scratch)) != part) continue;  // the id counts as the anchor's
      out += out.empty() ? '{' : ',';
      out += m.raw_name();
      out += ':';
      out += m.value().text();
    }
  };
  const Document& anchor = parts[anchor_];
  const Value members = anchor.root();
  const bool strays = std::any_of(owner_of_.begin(), owner_of_.end(), [&](const auto& owned) {
    return members.Find(owned.first).exists();
  });
  if (strays) append(anchor_);
  for (size_t i = 0; i < parts_; ++i) {
    if (i == anchor_ || !parts[i] || parts[i].root().size() < 2) continue;
    // Mostly the anchor holds nothing but its own, and its text is taken as it is.
    if (out.empty()) out = anchor.text().substr(0, anchor.text().size() - 1);
    append(i);
  }
  return out.empty() ? anchor : Document::FromTrusted(std::move(out) + "}");
}

}  // namespace strata::aggregate
