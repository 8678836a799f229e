#include "store/record.h"

#include "core/json_text.h"

namespace strata {

Status CheckId(std::string_view id) {
  if (id.empty()) return InvalidArgument("an id cannot be empty");
  if (id.size() > kMaxIdBytes) {
    return InvalidArgument(Concat("the id has ", std::to_string(id.size()), " bytes; at most ",
                                  std::to_string(kMaxIdBytes), " are taken"));
  }
  if (!IsValidUtf8(id)) return InvalidArgument("the id is not valid UTF-8");
  return OkStatus();
}

StatusOr<std::string> IdOfDocument(const Document& object) {
  const Value id = object.Find(kIdProperty);
  switch (id.type()) {
    case Type::kMissing:
      return std::string();
    case Type::kString: {
      std::string text = id.String();
      RETURN_IF_ERROR(CheckId(text));
      return text;
    }
    case Type::kNumber: {
      const Number n = id.number();
      if (n.kind() != Number::Kind::kDouble && n.ToString() == id.text())
        return std::string(id.text());
      return InvalidArgument(Concat("/id: ", id.text().substr(0, 40),
                                    " is no id; a number must be a whole one in its "
                                    "shortest spelling (or make it a string)"));
    }
    default:
      break;
  }
  return InvalidArgument(
      Concat("/id: expected a string or a whole number, found ", TypeName(id.type())));
}

std::string StoredId(const Document& object) {
  const Value id = object.Find(kIdProperty);
  if (id.is_string()) return id.String();
  return std::string(id.text());
}

}  // namespace strata
