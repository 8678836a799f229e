#include "pipeline/pipeline.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "core/file_error.h"
#include "core/json_text.h"
#include "core/number.h"
#include "query/operator_table.h"

namespace strata {

StatusOr<std::string> ReadTextFile(const std::string& file) {
  std::error_code unknown;  // then opening it says why
  if (std::filesystem::is_directory(file, unknown))
    return InvalidArgument(Concat(file, " is a directory, not a file"));
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    const int error = errno;
    const Status s = FileError(Concat("cannot read ", file), error);
    return error == ENOENT ? NotFound(Message(s)) : s;
  }
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad()) return Unavailable(Concat("cannot read ", file));
  return std::move(text).str();
}

StatusOr<std::unique_ptr<Pipeline>> Pipeline::Open(const std::string& file,
                                                   const StageRegistry& registry) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(file));
  const std::string folder = std::filesystem::path(file).parent_path().string();
  return FromText(text, folder, registry, file);
}

StatusOr<std::unique_ptr<Pipeline>> Pipeline::FromText(std::string_view text,
                                                       const std::string& base_dir,
                                                       const StageRegistry& registry,
                                                       std::string_view name) {
  ASSIGN_OR_RETURN(PipelineConfig config, CheckPipeline(text, name, base_dir, registry));
  auto pipeline = std::unique_ptr<Pipeline>(new Pipeline(std::move(config)));
  RETURN_IF_ERROR(pipeline->Build(nullptr));
  return pipeline;
}

StatusOr<std::unique_ptr<Pipeline>> Pipeline::After(const Pipeline& old, PipelineConfig config) {
  auto pipeline = std::unique_ptr<Pipeline>(new Pipeline(std::move(config)));
  RETURN_IF_ERROR(pipeline->Build(&old));
  return pipeline;
}

std::optional<size_t> Pipeline::Same(const Pipeline& old, size_t index,
                                     const std::vector<bool>& taken) const {
  const StageConfig& s = config_.stages[index];
  std::optional<size_t> found;
  for (size_t i = 0; i < old.config_.stages.size(); ++i) {
    const StageConfig& o = old.config_.stages[i];
    if (taken[i] || o.type->name != s.type->name || o.canonical != s.canonical ||
        o.member != s.member || o.shared_below != s.shared_below ||
        o.children.size() != s.children.size()) {
      continue;
    }
    bool same = true;
    for (size_t c = 0; c < s.children.size(); ++c)
      same = same && old.raw_[o.children[c]] == raw_[s.children[c]];
    if (!same) continue;
    if (o.path == s.path) return i;  // else the first that is alike
    if (!found) found = i;
  }
  return found;
}

Status Pipeline::Build(const Pipeline* old) {
  if (old != nullptr) {
    executor_ = old->executor_;
    ids_ = old->ids_;
  } else {
    executor_ = std::make_shared<ThreadPool>(
        std::max(2, static_cast<int>(std::thread::hardware_concurrency())));
  }
  BuildContext context;
  context.executor = executor_;
  context.ids = ids_.get();
  context.clock = &Clock::System();
  std::vector<bool> taken(old != nullptr ? old->config_.stages.size() : 0);
  for (const StageConfig& s : config_.stages) {
    if (old != nullptr) {
      if (const auto same = Same(*old, raw_.size(), taken)) {
        taken[*same] = true;
        stats_.push_back(old->stats_[*same]);
        raw_.push_back(old->raw_[*same]);
        stages_.push_back(old->stages_[*same]);
        continue;
      }
    }
    StoreInfo info{s.type->name, s.path, {}, s.member, s.shared_below};
    for (size_t c : s.children) info.children.push_back(stages_[c]);
    StatusOr<std::shared_ptr<Store>> store =
        s.type->build(s.options.get(), std::move(info), context);
    if (!store.ok()) return AddFrame(store.status(), s.path, "open", "");
    stats_.push_back(std::make_shared<StageStats>());
    raw_.push_back(*store);
    stages_.push_back(Observe(*std::move(store), stats_.back()));
  }
  return OkStatus();
}

Pipeline::~Pipeline() {
  // Outermost first, so that nobody uses what is gone.
  while (!stages_.empty()) {
    stages_.pop_back();
    raw_.pop_back();
  }
}

std::shared_ptr<Store> Pipeline::Find(std::string_view name) const {
  for (const auto& [n, stage] : config_.stores) {
    if (n == name) return stages_[stage];
  }
  return nullptr;
}

std::shared_ptr<Store> Pipeline::FindStage(std::string_view name) const {
  for (const auto& [n, stage] : config_.stores) {
    if (n == name) return raw_[stage];
  }
  return nullptr;
}

std::shared_ptr<Store> Pipeline::FindBase(std::string_view name) const {
  for (const auto& [n, stage] : config_.stores) {
    if (n != name) continue;
    size_t at = stage;
    while (config_.stages[at].type->children == Children::kOne) at = config_.stages[at].children[0];
    return raw_[at];
  }
  return nullptr;
}

std::vector<std::shared_ptr<Store>> Pipeline::StagesOf(std::string_view name) const {
  std::vector<std::shared_ptr<Store>> out;
  const std::function<void(size_t)> down = [&](size_t stage) {
    out.push_back(raw_[stage]);
    for (size_t c : config_.stages[stage].children) down(c);
  };
  for (const auto& [n, stage] : config_.stores) {
    if (n == name) down(stage);
  }
  return out;
}

StatusOr<std::shared_ptr<Store>> Pipeline::Get(std::string_view name) const {
  if (auto store = Find(name)) return store;
  std::vector<std::string_view> names;
  for (const auto& s : config_.stores) names.push_back(s.first);
  return NotFound(Concat("there is no store ", JsonString(ToValidUtf8(name)),
                         DidYouMean(name, names, "stores")));
}

std::string Pipeline::InspectText(bool with_stats) const {
  std::string out;
  const std::function<void(size_t, int)> stage = [&](size_t index, int depth) {
    const StageConfig& s = config_.stages[index];
    out += std::string(2 * depth, ' ') + s.type->name;
    if (s.canonical.size() > 2) out += " " + s.canonical;
    out += "\n" + std::string(2 * depth + 4, ' ') +
           "can: " + CapabilitiesJson(stages_[index]->capabilities()) + "\n";
    if (with_stats) {
      out += std::string(2 * depth + 4, ' ') + "did: " + StatsJson(*stats_[index]) + "\n";
      std::string told;
      for (const Metric& m : StageMetrics(index)) {
        for (const auto& label : m.labels) told += label.second + " ";
        told += m.name + " " + Number(m.value).ToString() + ", ";
      }
      if (!told.empty())
        out += std::string(2 * depth + 4, ' ') + "told: " + told.substr(0, told.size() - 2) + "\n";
    }
    for (size_t c : s.children) stage(c, depth + 1);
  };
  for (const auto& [name, index] : config_.stores) {
    const bool served =
        std::find(config_.serve.begin(), config_.serve.end(), name) != config_.serve.end();
    out += name + (served ? "  (served)\n" : "\n");
    stage(index, 1);
  }
  return out;
}

std::string Pipeline::InspectStageJson(size_t index, bool with_stats) const {
  const StageConfig& s = config_.stages[index];
  std::string out = "{\"stage\":" + JsonString(s.path) + ",\"type\":" + JsonString(s.type->name) +
                    ",\"options\":" + s.canonical +
                    ",\"capabilities\":" + CapabilitiesJson(stages_[index]->capabilities());
  if (with_stats) {
    out += ",\"stats\":" + StatsJson(*stats_[index]) + ",\"metrics\":[";
    bool first = true;
    for (const Metric& m : StageMetrics(index)) {
      out += (first ? "" : ",") + std::string("{\"name\":") + JsonString(m.name);
      for (const auto& [name, value] : m.labels)
        out += "," + JsonString(name) + ":" + JsonString(value);
      out += ",\"value\":" + Number(m.value).ToString() + "}";
      first = false;
    }
    out += ']';
  }
  out += ",\"children\":[";
  for (size_t i = 0; i < s.children.size(); ++i) {
    if (i > 0) out += ',';
    out += InspectStageJson(s.children[i], with_stats);
  }
  return out + "]}";
}

std::string Pipeline::InspectJson(bool with_stats) const {
  std::string out = "{\"stores\":{";
  for (size_t i = 0; i < config_.stores.size(); ++i) {
    if (i > 0) out += ',';
    out += JsonString(config_.stores[i].first) + ":" +
           InspectStageJson(config_.stores[i].second, with_stats);
  }
  out += "},\"serve\":[";
  for (size_t i = 0; i < config_.serve.size(); ++i)
    out += (i > 0 ? "," : "") + JsonString(config_.serve[i]);
  return out + "]}";
}

}  // namespace strata
