#include "query/id_bounds.h"

#include <algorithm>

#include "core/key_encoding.h"

namespace strata {
namespace {

// The id that a document with this literal as its id is stored under; none when there is no single
// one.
std::optional<std::string> IdOf(const Node& literal) {
  if (literal.is_string()) return literal.text();
  if (literal.kind() == Node::Kind::kNumber && literal.number().kind() != Number::Kind::kDouble) {
    return literal.number().ToString();
  }
  return std::nullopt;
}

void NarrowTo(std::vector<std::string> ids, IdBounds* b) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (b->ids) {
    std::vector<std::string> both;
    std::set_intersection(ids.begin(), ids.end(), b->ids->begin(), b->ids->end(),
                          std::back_inserter(both));
    ids = std::move(both);
  }
  b->ids = std::move(ids);
}

void RaiseFrom(std::string from, IdBounds* b) {
  if (from > b->from) b->from = std::move(from);
}
void LowerEnd(std::optional<std::string> end, IdBounds* b) {
  if (end && (!b->end || *end < *b->end)) b->end = std::move(end);
}

}  // namespace

std::string IdBounds::AccessName() const {
  if (ids) return "ids (" + std::to_string(ids->size()) + ")";
  return bounded() ? "id range" : "scan";
}

IdBounds IdBoundsOf(const std::vector<Node>& conjuncts) {
  IdBounds b;
  for (const Node& n : conjuncts) {
    if (n.size() != 2 || !n.arg(0).is_string() || n.arg(0).text() != "id") continue;
    const Node& v = n.arg(1);
    const auto after = [](const std::string& s) { return s + '\0'; };
    switch (n.op()) {
      case Op::kEq:
        if (auto id = IdOf(v)) NarrowTo({*id}, &b);
        break;
      case Op::kIn: {
        std::vector<std::string> ids;
        for (const Node& e : v.args()) {
          if (auto id = IdOf(e)) ids.push_back(*id);
        }
        if (v.kind() == Node::Kind::kArray && ids.size() == v.size()) NarrowTo(std::move(ids), &b);
        break;
      }
      case Op::kPrefix:
        if (!v.is_string()) break;
        RaiseFrom(v.text(), &b);
        LowerEnd(AfterPrefix(v.text()), &b);
        break;
      case Op::kGe:
        if (v.is_string()) RaiseFrom(v.text(), &b);
        break;
      case Op::kGt:
        if (v.is_string()) RaiseFrom(after(v.text()), &b);
        break;
      case Op::kLt:
        if (v.is_string()) LowerEnd(v.text(), &b);
        break;
      case Op::kLe:
        if (v.is_string()) LowerEnd(after(v.text()), &b);
        break;
      case Op::kBetween:
        if (v.size() == 2 && v.arg(0).is_string() && v.arg(1).is_string()) {
          RaiseFrom(v.arg(0).text(), &b);
          LowerEnd(v.arg(1).text(), &b);
        }
        break;
      default:
        break;
    }
  }
  if (b.ids) std::erase_if(*b.ids, [&](const std::string& id) { return !b.Contains(id); });
  return b;
}

}  // namespace strata
