#include "pipeline/order.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/json_text.h"
#include "core/path.h"

namespace strata {
namespace {

std::string At(const StageConfig& s, std::string_view option) {
  return JsonPointerBelow(s.pointer, option);
}

std::string OptionText(const StageConfig& s, const std::string& option) {
  const Document options = Document::FromTrusted(s.canonical);
  return std::string(options.Find(option).text());
}

class OrderCheck {
 public:
  OrderCheck(PipelineConfig* config, ConfigProblems* problems)
      : config_(*config), problems_(*problems) {}

  void Run() {
    Exclusive();
    Rings();
    FindShared();
    for (size_t i = 0; i < config_.stages.size(); ++i) {
      const StageConfig& s = config_.stages[i];
      const OrderFacts& facts = s.type->order;
      if (!s.member.empty()) continue;  // judged as its stage
      if (facts.testing_only) Warn(s, Concat("\"", s.type->name, "\" is for tests"));
      if (s.children.empty()) continue;
      const size_t inner = s.children[0];
      if (facts.needs_feed && Feed(inner) == ChangeFeed::kNone) {
        Wrong(s, Concat("\"", s.type->name, "\" follows its inner store's changes, but ",
                        Silent(inner), " gives none; put it below"));
      }
      if (facts.needs_news_of_others && s.shared_below && Feed(inner) == ChangeFeed::kNone) {
        Wrong(s, Concat("what is below this \"", s.type->name,
                        "\" is also written through another store, and ", Silent(inner),
                        " does not tell of changes; let that store go through this stage too"));
      }
      if (facts.wasteful_over_volatile && config_.stages[inner].type->order.volatile_data) {
        Warn(s, Concat("\"", s.type->name, "\" right above \"", config_.stages[inner].type->name,
                       "\" costs more than it saves"));
      }
      for (const auto& [type, why] : facts.must_be_below) {
        for (size_t below : Below(i)) {
          if (config_.stages[below].type->name == type)
            Wrong(s, Concat("\"", s.type->name, "\" must be below \"", type, "\": ", why));
        }
      }
      for (const auto& [type, why] : facts.better_below) {
        for (size_t below : Below(i)) {
          if (config_.stages[below].type->name == type)
            Warn(s, Concat("\"", s.type->name, "\" is better below \"", type, "\": ", why));
        }
      }
      if (!facts.wants_index_on.empty()) WantIndex(i);
      if (!facts.distinct_on_line.empty()) {
        for (size_t below : Below(i)) {
          const StageConfig& other = config_.stages[below];
          if (below != i && other.type == s.type &&
              OptionText(other, facts.distinct_on_line) == OptionText(s, facts.distinct_on_line)) {
            problems_.push_back(
                {s.pointer, Concat("stands over another \"", s.type->name, "\" (", other.pointer,
                                   ") with the same \"", facts.distinct_on_line, "\"")});
          }
        }
      }
    }
  }

 private:
  void Wrong(const StageConfig& s, std::string message) {
    problems_.push_back({s.pointer, std::move(message)});
  }
  void Warn(const StageConfig& s, std::string message) {
    config_.warnings.push_back({s.pointer, std::move(message)});
  }

  // Some base below should have an index whose first path is the member.
  void WantIndex(size_t stage) {
    const StageConfig& s = config_.stages[stage];
    const Document own = Document::FromTrusted(s.canonical);
    const std::string member = own.Find(s.type->order.wants_index_on).String();
    bool can = false;
    for (size_t below : Below(stage)) {
      const Document options = Document::FromTrusted(config_.stages[below].canonical);
      const Value indexes = options.Find("indexes");
      if (!config_.stages[below].children.empty() || !indexes.is_array()) continue;
      can = true;
      for (uint32_t i = 0; i < indexes.size(); ++i) {
        Value path = indexes.At(i).Find("path");
        if (path.is_array() && path.size() > 0) path = path.At(0);
        if (path.is_string() && path.StringEquals(member)) return;
      }
    }
    if (can) {
      Warn(s, Concat("every query asks for ", JsonString(member),
                     "; add {\"path\": ", JsonString(member), "} to the \"indexes\" of the base"));
    }
  }

  // A folder or file that two stages would open.
  void Exclusive() {
    std::map<std::string, std::string> taken;
    for (const StageConfig& s : config_.stages) {
      const std::string& option = s.type->order.exclusive_option;
      if (option.empty() || !s.member.empty()) continue;
      const std::string value = OptionText(s, option);
      if (value == "\"\"") continue;
      const auto [it, fresh] = taken.try_emplace(value, s.pointer);
      if (!fresh) {
        problems_.push_back({At(s, option), Concat(value, " is opened by ", it->second,
                                                   " already; name that store instead")});
      }
    }
  }

  // Whether what `from` passes on to its other inner stores comes to `to`, directly or through
  // further stages.
  bool Feeds(size_t from, size_t to, std::set<size_t>* seen) const {
    if (!seen->insert(from).second) return false;
    std::set<size_t> given;
    const auto& children = config_.stages[from].children;
    for (size_t i = 1; i < children.size(); ++i) given.merge(Below(children[i]));
    for (size_t next = 0; next < config_.stages.size(); ++next) {
      const StageConfig& s = config_.stages[next];
      if (!s.type->order.first_feeds_others || s.children.empty()) continue;
      const std::set<size_t> taken = Below(s.children[0]);
      const bool reached =
          std::any_of(taken.begin(), taken.end(), [&](size_t t) { return given.contains(t); });
      if (reached && (next == to || Feeds(next, to, seen))) return true;
    }
    return false;
  }

  void Rings() {
    for (size_t i = 0; i < config_.stages.size(); ++i) {
      const StageConfig& s = config_.stages[i];
      std::set<size_t> seen;
      if (s.type->order.first_feeds_others && Feeds(i, i, &seen)) {
        Wrong(s, Concat("what this \"", s.type->name,
                        "\" copies comes back to its first store through another one; let changes "
                        "run one way"));
      }
    }
  }

  // The stage and everything under it.
  std::set<size_t> Below(size_t stage) const {
    std::set<size_t> out = {stage};
    for (size_t c : config_.stages[stage].children) out.merge(Below(c));
    return out;
  }

  // A stage shares what is below it when somebody outside can reach it: another stage, or a name
  // under which it is served.
  void FindShared() {
    std::vector<std::set<size_t>> parents(config_.stages.size());
    for (size_t i = 0; i < config_.stages.size(); ++i) {
      for (size_t c : config_.stages[i].children) parents[c].insert(i);
    }
    for (size_t i = 0; i < config_.stages.size(); ++i) {
      StageConfig& s = config_.stages[i];
      const std::set<size_t> below = Below(i);
      for (size_t b : below) {
        if (b == i) continue;
        s.shared_below = s.shared_below || Served(b);
        for (size_t p : parents[b]) s.shared_below = s.shared_below || !below.contains(p);
      }
    }
  }

  bool Served(size_t stage) const {
    return std::any_of(config_.stores.begin(), config_.stores.end(), [&](const auto& store) {
      return store.second == stage && std::find(config_.serve.begin(), config_.serve.end(),
                                                store.first) != config_.serve.end();
    });
  }

  ChangeFeed Feed(size_t stage) const {
    const StageConfig& s = config_.stages[stage];
    ChangeFeed feed = s.type->order.feed;
    if (!s.children.empty()) feed = std::min(feed, Feed(s.children[0]));
    return feed;
  }

  // The stage that gives no changes, for messages.
  std::string Silent(size_t stage) const {
    const StageConfig& s = config_.stages[stage];
    if (s.type->order.feed == ChangeFeed::kNone || s.children.empty())
      return Concat("\"", s.type->name, "\" (", s.pointer, ")");
    return Silent(s.children[0]);
  }

  PipelineConfig& config_;
  ConfigProblems& problems_;
};

}  // namespace

void CheckOrder(PipelineConfig* config, ConfigProblems* problems) {
  OrderCheck(config, problems).Run();
}

}  // namespace strata
