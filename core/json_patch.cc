#include "core/json_patch.h"

#include <algorithm>
#include <utility>

#include "core/json_text.h"
#include "core/object_writer.h"
#include "core/path.h"
#include "core/value_order.h"

namespace strata {
namespace {

// Finds members by name, also when an object has very many of them.
class MemberFinder {
 public:
  explicit MemberFinder(Value object) : object_(object) {
    if (object.size() <= 32) return;
    std::string scratch;
    for (MemberIterator m(object); !m.done(); m.Next()) {
      by_name_.emplace(std::string(m.name(&scratch)), m.value());
    }
  }
  Value Find(std::string_view name, uint32_t hash) const {
    if (by_name_.empty()) return object_.Find(name, hash);
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? Value() : it->second;
  }

 private:
  Value object_;
  StringMap<Value> by_name_;
};

void AppendMerged(std::string* out, Value target, Value patch) {
  if (!patch.is_object()) {
    out->append(patch.text());
    return;
  }
  ObjectWriter w(out);
  std::string scratch;
  const MemberFinder changes(patch);
  for (MemberIterator m(target); !m.done(); m.Next()) {
    const Value change = changes.Find(m.name(&scratch), m.name_hash());
    if (!change.exists()) {
      w.Raw(m.raw_name(), m.value().text());
    } else if (change.type() != Type::kNull) {
      w.Name(m.raw_name());
      AppendMerged(out, m.value(), change);
    }
  }
  const MemberFinder there(target);
  for (MemberIterator m(patch); !m.done(); m.Next()) {
    if (m.value().type() == Type::kNull || there.Find(m.name(&scratch), m.name_hash()).exists()) {
      continue;
    }
    w.Name(m.raw_name());
    AppendMerged(out, Value(), m.value());
  }
  w.Close();
}

Status TooLarge(size_t bytes) {
  return ResourceExhausted(Concat("the result has ", std::to_string(bytes),
                                  " bytes; a document has at most ",
                                  std::to_string(kMaxDocumentBytes)));
}

// ---- RFC 6902
// ------------------------------------------------------------------------------------------------

using Steps = std::vector<std::string>;

enum class Edit { kAdd, kReplace, kRemove };

Status NoSuchPath(std::string_view step, Value in) {
  if (in.is_array()) {
    return InvalidArgument(
        Concat("there is no element \"", step, "\" in an array of ", std::to_string(in.size())));
  }
  if (in.is_object()) return InvalidArgument(Concat("there is no member \"", step, "\""));
  return InvalidArgument(Concat("\"", step, "\" leads into ", TypeName(in.type())));
}

StatusOr<Value> Locate(Value from, const Steps& steps) {
  for (const std::string& step : steps) {
    Value next;
    if (from.is_object()) {
      next = from.Find(step);
    } else if (from.is_array()) {
      const int64_t i = ParseArrayIndex(step);
      if (i >= 0 && i < from.size()) next = from.At(static_cast<uint32_t>(i));
    }
    if (!next.exists()) return NoSuchPath(step, from);
    from = next;
  }
  return from;
}

// Appends `in` with the edit made at steps[depth..].
Status AppendEdited(std::string* out, Value in, const Steps& steps, size_t depth, Edit edit,
                    std::string_view raw) {
  const std::string& step = steps[depth];
  const bool last = depth + 1 == steps.size();
  if (in.is_object()) {
    const Value old = in.Find(step);
    if (!old.exists() && !(last && edit == Edit::kAdd)) return NoSuchPath(step, in);
    ObjectWriter w(out);
    std::string scratch;
    for (MemberIterator m(in); !m.done(); m.Next()) {
      if (m.name(&scratch) != step) {
        w.Raw(m.raw_name(), m.value().text());
      } else if (!last) {
        w.Name(m.raw_name());
        RETURN_IF_ERROR(AppendEdited(out, m.value(), steps, depth + 1, edit, raw));
      } else if (edit != Edit::kRemove) {
        w.Raw(m.raw_name(), raw);
      }
    }
    if (!old.exists()) w.Raw(JsonString(step), raw);
    w.Close();
    return OkStatus();
  }
  if (!in.is_array()) return NoSuchPath(step, in);
  const bool insert = last && edit == Edit::kAdd;
  const int64_t at = insert && step == "-" ? in.size() : ParseArrayIndex(step);
  if (at < 0 || at > in.size() || (at == in.size() && !insert)) return NoSuchPath(step, in);
  out->push_back('[');
  bool first = true;
  const auto comma = [&] {
    if (!first) out->push_back(',');
    first = false;
  };
  for (uint32_t i = 0; i <= in.size(); ++i) {
    if (i == at && last && edit != Edit::kRemove) {
      comma();
      out->append(raw);
    }
    if (i == in.size() || (i == at && last && !insert)) continue;
    comma();
    if (i == at && !last) {
      RETURN_IF_ERROR(AppendEdited(out, in.At(i), steps, depth + 1, edit, raw));
    } else {
      out->append(in.At(i).text());
    }
  }
  out->push_back(']');
  return OkStatus();
}

StatusOr<Document> Edited(const Document& doc, const Steps& steps, Edit edit,
                          std::string_view raw) {
  if (steps.empty()) {
    if (edit == Edit::kRemove) return InvalidArgument("the whole document cannot be removed");
    return Document::FromTrusted(raw);
  }
  std::string out;
  RETURN_IF_ERROR(AppendEdited(&out, doc.root(), steps, 0, edit, raw));
  // Nesting may have grown beyond the limit, so the result is checked like text from outside.
  return Document::Parse(out);
}

StatusOr<Steps> PointerOf(Value op, std::string_view name) {
  const Value v = op.Find(name);
  if (!v.is_string())
    return InvalidArgument(Concat("\"", name, "\" must be a string, found ", TypeName(v.type())));
  return ParseJsonPointer(v.String());
}

StatusOr<Document> ApplyOperation(const Document& doc, Value op) {
  if (!op.is_object())
    return InvalidArgument(Concat("expected an object, found ", TypeName(op.type())));
  const Value name = op.Find("op");
  ASSIGN_OR_RETURN(const Steps path, PointerOf(op, "path"));
  const auto is = [&](std::string_view s) { return name.is_string() && name.StringEquals(s); };
  if (is("remove")) return Edited(doc, path, Edit::kRemove, "");
  if (is("add") || is("replace") || is("test")) {
    const Value value = op.Find("value");
    if (!value.exists()) return InvalidArgument("\"value\" is missing");
    if (!is("test"))
      return Edited(doc, path, is("add") ? Edit::kAdd : Edit::kReplace, value.text());
    ASSIGN_OR_RETURN(const Value found, Locate(doc.root(), path));
    if (SameValue(found, value)) return doc;
    return FailedPrecondition(
        Concat("the test does not hold: found ", found.text().substr(0, 100)));
  }
  if (is("move") || is("copy")) {
    ASSIGN_OR_RETURN(const Steps from, PointerOf(op, "from"));
    ASSIGN_OR_RETURN(const Value found, Locate(doc.root(), from));
    const std::string raw(found.text());
    if (is("copy")) return Edited(doc, path, Edit::kAdd, raw);
    if (from.size() < path.size() && std::equal(from.begin(), from.end(), path.begin())) {
      return InvalidArgument("a value cannot be moved into itself");
    }
    if (from == path) return doc;
    ASSIGN_OR_RETURN(const Document without, Edited(doc, from, Edit::kRemove, ""));
    return Edited(without, path, Edit::kAdd, raw);
  }
  return InvalidArgument(Concat("\"op\" must be add, remove, replace, move, copy or test, found ",
                                name.exists() ? name.text() : "nothing"));
}

}  // namespace

StatusOr<Document> MergePatch(const Document& target, const Document& patch) {
  std::string out;
  out.reserve(target.text().size() + patch.text().size());
  AppendMerged(&out, target.root(), patch.root());
  if (out.size() > kMaxDocumentBytes) return TooLarge(out.size());
  return Document::FromTrusted(out);
}

StatusOr<Document> ApplyJsonPatch(const Document& target, const Document& patch) {
  const Value ops = patch.root();
  if (!ops.is_array()) {
    return InvalidArgument(
        Concat("a JSON Patch is an array of operations, found ", TypeName(ops.type())));
  }
  if (ops.size() > kMaxPatchOperations) {
    return ResourceExhausted(Concat("the patch has ", std::to_string(ops.size()),
                                    " operations; at most ", std::to_string(kMaxPatchOperations),
                                    " are taken"));
  }
  Document doc = target;
  size_t rewritten = 0;
  for (uint32_t i = 0; i < ops.size(); ++i) {
    // Each operation writes the document anew.
    rewritten += doc.text().size();
    if (rewritten > kMaxPatchBytes) {
      return ResourceExhausted(
          Concat("/", std::to_string(i), ": the patch has too many operations for a document of ",
                 std::to_string(doc.text().size()), " bytes; replace larger parts at once"));
    }
    StatusOr<Document> next = ApplyOperation(doc, ops.At(i));
    if (!next.ok()) {
      return WithMessage(next.status(),
                         Concat("/", std::to_string(i), ": ", Message(next.status())));
    }
    doc = *std::move(next);
  }
  return doc;
}

Document WithMember(const Document& object, std::string_view name, std::string_view raw) {
  const Value root = object.root();
  const Value old = root.Find(name);
  const std::string_view text = object.text();
  std::string out;
  out.reserve(text.size() + name.size() + raw.size() + 4);
  if (old.exists()) {
    const std::string_view was = old.text();
    out.append(text.substr(0, was.data() - text.data()));
    out.append(raw);
    out.append(text.substr(was.data() + was.size() - text.data()));
  } else {
    out.push_back('{');
    AppendJsonString(&out, name);
    out.push_back(':');
    out.append(raw);
    if (root.size() > 0) out.push_back(',');
    out.append(text.substr(1));
  }
  return Document::FromTrusted(out);
}

Document WithLastMember(const Document& object, std::string_view name, std::string_view raw) {
  if (object.Find(name).exists()) return WithMember(object, name, raw);
  const std::string_view text = object.text();
  return Document::FromTrusted(Concat(text.substr(0, text.size() - 1), text == "{}" ? "" : ",",
                                      JsonString(name), ":", raw, "}"));
}

}  // namespace strata
