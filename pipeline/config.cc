#include "pipeline/config.h"

#include <algorithm>
#include <map>

#include "core/json_text.h"
#include "core/path.h"
#include "pipeline/config_text.h"
#include "query/operator_table.h"

namespace strata {
namespace {

constexpr KnownStage kProjectStages[] = {
    {"memory", "//base_stores/memory"}, {"rocksdb", "//base_stores/rocksdb"},
    {"forward", "//wrappers/forward"},  {"readonly", "//wrappers/readonly"},
    {"fault", "//wrappers/fault"},
};

constexpr size_t kNone = static_cast<size_t>(-1);
constexpr int kMaxNesting = 64;

std::string Child(const std::string& pointer, std::string_view step) {
  std::string out = pointer;
  AppendJsonPointer(&out, step);
  return out;
}

// A name that may stand in an error: quoted, not too long.
std::string Quoted(std::string_view s) { return JsonString(ToValidUtf8(s.substr(0, 80))); }

std::string Suggest(std::string_view name, const std::vector<std::string>& known,
                    std::string_view noun) {
  std::vector<std::string_view> views(known.begin(), known.end());
  std::string out;
  if (const std::string_view near = Nearest(name, views); !near.empty())
    out += Concat("; did you mean \"", near, "\"?");
  if (known.size() <= 12) {
    out += Concat(" (", noun, ":");
    for (size_t i = 0; i < known.size(); ++i) out += Concat(i > 0 ? ", " : " ", known[i]);
    out += ")";
  }
  return out;
}

class Checker {
 public:
  Checker(const std::string& base_dir, const StageRegistry& registry)
      : base_dir_(base_dir), registry_(registry) {}

  void Run(Value root) {
    if (!root.is_object())
      return Problem("", Concat("expected an object, found ", TypeName(root.type())));
    std::string scratch;
    for (MemberIterator m(root); !m.done(); m.Next()) {
      const std::string_view name = m.name(&scratch);
      if (name != "stores" && name != "serve" && name != "$schema") {
        Problem(Child("", name), Concat("unknown member ", Quoted(name),
                                        "; a pipeline has \"stores\" and \"serve\""));
      }
    }
    const Value stores = root.Find("stores");
    if (!stores.is_object()) {
      return Problem(
          stores.exists() ? "/stores" : "",
          Concat("\"stores\" must be an object of named stores, found ", TypeName(stores.type())));
    }
    if (stores.size() == 0) Problem("/stores", "there is no store");
    for (MemberIterator m(stores); !m.done(); m.Next()) {
      const std::string name(m.name(&scratch));
      if (name.empty() || name.find_first_of("/: ") != name.npos) {
        Problem(Child("/stores", name),
                "a store's name has at least one character and no \"/\", \":\" or space");
      }
      names_.push_back(name);
      specs_.emplace(name, m.value());
    }
    for (const std::string& name : names_) {
      const size_t stage = Resolve(name);
      if (stage != kNone) config.stores.emplace_back(name, stage);
    }
    CheckServe(root.Find("serve"));
    CheckOrder();
  }

  PipelineConfig config;
  ConfigProblems problems;

 private:
  void Problem(std::string pointer, std::string message) {
    problems.push_back({std::move(pointer), std::move(message)});
  }

  // A named store's outermost stage; kNone when it has problems of its own.
  size_t Resolve(const std::string& name) {
    if (const auto done = resolved_.find(name); done != resolved_.end()) return done->second;
    open_.push_back(name);
    const size_t stage = Spec(specs_.at(name), Child("/stores", name), name, 0);
    open_.pop_back();
    resolved_[name] = stage;
    return stage;
  }

  size_t Spec(Value v, const std::string& pointer, const std::string& path, int depth) {
    if (depth > kMaxNesting) {
      Problem(pointer, "stores are nested too deep");
      return kNone;
    }
    if (v.is_string()) return Reference(v.String(), pointer, path);
    if (v.is_array()) return Line(v, pointer, path, depth);
    if (v.is_object()) return Stage(v, pointer, path, kNone, false, depth);
    Problem(pointer, Concat("expected a store (an object, a list of stages, or a name), found ",
                            TypeName(v.type())));
    return kNone;
  }

  // A name or a URI.
  size_t Reference(const std::string& text, const std::string& pointer, const std::string& path) {
    if (const size_t colon = text.find(':'); colon != text.npos)
      return Uri(text, colon, pointer, path);
    if (!specs_.contains(text)) {
      Problem(pointer, Concat("no store named ", Quoted(text), Suggest(text, names_, "stores")));
      return kNone;
    }
    if (const auto at = std::find(open_.begin(), open_.end(), text); at != open_.end()) {
      std::string cycle;
      for (auto it = at; it != open_.end(); ++it) cycle += *it + " -> ";
      Problem(pointer, Concat("the store stands on itself: ", cycle, text));
      return kNone;
    }
    used_.insert(text);
    return Resolve(text);
  }

  size_t Uri(const std::string& text, size_t colon, const std::string& pointer,
             const std::string& path) {
    const std::string scheme = text.substr(0, colon);
    const std::string rest = text.substr(colon + 1);
    const StageType* type = registry_.Find(scheme);
    if (type == nullptr || type->children != Children::kNone) {
      UnknownType(scheme, pointer);
      return kNone;
    }
    std::string object = "{\"type\":" + JsonString(scheme);
    if (!rest.empty()) object += ",\"path\":" + JsonString(rest);
    kept_.push_back(Document::FromTrusted(object + "}"));
    return Stage(kept_.back().root(), pointer, path, kNone, false, 0);
  }

  // Outermost first; the last is a base or a name.
  size_t Line(Value v, const std::string& pointer, const std::string& path, int depth) {
    if (v.size() == 0) {
      Problem(pointer, "a list of stages cannot be empty");
      return kNone;
    }
    size_t below = kNone;
    bool broken = false;
    for (uint32_t i = v.size(); i-- > 0;) {
      const std::string step = std::to_string(i);
      const Value element = v.At(i);
      const bool last = i + 1 == v.size();
      if (!last && !element.is_object()) {
        Problem(Child(pointer, step),
                "only the last element of a list may be a name; the others are wrappers");
        broken = true;
      } else if (last && !element.is_object()) {
        below = Spec(element, Child(pointer, step), path + "/" + step, depth + 1);
        broken = broken || below == kNone;
      } else {
        const size_t stage =
            Stage(element, Child(pointer, step), path + "/" + step, below, !last, depth + 1);
        broken = broken || stage == kNone;
        below = stage;
      }
    }
    return broken ? kNone : below;
  }

  void UnknownType(const std::string& name, const std::string& pointer) {
    for (const KnownStage& k : ProjectStages()) {
      if (k.type != name) continue;
      if (registry_.Find(name) == nullptr) {
        return Problem(pointer, Concat("the type ", Quoted(name),
                                       " is not linked into this binary; add ", k.target));
      }
      return Problem(pointer, Concat("the type ", Quoted(name),
                                     " is a wrapper and cannot be written as a URI"));
    }
    Problem(pointer,
            Concat("unknown type ", Quoted(name), Suggest(name, registry_.Names(), "types")));
  }

  // One stage. In a line (`in_line`) the inner store is `below`.
  size_t Stage(Value v, const std::string& pointer, const std::string& path, size_t below,
               bool in_line, int depth) {
    const Value type_name = v.Find("type");
    if (!type_name.is_string()) {
      Problem(
          type_name.exists() ? Child(pointer, "type") : pointer,
          Concat("\"type\" must be the name of a stage type, found ", TypeName(type_name.type())));
      return kNone;
    }
    const StageType* type = registry_.Find(type_name.String());
    if (type == nullptr) {
      UnknownType(type_name.String(), Child(pointer, "type"));
      return kNone;
    }
    StageConfig stage;
    stage.pointer = pointer;
    stage.path = Concat(path, " (", type->name, ")");
    stage.type = type;
    std::vector<std::string_view> skip = {"type"};
    const bool base = type->children == Children::kNone;
    bool broken = false;
    if (in_line) {
      if (base) {
        Problem(pointer,
                Concat("\"", type->name, "\" is a base store; it can only be the last of a list"));
        return kNone;
      }
      broken = below == kNone;  // said already
      stage.children.push_back(below);
    } else if (type->children == Children::kOne) {
      skip.push_back("inner");
      const Value inner = v.Find("inner");
      if (!inner.exists()) {
        Problem(
            pointer,
            Concat("\"", type->name,
                   "\" is a wrapper: give it an \"inner\" store, or put it before one in a list"));
        broken = true;
      } else {
        stage.children.push_back(Spec(inner, Child(pointer, "inner"), path + "/inner", depth + 1));
      }
    } else if (type->children == Children::kMany) {
      skip.push_back("inners");
      const Value inners = v.Find("inners");
      if (!inners.is_array() || inners.size() == 0) {
        Problem(pointer, Concat("\"", type->name, "\" needs \"inners\", a list of stores"));
        broken = true;
      }
      for (uint32_t i = 0; i < inners.size(); ++i) {
        const std::string step = std::to_string(i);
        stage.children.push_back(Spec(inners.At(i), Child(Child(pointer, "inners"), step),
                                      path + "/" + step, depth + 1));
      }
    }
    const size_t before = problems.size();
    std::shared_ptr<void> options = type->new_options();
    stage.canonical = ReadOptions(type->options, type->name, v, skip, pointer, base_dir_,
                                  options.get(), &problems);
    stage.options = std::move(options);
    for (size_t c : stage.children) broken = broken || c == kNone;
    if (broken || problems.size() > before) return kNone;
    config.stages.push_back(std::move(stage));
    return config.stages.size() - 1;
  }

  void CheckServe(Value serve) {
    if (!serve.exists()) return;
    if (!serve.is_array())
      return Problem("/serve",
                     Concat("expected a list of store names, found ", TypeName(serve.type())));
    for (uint32_t i = 0; i < serve.size(); ++i) {
      const std::string pointer = "/serve/" + std::to_string(i);
      const Value v = serve.At(i);
      if (!v.is_string()) {
        Problem(pointer, Concat("expected a store's name, found ", TypeName(v.type())));
        continue;
      }
      const std::string name = v.String();
      if (!specs_.contains(name)) {
        Problem(pointer, Concat("no store named ", Quoted(name), Suggest(name, names_, "stores")));
      } else if (!used_served_.insert(name).second) {
        Problem(pointer, Concat("the store ", Quoted(name), " is served twice"));
      }
      config.serve.push_back(name);
    }
    for (const std::string& name : names_) {
      if (!used_.contains(name) && !used_served_.contains(name)) {
        config.warnings.push_back(
            {Child("/stores", name), "this store is neither served nor used by another one"});
      }
    }
  }

  void CheckOrder() {
    std::map<std::string, std::string> taken;
    for (const StageConfig& s : config.stages) {
      if (!s.type->exclusive_option.empty()) {
        const Document options = Document::FromTrusted(s.canonical);
        const std::string value = options.Find(s.type->exclusive_option).String();
        const auto [it, fresh] = taken.try_emplace(s.type->name + ":" + value, s.pointer);
        if (!fresh) {
          Problem(Child(s.pointer, s.type->exclusive_option),
                  Concat(Quoted(value), " is opened by ", it->second,
                         " already; name that store instead"));
        }
      }
      if (s.type->testing_only) {
        config.warnings.push_back({s.pointer, Concat("\"", s.type->name, "\" is for tests")});
      }
    }
  }

  const std::string& base_dir_;
  const StageRegistry& registry_;
  std::vector<std::string> names_;  // in the order of the file
  std::map<std::string, Value> specs_;
  std::map<std::string, size_t> resolved_;
  std::vector<std::string> open_;  // names being resolved, for cycles
  StringSet used_;
  StringSet used_served_;
  std::vector<Document> kept_;  // made from URIs
};

void AppendStage(std::string* out, const PipelineConfig& config, size_t index) {
  const StageConfig& s = config.stages[index];
  *out += "{\"type\":" + JsonString(s.type->name);
  if (s.canonical.size() > 2) *out += "," + s.canonical.substr(1, s.canonical.size() - 2);
  if (s.type->children == Children::kOne) {
    *out += ",\"inner\":";
    AppendStage(out, config, s.children[0]);
  } else if (s.type->children == Children::kMany) {
    *out += ",\"inners\":[";
    for (size_t i = 0; i < s.children.size(); ++i) {
      if (i > 0) *out += ',';
      AppendStage(out, config, s.children[i]);
    }
    *out += ']';
  }
  *out += '}';
}

std::string OptionSchema(const OptionSpec& o) {
  std::string out = "{\"description\":" + JsonString(o.doc);
  switch (o.kind) {
    case OptionKind::kString:
    case OptionKind::kPath:
      out += ",\"type\":\"string\"";
      break;
    case OptionKind::kBool:
      out += ",\"type\":\"boolean\"";
      break;
    case OptionKind::kInteger:
      out += ",\"type\":\"integer\",\"minimum\":" + std::to_string(o.min) +
             ",\"maximum\":" + std::to_string(o.max);
      break;
    case OptionKind::kSize:
      out +=
          ",\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\",\"pattern\":\"^[0-9]+(B|[KMGT]"
          "iB|kB|MB|GB)$\"}]";
      break;
    case OptionKind::kDuration:
      out += ",\"type\":\"string\",\"pattern\":\"^[0-9]+(ms|s|m|h|d)$\"";
      break;
    case OptionKind::kJson:
      out += "," + o.json_schema.substr(1, o.json_schema.size() - 2);
      break;
    case OptionKind::kEnum:
      out += ",\"enum\":[";
      for (size_t i = 0; i < o.values.size(); ++i)
        out += (i > 0 ? "," : "") + JsonString(o.values[i]);
      out += ']';
      break;
  }
  if (!o.required) out += ",\"default\":" + o.default_text;
  return out + "}";
}

}  // namespace

std::span<const KnownStage> ProjectStages() { return kProjectStages; }

std::string PipelineConfig::Canonical() const {
  std::string out = "{\"stores\":{";
  for (size_t i = 0; i < stores.size(); ++i) {
    if (i > 0) out += ',';
    out += JsonString(stores[i].first) + ":";
    AppendStage(&out, *this, stores[i].second);
  }
  out += "},\"serve\":[";
  for (size_t i = 0; i < serve.size(); ++i) out += (i > 0 ? "," : "") + JsonString(serve[i]);
  return out + "]}";
}

std::string DescribeProblems(std::string_view name, const ConfigProblems& problems,
                             std::string_view noun) {
  size_t width = 0;
  for (const ConfigProblem& p : problems)
    width = std::max(width, std::min<size_t>(p.pointer.size(), 60));
  std::string out = Concat(name, ": ", std::to_string(problems.size()), " ", noun,
                           problems.size() == 1 ? "" : "s");
  for (const ConfigProblem& p : problems) {
    const std::string pad(width + 3 > p.pointer.size() ? width + 3 - p.pointer.size() : 1, ' ');
    out += Concat("\n  ", p.pointer, pad, p.message);
  }
  return out;
}

StatusOr<PipelineConfig> CheckPipeline(std::string_view text, std::string_view name,
                                       const std::string& base_dir, const StageRegistry& registry) {
  const StatusOr<Document> parsed = Document::Parse(BlankComments(text));
  if (!parsed.ok())
    return WithMessage(parsed.status(), Concat(name, ": ", Message(parsed.status())));
  Checker checker(base_dir, registry);
  const Document config = FillVariables(*parsed, &checker.problems);
  checker.Run(config.root());
  if (!checker.problems.empty()) return InvalidArgument(DescribeProblems(name, checker.problems));
  return std::move(checker.config);
}

std::string PipelineJsonSchema(const StageRegistry& registry) {
  std::string stages;
  for (const std::string& name : registry.Names()) {
    const StageType& t = *registry.Find(name);
    if (!stages.empty()) stages += ',';
    stages += "{\"description\":" + JsonString(t.doc) +
              ",\"properties\":{\"type\":{\"const\":" + JsonString(name) + "}";
    std::string required = "\"type\"";
    for (const OptionSpec& o : t.options) {
      stages += "," + JsonString(o.name) + ":" + OptionSchema(o);
      if (o.required) required += "," + JsonString(o.name);
    }
    if (t.children == Children::kOne) stages += ",\"inner\":{\"$ref\":\"#/$defs/store\"}";
    if (t.children == Children::kMany) {
      stages +=
          ",\"inners\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/store\"}}";
    }
    stages += "},\"required\":[" + required + "],\"additionalProperties\":false}";
  }
  return "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"Strata "
         "pipeline\",\"type\":\"object\","
         "\"required\":[\"stores\"],\"additionalProperties\":false,\"properties\":{\"$schema\":{"
         "\"type\":\"string\"},"
         "\"stores\":{\"type\":\"object\",\"minProperties\":1,\"additionalProperties\":{\"$ref\":"
         "\"#/$defs/store\"}},"
         "\"serve\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}},\"$defs\":{\"store\":{"
         "\"anyOf\":["
         "{\"type\":\"string\"},{\"$ref\":\"#/$defs/"
         "stage\"},{\"type\":\"array\",\"minItems\":1,\"items\":"
         "{\"anyOf\":[{\"type\":\"string\"},{\"$ref\":\"#/$defs/"
         "stage\"}]}}]},\"stage\":{\"type\":\"object\","
         "\"required\":[\"type\"],\"oneOf\":[" +
         stages + "]}}}";
}

}  // namespace strata
