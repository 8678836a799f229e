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

constexpr size_t kNone = static_cast<size_t>(-1);
// Beyond these, problems come without suggestions, which are dear to find.
constexpr size_t kMaxSuggestions = 100;

// A name that may stand in an error: quoted, not too long.
std::string Quoted(std::string_view s) { return JsonString(ToValidUtf8(s.substr(0, 80))); }

std::string List(std::string_view noun, const std::vector<std::string>& names) {
  std::string out = Concat(" (", noun, ":");
  for (size_t i = 0; i < names.size(); ++i) out += Concat(i > 0 ? ", " : " ", names[i]);
  return out + ")";
}

class Checker {
 public:
  Checker(const std::string& base_dir, const StageRegistry& registry)
      : base_dir_(base_dir), registry_(registry) {}

  void Run(Value root) {
    if (!root.is_object()) return Problem("", Concat("expected an object, found ", Found(root)));
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
      return Problem(stores.exists() ? "/stores" : "",
                     Concat("\"stores\" must be an object of named stores, found ", Found(stores)));
    }
    if (stores.size() > kMaxStages) {
      return Problem("/stores", Concat("there are ", std::to_string(stores.size()),
                                       " stores; a file may have ", std::to_string(kMaxStages)));
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
      for (const std::string& member : members_[name])
        config.stores.emplace_back(member, Resolve(member));
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

  // The nearest name, and all of them when they are few.
  std::string SuggestStore(std::string_view name) const {
    if (problems.size() >= kMaxSuggestions) return "";
    const std::vector<std::string_view> views(names_.begin(), names_.end());
    return DidYouMean(name, views) + (names_.size() <= 12 ? List("stores", names_) : "");
  }

  // A stage whose inner ones are there; kNone, and a problem, when the file asks for too much.
  size_t Add(StageConfig stage) {
    size_t depth = 1;
    for (size_t c : stage.children) depth = std::max(depth, depths_[c] + 1);
    if (depth > kMaxStageDepth) return TooDeep(stage.pointer);
    if (config.stages.size() == kMaxStages) {
      if (!said_too_many_) {
        Problem(stage.pointer, Concat("a file may have ", std::to_string(kMaxStages),
                                      " stages, and this is one too many"));
      }
      said_too_many_ = true;
      return kNone;
    }
    config.stages.push_back(std::move(stage));
    depths_.push_back(depth);
    return config.stages.size() - 1;
  }

  size_t TooDeep(const std::string& pointer) {
    Problem(pointer, Concat("more than ", std::to_string(kMaxStageDepth),
                            " stages stand on one another here"));
    return kNone;
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
      if (names_.size() == kMaxStages) {
        return Problem(pointer, Concat("a file may have ", std::to_string(kMaxStages),
                                       " stores, with those that its stages give"));
      }
      names_.push_back(member);
      specs_.emplace(member, Value());
      members_[name].push_back(member);
      owner_of_.emplace(member, name);
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
        stage = Add(std::move(member));
      }
    } else {
      open_.push_back(name);
      stage = Spec(specs_.at(name), JsonPointerBelow("/stores", name), name);
      open_.pop_back();
    }
    resolved_[name] = stage;
    return stage;
  }

  // The store whose outermost stage gives this one; null for a store that is written out.
  const std::string* OwnerOf(const std::string& name) const {
    const auto it = owner_of_.find(name);
    return it != owner_of_.end() ? &it->second : nullptr;
  }

  size_t Spec(Value v, const std::string& pointer, const std::string& path) {
    // For each stage there may be a name or a list. More are only names of names.
    if (nesting_ == 2 * kMaxStageDepth) return TooDeep(pointer);
    ++nesting_;
    size_t stage = kNone;
    if (v.is_string()) {
      stage = Reference(v.String(), pointer, path);
    } else if (v.is_array()) {
      stage = Line(v, pointer, path);
    } else if (v.is_object()) {
      stage = Stage(v, pointer, path, kNone, false);
    } else {
      Problem(pointer, Concat("expected a store (an object, a list of stages, or a name), found ",
                              Found(v)));
    }
    --nesting_;
    return stage;
  }

  // A name or a URI.
  size_t Reference(const std::string& text, const std::string& pointer, const std::string& path) {
    if (const size_t colon = text.find(':'); colon != text.npos)
      return Uri(text, colon, pointer, path);
    if (!specs_.contains(text)) {
      Problem(pointer, Concat("no store named ", Quoted(text), SuggestStore(text)));
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
    return Stage(kept_.back().root(), pointer, path, kNone, false);
  }

  // Outermost first; the last is a base or a name.
  size_t Line(Value v, const std::string& pointer, const std::string& path) {
    if (v.size() == 0) {
      Problem(pointer, "a list of stages cannot be empty");
      return kNone;
    }
    if (v.size() > kMaxStageDepth) return TooDeep(pointer);
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
        below = Spec(element, JsonPointerBelow(pointer, step), path + "/" + step);
        broken = broken || below == kNone;
      } else {
        const size_t stage =
            Stage(element, JsonPointerBelow(pointer, step), path + "/" + step, below, !last);
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
    std::string known;
    if (problems.size() < kMaxSuggestions) {
      const std::vector<std::string> names = registry_.Names();
      const std::vector<std::string_view> views(names.begin(), names.end());
      known = DidYouMean(name, views) + List("types", names);
    }
    Problem(pointer, Concat("unknown type ", Quoted(name), known));
  }

  // One stage. In a line (`in_line`) the inner store is `below`.
  size_t Stage(Value v, const std::string& pointer, const std::string& path, size_t below,
               bool in_line) {
    const Value type_name = v.Find("type");
    if (!type_name.is_string()) {
      Problem(type_name.exists() ? JsonPointerBelow(pointer, "type") : pointer,
              Concat("\"type\" must be the name of a stage type, found ", Found(type_name)));
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
      const std::string_view inner = type->children == Children::kOne ? "inner" : "inners";
      skip.push_back(inner);
      if (v.Find(inner).exists()) {
        Problem(JsonPointerBelow(pointer, inner),
                Concat("in a list the next element is the inner store; leave \"", inner, "\" out"));
        broken = true;
      }
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
        stage.children.push_back(Spec(inner, JsonPointerBelow(pointer, "inner"), path + "/inner"));
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
                                      path + "/" + step));
      }
    }
    if (!type->side_child.empty()) {
      skip.push_back(type->side_child);
      const Value side = v.Find(type->side_child);
      if (side.exists()) {
        stage.children.push_back(
            Spec(side, JsonPointerBelow(pointer, type->side_child), path + "/" + type->side_child));
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
    return Add(std::move(stage));
  }

  void CheckServe(Value serve) {
    if (!serve.exists()) return;
    if (!serve.is_array())
      return Problem("/serve", Concat("expected a list of store names, found ", Found(serve)));
    for (uint32_t i = 0; i < serve.size(); ++i) {
      const std::string pointer = "/serve/" + std::to_string(i);
      const Value v = serve.At(i);
      if (!v.is_string()) {
        Problem(pointer, Concat("expected a store's name, found ", Found(v)));
        continue;
      }
      const std::string name = v.String();
      if (!specs_.contains(name)) {
        Problem(pointer, Concat("no store named ", Quoted(name), SuggestStore(name)));
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
  std::map<std::string, std::vector<std::string>> members_;  // by what gives them
  std::map<std::string, std::string> owner_of_;              // of such members
  std::map<std::string, size_t> resolved_;
  std::vector<std::string> open_;  // names being resolved, for cycles
  StringSet used_;
  StringSet used_served_;
  std::vector<Document> kept_;  // made from URIs
  std::vector<size_t> depths_;  // beside config.stages: stages on one another, from the base
  size_t nesting_ = 0;          // of calls of Spec
  bool said_too_many_ = false;
};

}  // namespace

StatusOr<PipelineConfig> CheckPipeline(std::string_view text, std::string_view name,
                                       const std::string& base_dir, const StageRegistry& registry) {
  const StatusOr<Document> parsed = Document::Parse(BlankComments(text));
  if (!parsed.ok())
    return WithMessage(parsed.status(), Concat(name, ": ", Message(parsed.status())));
  Checker checker(base_dir, registry);
  const Document config = FillVariables(*parsed, &checker.problems);
  const size_t unset = checker.problems.size();
  checker.Run(config.root());
  ArrangeProblems(config.root(), unset, &checker.problems);
  ArrangeProblems(config.root(), 0, &checker.config.warnings);
  if (!checker.problems.empty()) return InvalidArgument(DescribeProblems(name, checker.problems));
  return std::move(checker.config);
}

}  // namespace strata
