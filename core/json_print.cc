#include "core/json_print.h"

#include "core/json_text.h"
#include "core/sorted_members.h"

namespace strata {
namespace {

void AppendCanonical(std::string* out, Value v) {
  switch (v.type()) {
    case Type::kMissing:
    case Type::kNull:
      out->append("null");
      return;
    case Type::kFalse:
      out->append("false");
      return;
    case Type::kTrue:
      out->append("true");
      return;
    case Type::kNumber:
      out->append(v.number().ToString());
      return;
    case Type::kString: {
      std::string scratch;
      AppendJsonString(out, v.StringView(&scratch));
      return;
    }
    case Type::kArray:
      out->push_back('[');
      for (uint32_t i = 0; i < v.size(); ++i) {
        if (i > 0) out->push_back(',');
        AppendCanonical(out, v.At(i));
      }
      out->push_back(']');
      return;
    case Type::kObject: {
      out->push_back('{');
      bool first = true;
      for (const auto& [name, value] : SortedMembers(v)) {
        if (!first) out->push_back(',');
        first = false;
        AppendJsonString(out, name);
        out->push_back(':');
        AppendCanonical(out, value);
      }
      out->push_back('}');
      return;
    }
  }
}

void AppendPretty(std::string* out, Value v, int indent) {
  const auto line = [&](int level) {
    out->push_back('\n');
    out->append(2 * level, ' ');
  };
  if (v.size() == 0) {
    out->append(v.exists() ? v.text() : "null");
  } else if (v.is_array()) {
    out->push_back('[');
    for (uint32_t i = 0; i < v.size(); ++i) {
      if (i > 0) out->push_back(',');
      line(indent + 1);
      AppendPretty(out, v.At(i), indent + 1);
    }
    line(indent);
    out->push_back(']');
  } else {
    out->push_back('{');
    bool first = true;
    for (MemberIterator m(v); !m.done(); m.Next()) {
      if (!first) out->push_back(',');
      first = false;
      line(indent + 1);
      out->append(m.raw_name());
      out->append(": ");
      AppendPretty(out, m.value(), indent + 1);
    }
    line(indent);
    out->push_back('}');
  }
}

}  // namespace

std::string CanonicalJson(Value v) {
  std::string out;
  AppendCanonical(&out, v);
  return out;
}

std::string PrettyJson(Value v) {
  std::string out;
  AppendPretty(&out, v, 0);
  return out;
}

}  // namespace strata
