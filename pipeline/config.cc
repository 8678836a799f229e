#include "pipeline/config.h"

#include <algorithm>
#include <map>

#include "core/json_text.h"
#include "core/path.h"
#include "pipeline/config_text.h"
#include "pipeline/order.h"
#include "query/operator_table.h"

namespace strata {
namespace {

constexpr KnownStage kProjectStages[] = {
    {"memory", "//base_stores/memory"},
    {"rocksdb", "//base_stores/rocksdb"},
    {"aggregate", "//wrappers/aggregate"},
    {"cache", "//wrappers/cache"},
    {"expire", "//wrappers/expire"},
    {"fault", "//wrappers/fault"},
    {"forward", "//wrappers/forward"},
    {"fulltext", "//wrappers/fulltext"},
    {"inherit", "//wrappers/inherit"},
    {"limit_concurrency", "//wrappers/limit_concurrency"},
    {"limit_rate", "//wrappers/limit_rate"},
    {"log", "//wrappers/log"},
    {"readonly", "//wrappers/readonly"},
    {"rename", "//wrappers/rename"},
    {"replicate", "//wrappers/replicate"},
    {"retry", "//wrappers/retry"},
    {"slow", "//wrappers/slow"},
};

constexpr size_t kNone = static_cast<size_t>(-1);
constexpr int kMaxNesting = 64;

// A name that may stand in an error: quoted, not too long.
std::string Quoted(std::string_view s) { return JsonString(ToValidUtf8(s.substr(0, 80))); }

std::string Suggest(std::string_view name, const std::vector<std::string>& known,
                    std::string_view noun) {
  std::vector<std::string_view> views(known.begin(), known.end());
  std::string out = DidYouMean(name, views);
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
        Problem(JsonPointerBelow("", name), Concat("unknown member ", Quoted(name),
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
        Problem(JsonPointerBelow("/stores", name),
                "a store's name has at least one character and no \"/\", \":\" or space");
      }
      names_.push_back(name);
      specs_.emplace(name, m.value());
    }
    const std::vector<std::string> written = names_;
    for (const std::string& name : written) FindMembers(name);
    for (const std::string& name : written) {
      const size_t stage = Resolve(name);
      if (stage == kNone) continue;
      config.stores.emplace_back(name, stage);
      for (const auto& [member, owner] : member_of_) {
        if (owner == name) config.stores.emplace_back(member, Resolve(member));
      }
    }
    CheckServe(root.Find("serve"));
    if (problems.empty()) CheckOrder(&config, &problems);
  }

  PipelineConfig config;
  ConfigProblems problems;

 private:
  void Problem(std::string pointer, std::string message) {
    problems.push_back({std::move(pointer), std::move(message)});
  }

  // Makes the names known that a store's outermost stage gives beside its own.
  void FindMembers(const std::string& name) {
    Value v = specs_.at(name);
    const std::string pointer = JsonPointerBelow("/stores", name);
    if (v.is_array() && v.size() > 0) v = v.At(0);
    const Value type_name = v.Find("type");
    if (!type_name.is_string()) return;
    const StageType* type = registry_.Find(type_name.String());
    if (type == nullptr || !type->members) return;
    // What is wrong with the options is said when the stage itself is read.
    ConfigProblems said_later;
    const std::shared_ptr<void> options = type->new_options();
    ReadOptions(type->options, type->name, v, {"type", "inner"}, pointer, base_dir_, options.get(),
                &said_later);
    for (const std::string& member : type->members(options.get())) {
      if (specs_.contains(member)) {
        Problem(pointer, Concat("gives a store ", Quoted(member),
                                ", but there is one of that name already"));
        continue;
      }
      names_.push_back(member);
      specs_.emplace(member, Value());
      member_of_.emplace_back(member, name);
    }
  }

  // A named store's outermost stage; kNone when it has problems of its own.
  size_t Resolve(const std::string& name) {
    if (const auto done = resolved_.find(name); done != resolved_.end()) return done->second;
    size_t stage = kNone;
    if (const std::string* owner = OwnerOf(name)) {
      stage = Resolve(*owner);
      if (stage != kNone) {
        StageConfig member = config.stages[stage];
        member.member = name;
        member.path = Concat(*owner, "/", name, " (", member.type->name, ")");
        config.stages.push_back(std::move(member));
        stage = config.stages.size() - 1;
      }
    } else {
      open_.push_back(name);
      stage = Spec(specs_.at(name), JsonPointerBelow("/stores", name), name, 0);
      open_.pop_back();
    }
    resolved_[name] = stage;
    return stage;
  }

  // The store whose outermost stage gives this one; null for a store that is written out.
  const std::string* OwnerOf(const std::string& name) const {
    for (const auto& [member, owner] : member_of_) {
      if (member == name) return &owner;
    }
    return nullptr;
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
    const std::string* owner = OwnerOf(text);
    const std::string& opened = owner != nullptr ? *owner : text;
    if (const auto at = std::find(open_.begin(), open_.end(), opened); at != open_.end()) {
      std::string cycle;
      for (auto it = at; it != open_.end(); ++it) cycle += *it + " -> ";
      Problem(pointer, Concat("the store stands on itself: ", cycle, text));
      return kNone;
    }
    used_.insert(text);
    if (owner != nullptr) used_.insert(*owner);
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
        Problem(JsonPointerBelow(pointer, step),
                "only the last element of a list may be a name; the others are wrappers");
        broken = true;
      } else if (last && !element.is_object()) {
        below = Spec(element, JsonPointerBelow(pointer, step), path + "/" + step, depth + 1);
        broken = broken || below == kNone;
      } else {
        const size_t stage = Stage(element, JsonPointerBelow(pointer, step), path + "/" + step,
                                   below, !last, depth + 1);
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
          type_name.exists() ? JsonPointerBelow(pointer, "type") : pointer,
          Concat("\"type\" must be the name of a stage type, found ", TypeName(type_name.type())));
      return kNone;
    }
    const StageType* type = registry_.Find(type_name.String());
    if (type == nullptr) {
      UnknownType(type_name.String(), JsonPointerBelow(pointer, "type"));
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
        stage.children.push_back(
            Spec(inner, JsonPointerBelow(pointer, "inner"), path + "/inner", depth + 1));
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
        stage.children.push_back(Spec(inners.At(i),
                                      JsonPointerBelow(JsonPointerBelow(pointer, "inners"), step),
                                      path + "/" + step, depth + 1));
      }
    }
    if (!type->side_child.empty()) {
      skip.push_back(type->side_child);
      const Value side = v.Find(type->side_child);
      if (side.exists()) {
        stage.children.push_back(Spec(side, JsonPointerBelow(pointer, type->side_child),
                                      path + "/" + type->side_child, depth + 1));
      }
    }
    const size_t slash = path.find('/');
    const bool outermost = slash == path.npos || (in_line && path.substr(slash) == "/0");
    if (type->members && !outermost) {
      Problem(pointer, Concat("\"", type->name,
                              "\" gives several stores: make it the outermost stage of a store of "
                              "its own, and let others name what it gives"));
      broken = true;
    }
    const size_t before = problems.size();
    std::shared_ptr<void> options = type->new_options();
    stage.canonical = ReadOptions(type->options, type->name, v, skip, pointer, base_dir_,
                                  options.get(), &problems);
    stage.options = std::move(options);
    if (type->check && problems.size() == before)
      type->check(stage.options.get(), stage.children.size(), pointer, &problems);
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
      } else if (const std::string* owner = OwnerOf(name)) {
        used_.insert(*owner);
      }
      config.serve.push_back(name);
    }
    for (const std::string& name : names_) {
      if (!used_.contains(name) && !used_served_.contains(name) && OwnerOf(name) == nullptr) {
        config.warnings.push_back({JsonPointerBelow("/stores", name),
                                   "this store is neither served nor used by another one"});
      }
    }
  }

  const std::string& base_dir_;
  const StageRegistry& registry_;
  std::vector<std::string> names_;  // in the order of the file
  std::map<std::string, Value> specs_;
  std::vector<std::pair<std::string, std::string>> member_of_;  // name and owner
  std::map<std::string, size_t> resolved_;
  std::vector<std::string> open_;  // names being resolved, for cycles
  StringSet used_;
  StringSet used_served_;
  std::vector<Document> kept_;  // made from URIs
};

void AppendStage(std::string* out, const PipelineConfig& config, size_t index) {
  const StageConfig& s = config.stages[index];
  *out += "{\"type\":" + JsonString(s.type->name);
  if (!s.member.empty()) *out += ",\"member\":" + JsonString(s.member);
  if (s.canonical.size() > 2) *out += "," + s.canonical.substr(1, s.canonical.size() - 2);
  if (s.type->children == Children::kOne) {
    *out += ",\"inner\":";
    AppendStage(out, config, s.children[0]);
    if (s.children.size() > 1) {
      *out += "," + JsonString(s.type->side_child) + ":";
      AppendStage(out, config, s.children[1]);
    }
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

}  // namespace strata
