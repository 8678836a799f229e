// A checked pipeline as text: its canonical form, its trees, and what is wrong with it.
#include <algorithm>
#include <map>

#include "core/json_text.h"
#include "pipeline/config.h"

namespace strata {
namespace {

// The name of the store whose outermost stage this may be.
std::string_view OwnName(const StageConfig& s) {
  if (!s.member.empty()) return s.member;
  return std::string_view(s.path).substr(0, s.path.find_first_of("/ "));
}

class CanonicalPrinter {
 public:
  explicit CanonicalPrinter(const PipelineConfig& config) : config_(config) {
    for (const auto& [name, stage] : config.stores) {
      if (OwnName(config.stages[stage]) == name) names_.emplace(stage, name);
    }
  }

  std::string Print() {
    out_ = "{\"stores\":{";
    bool first = true;
    for (const auto& [name, stage] : config_.stores) {
      const bool defines = OwnName(config_.stages[stage]) == name;
      // What a stage gives beside its own store comes with its options.
      if (defines && !config_.stages[stage].member.empty()) continue;
      if (!first) out_ += ',';
      first = false;
      out_ += JsonString(name) + ":";
      if (defines) {
        Stage(stage);
      } else {
        Store(stage);
      }
    }
    out_ += "},\"serve\":[";
    for (size_t i = 0; i < config_.serve.size(); ++i)
      out_ += (i > 0 ? "," : "") + JsonString(config_.serve[i]);
    return out_ + "]}";
  }

 private:
  // By name, when there is one: written out twice, it would be opened twice.
  void Store(size_t stage) {
    const auto it = names_.find(stage);
    if (it != names_.end()) {
      out_ += JsonString(it->second);
    } else {
      Stage(stage);
    }
  }

  void Stage(size_t stage) {
    const StageConfig& s = config_.stages[stage];
    out_ += "{\"type\":" + JsonString(s.type->name);
    if (s.canonical.size() > 2) out_ += "," + s.canonical.substr(1, s.canonical.size() - 2);
    if (s.type->children == Children::kOne) {
      out_ += ",\"inner\":";
      Store(s.children[0]);
      if (s.children.size() > 1) {
        out_ += "," + JsonString(s.type->side_child) + ":";
        Store(s.children[1]);
      }
    } else if (s.type->children == Children::kMany) {
      out_ += ",\"inners\":[";
      for (size_t i = 0; i < s.children.size(); ++i) {
        if (i > 0) out_ += ',';
        Store(s.children[i]);
      }
      out_ += ']';
    }
    out_ += '}';
  }

  const PipelineConfig& config_;
  std::map<size_t, std::string> names_;  // of the outermost stages of stores
  std::string out_;
};

// The options, JSON, that differ from their defaults; "{}" when none does.
std::string Chosen(const StageConfig& s) {
  const StageType& type = *s.type;
  ConfigProblems required;  // have no default, so they always differ
  const Document nothing = Document::FromTrusted("{}");
  const Document defaults = Document::FromTrusted(ReadOptions(
      type.options, type.name, nothing.root(), {}, "", "", type.new_options().get(), &required));
  const Document all = Document::FromTrusted(s.canonical);
  std::string out = "{";
  std::string scratch;
  for (MemberIterator m(all.root()); !m.done(); m.Next()) {
    if (defaults.Find(m.name(&scratch)).text() == m.value().text()) continue;
    if (out.size() > 1) out += ',';
    out += std::string(m.raw_name()) + ":" + std::string(m.value().text());
  }
  return out + "}";
}

void AppendTree(std::string* out, const PipelineConfig& config, size_t stage, size_t depth) {
  static constexpr const char* kFeed[] = {"none", "ordered", "resumable"};
  const StageConfig& s = config.stages[stage];
  const std::string chosen = Chosen(s);
  *out += std::string(2 * depth, ' ') + s.type->name;
  if (chosen.size() > 2) *out += " " + chosen;
  *out += "\n" + std::string(2 * depth + 4, ' ') + "can: {\"change_feed\":\"" +
          kFeed[static_cast<size_t>(s.feed)] + "\"}\n";
  for (size_t c : s.children) AppendTree(out, config, c, depth + 1);
}

}  // namespace

std::string PipelineConfig::Canonical() const { return CanonicalPrinter(*this).Print(); }

std::string PipelineConfig::TreeText() const {
  std::string out;
  for (const auto& [name, stage] : stores) {
    const bool served = std::find(serve.begin(), serve.end(), name) != serve.end();
    out += name + (served ? "  (served)\n" : "\n");
    AppendTree(&out, *this, stage, 1);
  }
  return out;
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

}  // namespace strata
