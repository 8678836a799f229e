#include "pipeline/order.h"

#include <algorithm>
#include <bitset>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "core/json_text.h"
#include "core/path.h"

namespace strata {
namespace {

using StageSet = std::bitset<kMaxStages>;

std::string At(const StageConfig& s, std::string_view option) {
  return JsonPointerBelow(s.pointer, option);
}

std::string OptionText(const StageConfig& s, const std::string& option) {
  return Document::FromTrusted(s.canonical).Find(option).String();
}

// One spelling for each place on disk: absolute, links followed as far as they exist.
std::string SamePlace(const std::string& path) {
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) absolute = path;
  std::filesystem::path place = std::filesystem::weakly_canonical(absolute, error);
  if (error) place = absolute.lexically_normal();
  if (!place.has_filename()) place = place.parent_path();  // ends in a slash
  return place.string();
}

std::string Named(const StageConfig& s) {
  return Concat("\"", s.type->name, "\" (", s.pointer, ")");
}

// Every set is made from those of the stages below, which come first.
class OrderCheck {
 public:
  OrderCheck(PipelineConfig* config, ConfigProblems* problems)
      : config_(*config), problems_(*problems) {}

  void Run() {
    FindSets();
    Exclusive();
    Rings();
    for (size_t i = 0; i < config_.stages.size(); ++i) {
      const StageConfig& s = config_.stages[i];
      if (!s.member.empty()) continue;  // judged as its stage
      if (s.type->order.testing_only) Warn(s, Concat("\"", s.type->name, "\" is for tests"));
      if (s.children.empty()) continue;
      Feeds(i);
      Neighbours(i);
      if (s.type->children == Children::kMany) Parts(i);
      if (!s.type->side_child.empty() && s.children.size() > 1) SideChild(i);
      if (!s.type->order.wants_index_on.empty()) WantIndex(i);
      if (!s.type->order.distinct_on_line.empty()) Distinct(i);
    }
  }

 private:
  void Wrong(const StageConfig& s, std::string message) {
    problems_.push_back({s.pointer, std::move(message)});
  }
  void Warn(const StageConfig& s, std::string message) {
    config_.warnings.push_back({s.pointer, std::move(message)});
  }

  void FindSets() {
    const size_t count = config_.stages.size();
    below_.resize(count);
    parents_.resize(count);
    shared_.resize(count);
    for (const auto& [name, stage] : config_.stores) {
      if (std::find(config_.serve.begin(), config_.serve.end(), name) != config_.serve.end())
        served_.set(stage);
    }
    for (size_t i = 0; i < count; ++i) {
      StageConfig& s = config_.stages[i];
      of_type_[s.type->name].set(i);
      if (s.children.empty()) bases_.set(i);
      below_[i].set(i);
      for (size_t c : s.children) {
        below_[i] |= below_[c];
        parents_[c].set(i);
      }
      s.feed = s.type->order.feed;
      if (!s.children.empty()) s.feed = std::min(s.feed, config_.stages[s.children[0]].feed);
    }
    for (size_t i = 0; i < count; ++i) {
      for (size_t b = 0; b < i; ++b) {
        if (below_[i][b] && (served_[b] || (parents_[b] & ~below_[i]).any())) shared_[i].set(b);
      }
      config_.stages[i].shared_below = shared_[i].any();
    }
  }

  // Whether changes below come to be known.
  void Feeds(size_t stage) {
    const StageConfig& s = config_.stages[stage];
    const OrderFacts& facts = s.type->order;
    const size_t inner = s.children[0];
    const bool mute = config_.stages[inner].feed == ChangeFeed::kNone;
    if (facts.needs_feed && mute) {
      Wrong(s, Concat("\"", s.type->name, "\" follows its inner store's changes, but ",
                      Silent(inner), " gives none; put it below"));
    }
    if (!s.shared_below) return;
    const StageConfig* between = HidesWrites(stage);
    if (facts.needs_news_of_others && mute) {
      Wrong(s, Concat("what is below this \"", s.type->name,
                      "\" is also written through another store, and ", Silent(inner),
                      " does not tell of changes; let that store go through this stage too"));
    } else if (between != nullptr && (facts.needs_news_of_others || facts.needs_feed)) {
      const std::string message =
          Concat("what is below ", Named(*between),
                 " is also written through another store, of which its changes tell nothing; let "
                 "that store go through this \"",
                 s.type->name, "\" too");
      if (facts.needs_news_of_others) {
        Wrong(s, message);
      } else {
        Warn(s, message);
      }
    } else if (const auto& [option, value] = facts.deaf_when;
               facts.needs_news_of_others && !option.empty() && OptionText(s, option) == value) {
      Warn(s, Concat("may serve what others have replaced: what is below is also written through "
                     "another store, and \"",
                     option, "\" is \"", value, "\""));
    }
  }

  // A stage below through whose feed this one would not hear of what others write.
  const StageConfig* HidesWrites(size_t stage) const {
    for (size_t b = 0; b < stage; ++b) {
      if (!below_[stage][b] || !config_.stages[b].type->order.own_feed) continue;
      StageSet under = below_[b];
      under.reset(b);
      if ((under & shared_[stage]).any()) return &config_.stages[b];
    }
    return nullptr;
  }

  // The stage that gives no changes, for messages.
  std::string Silent(size_t stage) const {
    const StageConfig& s = config_.stages[stage];
    if (s.type->order.feed == ChangeFeed::kNone || s.children.empty()) return Named(s);
    return Silent(s.children[0]);
  }

  // Which types stand beneath this one.
  void Neighbours(size_t stage) {
    const StageConfig& s = config_.stages[stage];
    const OrderFacts& facts = s.type->order;
    const StageConfig& inner = config_.stages[s.children[0]];
    if (facts.wasteful_over_volatile && inner.type->order.volatile_data) {
      Warn(s, Concat("\"", s.type->name, "\" right above \"", inner.type->name,
                     "\" costs more than it saves"));
    }
    for (const auto& [type, why] : facts.must_be_below) {
      if ((below_[stage] & of_type_[type]).any())
        Wrong(s, Concat("\"", s.type->name, "\" must be below \"", type, "\": ", why));
    }
    for (const auto& [type, why] : facts.better_below) {
      if ((below_[stage] & of_type_[type]).any())
        Warn(s, Concat("\"", s.type->name, "\" is better below \"", type, "\": ", why));
    }
  }

  // Inner stores of one stage that are one store in the end.
  void Parts(size_t stage) {
    const StageConfig& s = config_.stages[stage];
    StageSet seen;
    for (size_t i = 0; i < s.children.size(); ++i) {
      const StageSet bases = below_[s.children[i]] & bases_;
      if ((seen & bases).any()) {
        problems_.push_back({JsonPointerBelow(At(s, "inners"), std::to_string(i)),
                             Concat("stands on ", Named(config_.stages[First(seen & bases)]),
                                    ", as another of the \"inners\" does; each needs a store of "
                                    "its own")});
      }
      seen |= bases;
    }
  }

  // The second store of a stage belongs to it alone.
  void SideChild(size_t stage) {
    const StageConfig& s = config_.stages[stage];
    const size_t side = s.children[1];
    const StageSet own = below_[side];
    std::string why;
    StageSet users;
    for (size_t b = 0; b <= side; ++b) {
      if (own[b]) users |= parents_[b] & ~own;
    }
    users.reset(stage);
    if (side == s.children[0]) {
      why = "is its inner store";
    } else if ((below_[s.children[0]] & own).any()) {
      why = "stands on what its inner store stands on";
    } else if ((served_ & own).any()) {
      why = "is also served";
    } else if (users.any()) {
      why = Concat("is also used by ", Named(config_.stages[First(users)]));
    } else {
      return;
    }
    problems_.push_back({At(s, s.type->side_child),
                         Concat("\"", s.type->name, "\" needs this store for itself, but it ", why,
                                "; name one that nobody else uses")});
  }

  // Requires: not empty.
  static size_t First(const StageSet& set) {
    size_t i = 0;
    while (!set[i]) ++i;
    return i;
  }

  // Some base below should have an index whose first path is the member.
  void WantIndex(size_t stage) {
    const StageConfig& s = config_.stages[stage];
    const std::string member = OptionText(s, s.type->order.wants_index_on);
    bool can = false;
    for (size_t b = 0; b < stage; ++b) {
      if (!below_[stage][b] || !bases_[b]) continue;
      const std::optional<std::set<std::string>>& indexed = Indexed(b);
      if (indexed && indexed->contains(member)) return;
      can = can || indexed;
    }
    if (can) {
      Warn(s, Concat("every query asks for ", JsonString(member),
                     "; add {\"path\": ", JsonString(member), "} to the \"indexes\" of the base"));
    }
  }

  // The first paths of a base's indexes; nothing for a base that has no such option.
  const std::optional<std::set<std::string>>& Indexed(size_t base) {
    const auto [it, fresh] = indexed_.try_emplace(base);
    if (!fresh) return it->second;
    const Document options = Document::FromTrusted(config_.stages[base].canonical);
    const Value indexes = options.Find("indexes");
    if (!indexes.is_array()) return it->second;
    it->second.emplace();
    for (uint32_t i = 0; i < indexes.size(); ++i) {
      Value path = indexes.At(i).Find("path");
      if (path.is_array() && path.size() > 0) path = path.At(0);
      if (path.is_string()) it->second->insert(path.String());
    }
    return it->second;
  }

  // Another stage of the type over the same base, with the same value.
  void Distinct(size_t stage) {
    const StageConfig& s = config_.stages[stage];
    const std::string& option = s.type->order.distinct_on_line;
    auto& others = by_value_[{s.type->name, OptionText(s, option)}];
    for (size_t other : others) {
      if ((below_[stage] & below_[other] & bases_).none()) continue;
      Wrong(s,
            Concat(StandsOver(stage, other) ? "stands over" : "shares its base with", " another ",
                   Named(config_.stages[other]), " with the same \"", option, "\""));
      break;
    }
    others.push_back(stage);
  }

  // Over the other stage, or over a store that it gives beside its own.
  bool StandsOver(size_t stage, size_t other) const {
    for (size_t b = 0; b < stage; ++b) {
      if (below_[stage][b] && config_.stages[b].pointer == config_.stages[other].pointer)
        return true;
    }
    return false;
  }

  // A folder or file that two stages would open.
  void Exclusive() {
    std::map<std::string, const StageConfig*> taken;
    for (const StageConfig& s : config_.stages) {
      const std::string& option = s.type->order.exclusive_option;
      if (option.empty() || !s.member.empty()) continue;
      const std::string path = OptionText(s, option);
      if (path.empty()) continue;
      const auto [it, fresh] = taken.try_emplace(SamePlace(path), &s);
      if (fresh) continue;
      const StageConfig& first = *it->second;
      const std::string said = OptionText(first, first.type->order.exclusive_option);
      problems_.push_back(
          {At(s, option), Concat(JsonString(path), " is opened by ", first.pointer, " already",
                                 said != path ? Concat(", as ", JsonString(said)) : "",
                                 "; name that store instead")});
    }
  }

  // What a stage passes on to its other inner stores must not come back to its first one, directly
  // or through further stages.
  void Rings() {
    const size_t count = config_.stages.size();
    std::vector<StageSet> given(count);
    std::vector<size_t> copiers;
    for (size_t i = 0; i < count; ++i) {
      const StageConfig& s = config_.stages[i];
      if (!s.type->order.first_feeds_others || s.children.empty()) continue;
      copiers.push_back(i);
      for (size_t c = 1; c < s.children.size(); ++c) given[i] |= below_[s.children[c]];
    }
    std::vector<StageSet> feeds(count);  // transitively, in the end
    for (size_t from : copiers) {
      for (size_t to : copiers) {
        if ((given[from] & below_[config_.stages[to].children[0]]).any()) feeds[from].set(to);
      }
    }
    for (size_t between : copiers) {
      for (size_t from : copiers) {
        if (feeds[from][between]) feeds[from] |= feeds[between];
      }
    }
    for (size_t i : copiers) {
      const StageConfig& s = config_.stages[i];
      if (feeds[i][i]) {
        Wrong(s, Concat("what this \"", s.type->name,
                        "\" copies comes back to its first store through another one; let changes "
                        "run one way"));
      }
    }
  }

  PipelineConfig& config_;
  ConfigProblems& problems_;
  std::vector<StageSet> below_;    // the stage and everything under it
  std::vector<StageSet> parents_;  // right above it
  // What is under it and can be reached from outside: by another stage, or as a store that is
  // served.
  std::vector<StageSet> shared_;
  StageSet served_;
  StageSet bases_;
  std::map<std::string, StageSet> of_type_;
  std::map<size_t, std::optional<std::set<std::string>>> indexed_;  // by base, as asked for
  // Of the types that must differ in an option: the stages so far, by type and value.
  std::map<std::pair<std::string, std::string>, std::vector<size_t>> by_value_;
};

}  // namespace

void CheckOrder(PipelineConfig* config, ConfigProblems* problems) {
  OrderCheck(config, problems).Run();
}

}  // namespace strata
