#include "store/index_spec.h"

#include <algorithm>

#include "core/abseil.h"
#include "core/json_text.h"
#include "core/projection.h"
#include "query/operator_table.h"

namespace strata {
namespace {

StatusOr<IndexPart> ParsePart(std::string_view text) {
  IndexPart part;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    if (text[0] == '-') part.direction = SortDirection::kDescending;
    text.remove_prefix(1);
  }
  std::vector<std::string> steps;
  for (size_t at = 0;;) {
    const size_t slash = text.find('/', at);
    steps.emplace_back(text.substr(at, slash == text.npos ? text.npos : slash - at));
    if (steps.back().empty())
      return InvalidArgument("a path is names joined by \"/\", each of a letter or more");
    if (slash == text.npos) break;
    at = slash + 1;
  }
  part.path = Path(std::move(steps));
  return part;
}

std::string PartText(const IndexPart& p) {
  const std::string path = p.path.ToString();
  // A name that begins with a sign needs one before it, or it would be read as the sign.
  const bool signed_name = path[0] == '-' || path[0] == '+';
  return (p.descending() ? "-" : signed_name ? "+" : "") + path;
}

std::string PartsText(const IndexSpec& spec) {
  std::string out;
  for (const IndexPart& p : spec.parts) out += (out.empty() ? "" : ",") + PartText(p);
  return out;
}

class SpecReader {
 public:
  explicit SpecReader(ConfigProblems* problems) : problems_(problems) {}

  std::optional<IndexSpec> Read(Value v, const std::string& pointer) {
    const size_t before = problems_->size();
    IndexSpec spec;
    if (!v.is_object()) {
      Report(pointer,
             Concat("expected an index such as {\"path\": \"price\"}, found ", TypeName(v.type())));
      return std::nullopt;
    }
    std::string scratch;
    bool has_path = false;
    for (MemberIterator m(v); !m.done(); m.Next()) {
      const std::string_view name = m.name(&scratch);
      std::string at = pointer;
      AppendJsonPointer(&at, name);
      if (name == "path") {
        has_path = true;
        ReadParts(m.value(), at, &spec);
      } else if (name == "name") {
        if (!m.value().is_string() || m.value().String().empty()) {
          Report(at, "expected a name as a string");
        } else {
          spec.name = m.value().String();
        }
      } else if (bool* flag = Flag(name, &spec)) {
        const Type t = m.value().type();
        if (t != Type::kTrue && t != Type::kFalse)
          Report(at, Concat("expected true or false, found ", TypeName(t)));
        *flag = t == Type::kTrue;
      } else {
        static constexpr std::string_view kNames[] = {"path", "name", "unique", "multi", "sparse"};
        const std::string_view near = Nearest(name, kNames);
        Report(at, Concat("unknown option ", JsonString(name), " of an index",
                          near.empty() ? " (options: path name unique multi sparse)"
                                       : Concat("; did you mean \"", near, "\"?")));
      }
    }
    if (!has_path) Report(pointer, "an index needs a \"path\"");
    if (spec.multi && spec.parts.size() > 1)
      Report(pointer, "a multi index has one path; make another index for the others");
    if (problems_->size() > before) return std::nullopt;
    if (spec.name.empty()) spec.name = PartsText(spec);
    if (spec.name == kScanHint) {
      Report(pointer,
             "an index cannot be named \"scan\", which using(scan) means otherwise; give it "
             "another \"name\"");
      return std::nullopt;
    }
    return spec;
  }

  void Report(const std::string& pointer, std::string message) {
    problems_->push_back({pointer, std::move(message)});
  }

 private:
  static bool* Flag(std::string_view name, IndexSpec* spec) {
    if (name == "unique") return &spec->unique;
    if (name == "multi") return &spec->multi;
    if (name == "sparse") return &spec->sparse;
    return nullptr;
  }

  void ReadParts(Value v, const std::string& pointer, IndexSpec* spec) {
    if (!v.is_array()) return ReadPart(v, pointer, spec);
    if (v.size() == 0 || v.size() > kMaxIndexParts) {
      return Report(pointer, Concat("expected 1 to ", std::to_string(kMaxIndexParts),
                                    " paths, found ", std::to_string(v.size())));
    }
    for (uint32_t i = 0; i < v.size(); ++i)
      ReadPart(v.At(i), pointer + "/" + std::to_string(i), spec);
  }

  void ReadPart(Value v, const std::string& pointer, IndexSpec* spec) {
    if (!v.is_string())
      return Report(pointer, Concat("expected a path as a string, found ", TypeName(v.type())));
    StatusOr<IndexPart> part = ParsePart(v.String());
    if (!part.ok()) return Report(pointer, std::string(Message(part.status())));
    for (const IndexPart& other : spec->parts) {
      if (other.path == part->path) return Report(pointer, "the path stands in the index already");
    }
    spec->parts.push_back(*std::move(part));
  }

  ConfigProblems* problems_;
};

}  // namespace

std::vector<IndexSpec> ParseIndexSpecs(Value list, const std::string& pointer,
                                       ConfigProblems* problems) {
  SpecReader reader(problems);
  std::vector<IndexSpec> specs;
  if (!list.is_array()) {
    reader.Report(pointer, Concat("expected a list of indexes, found ", TypeName(list.type())));
    return specs;
  }
  if (list.size() > kMaxIndexes) {
    reader.Report(pointer, Concat("a store has at most ", std::to_string(kMaxIndexes),
                                  " indexes, found ", std::to_string(list.size())));
    return specs;
  }
  for (uint32_t i = 0; i < list.size(); ++i) {
    const std::string at = pointer + "/" + std::to_string(i);
    std::optional<IndexSpec> spec = reader.Read(list.At(i), at);
    if (!spec) continue;
    for (const IndexSpec& other : specs) {
      if (other.name == spec->name)
        reader.Report(at, Concat("two indexes are named ", JsonString(spec->name)));
    }
    specs.push_back(*std::move(spec));
  }
  return specs;
}

Status CheckIndexSpec(const IndexSpec& spec) {
  ConfigProblems problems;
  const Document list = Document::FromTrusted("[" + spec.Canonical() + "]");
  const std::vector<IndexSpec> read = ParseIndexSpecs(list.root(), "", &problems);
  if (!problems.empty()) {
    return InvalidArgument(Concat("the index ", JsonString(spec.name), ": ", problems[0].message));
  }
  return read.size() == 1 && read[0] == spec ? OkStatus()
                                             : Internal("an index that changes when read");
}

StatusOr<IndexSpec> IndexFromPaths(std::string_view paths) {
  IndexSpec spec;
  for (size_t at = 0;;) {
    const size_t comma = paths.find(',', at);
    ASSIGN_OR_RETURN(IndexPart part,
                     ParsePart(paths.substr(at, comma == paths.npos ? paths.npos : comma - at)));
    spec.parts.push_back(std::move(part));
    if (comma == paths.npos) break;
    at = comma + 1;
  }
  spec.name = PartsText(spec);
  return spec;
}

Status IndexSpec::AppendKeys(Value document, std::vector<std::string>* keys) const {
  const size_t first = keys->size();
  if (multi) {
    const Value v = parts[0].path.Get(document);
    if (v.is_array()) {
      for (uint32_t i = 0; i < v.size(); ++i) {
        keys->emplace_back(1, kElement);
        AppendKey(&keys->back(), v.At(i), parts[0].direction);
      }
      std::sort(keys->begin() + static_cast<std::ptrdiff_t>(first), keys->end());
      keys->erase(std::unique(keys->begin() + static_cast<std::ptrdiff_t>(first), keys->end()),
                  keys->end());
    } else if (v.exists() || !sparse) {
      keys->emplace_back(1, kPlain);
      AppendKey(&keys->back(), v, parts[0].direction);
    }
  } else {
    std::string key;
    bool any = !sparse;
    for (const IndexPart& p : parts) {
      const Value v = p.path.Get(document);
      any = any || v.exists();
      AppendKey(&key, v, p.direction);
    }
    if (any) keys->push_back(std::move(key));
  }
  for (size_t i = first; i < keys->size(); ++i) {
    if ((*keys)[i].size() > kMaxIndexKeyBytes) {
      return InvalidArgument(Concat("the index ", JsonString(name), " would hold a key of ",
                                    std::to_string((*keys)[i].size()), " bytes; at most ",
                                    std::to_string(kMaxIndexKeyBytes),
                                    " are taken (the text there is too long to be indexed)"));
    }
  }
  return OkStatus();
}

bool IndexSpec::Binds(Value document) const {
  if (!unique) return false;
  for (const IndexPart& p : parts) {
    if (!p.path.Get(document).exists()) return false;
  }
  return true;
}

bool IndexSpec::CanCover() const {
  if (multi) return false;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Path& path = parts[i].path;
    // A number may be a place in an array, which a part alone cannot keep.
    for (size_t s = 0; s < path.size(); ++s) {
      if (ParseArrayIndex(path.name(s)) >= 0) return false;
    }
    if (path.name(0) == "id") return false;
    for (size_t j = 0; j < parts.size(); ++j) {
      if (i != j && path.IsPrefixOf(parts[j].path)) return false;
    }
  }
  return true;
}

Document IndexSpec::Covered(const Document& document) const {
  std::vector<Path> paths = {Path::Of("id")};
  for (const IndexPart& p : parts) paths.push_back(p.path);
  return Projection(paths).Keep(document);
}

std::string IndexSpec::Shape() const {
  std::string out = "\"path\":[";
  for (size_t i = 0; i < parts.size(); ++i)
    out += (i > 0 ? "," : "") + JsonString(PartText(parts[i]));
  out += "]";
  if (unique) out += ",\"unique\":true";
  if (multi) out += ",\"multi\":true";
  if (sparse) out += ",\"sparse\":true";
  return out;
}

std::string IndexSpec::Canonical() const {
  return "{\"name\":" + JsonString(name) + "," + Shape() + "}";
}

}  // namespace strata
