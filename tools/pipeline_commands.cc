#include <filesystem>
#include <iostream>

#include "base_stores/rocksdb/rocksdb_store.h"
#include "core/json_text.h"
#include "query/operator_table.h"
#include "query/parser.h"
#include "query/print.h"
#include "tools/app.h"
#include "tools/commands.h"

namespace strata::tools {

int CheckCommand(const std::string& file, bool json) {
  StatusOr<std::string> text = ReadTextFile(file);
  if (!text.ok()) return Fail(text.status());
  const std::string folder = std::filesystem::path(file).parent_path().string();
  const StatusOr<PipelineConfig> config = CheckPipeline(*text, file, folder, Registry());
  if (!config.ok()) {
    if (json) {
      std::cout << ErrorJson(config.status()) << "\n";
    } else {
      std::cerr << Message(config.status()) << "\n";
    }
    return kNegative;
  }
  if (json) {
    std::cout << "{\"ok\":true,\"pipeline\":" << config->Canonical() << ",\"warnings\":[";
    for (size_t i = 0; i < config->warnings.size(); ++i) {
      const ConfigProblem& w = config->warnings[i];
      std::cout << (i > 0 ? "," : "") << "{\"pointer\":" << JsonString(w.pointer)
                << ",\"message\":" << JsonString(w.message) << "}";
    }
    std::cout << "]}\n";
    return kOk;
  }
  if (!config->warnings.empty())
    std::cerr << DescribeProblems(file, config->warnings, "warning") << "\n";
  std::cout << file << ": good; " << config->stages.size() << " stages in " << config->stores.size()
            << " stores\n"
            << config->TreeText() << "what else the stores promise: strata inspect " << file
            << "\n";
  return kOk;
}

namespace {

// Of the option that names a second store: it is none of the table's, which knows only values.
constexpr std::string_view kSideDoc =
    "a second store, given like \"inner\"; nobody else may use it";

std::string TypeJson(const StageType& t) {
  std::string out = "{\"name\":" + JsonString(t.name) + ",\"doc\":" + JsonString(t.doc) +
                    ",\"target\":" + JsonString(t.target) + ",\"options\":[";
  for (size_t i = 0; i < t.options.size(); ++i) {
    const OptionSpec& o = t.options[i];
    out += (i > 0 ? "," : "") + std::string("{\"name\":") + JsonString(o.name) +
           ",\"kind\":" + JsonString(OptionKindName(o.kind)) +
           ",\"required\":" + (o.required ? "true" : "false");
    if (!o.required) out += ",\"default\":" + o.default_text;
    if (const std::string range = RangeText(o); !range.empty())
      out += ",\"range\":" + JsonString(range);
    out += ",\"doc\":" + JsonString(o.doc) + "}";
  }
  if (!t.side_child.empty()) {
    out += Concat(t.options.empty() ? "" : ",", "{\"name\":", JsonString(t.side_child),
                  ",\"kind\":\"store\",\"required\":false,\"default\":null,\"doc\":",
                  JsonString(kSideDoc), "}");
  }
  return out + "]}";
}

void PrintType(const StageType& t) {
  std::cout << t.name << ": " << t.doc << "\n  "
            << (t.children == Children::kNone ? "a base store"
                : t.children == Children::kOne
                    ? "a wrapper of one store (\"inner\", or before it in a list)"
                    : "a wrapper of several stores (\"inners\")")
            << "; in C++ " << t.target << "\n";
  for (const OptionSpec& o : t.options) {
    std::cout << "  " << o.name << "  (" << OptionKindName(o.kind);
    for (const std::string& v : o.values) std::cout << " " << v;
    const std::string range = RangeText(o);
    if (!range.empty()) std::cout << ", " << range;
    std::cout << ", " << (o.required ? "required" : "default " + o.default_text) << ")\n      "
              << o.doc << "\n";
  }
  if (!t.side_child.empty())
    std::cout << "  " << t.side_child << "  (store, default none)\n      " << kSideDoc << "\n";
}

}  // namespace

int TypesCommand(const std::string& name, bool json_schema, bool json) {
  if (json_schema) {
    std::cout << PipelineJsonSchema(Registry()) << "\n";
    return kOk;
  }
  if (name.empty()) {
    const auto names = Registry().Names();
    if (json) {
      std::cout << "[";
      for (size_t i = 0; i < names.size(); ++i)
        std::cout << (i > 0 ? "," : "") << TypeJson(*Registry().Find(names[i]));
      std::cout << "]\n";
      return kOk;
    }
    for (const std::string& n : names)
      std::cout << n << std::string(12 - std::min<size_t>(11, n.size()), ' ')
                << Registry().Find(n)->doc << "\n";
    return kOk;
  }
  const StageType* type = Registry().Find(name);
  if (type == nullptr) {
    std::vector<std::string> known = Registry().Names();
    std::vector<std::string_view> views(known.begin(), known.end());
    const std::string_view near = Nearest(name, views);
    return Fail(InvalidArgument(
        near.empty()
            ? Concat("there is no stage type \"", name, "\"; see strata types")
            : Concat("there is no stage type \"", name, "\"; did you mean \"", near, "\"?")));
  }
  if (json) {
    std::cout << TypeJson(*type) << "\n";
  } else {
    PrintType(*type);
  }
  return kOk;
}

int InspectCommand(const std::string& file, bool json, bool metrics) {
  const auto pipeline = OpenPipeline(file);
  if (!pipeline.ok()) return Fail(pipeline.status());
  if (metrics) {
    std::cout << (*pipeline)->MetricsText();
    return kOk;
  }
  std::cout << (json ? (*pipeline)->InspectJson(true) + "\n" : (*pipeline)->InspectText(false));
  return kOk;
}

int ParseCommand(const std::string& rql, bool canonical, bool json) {
  const StatusOr<Node> root = ParseQuery(rql);
  if (!root.ok()) return Fail(root.status());
  const std::string text = canonical ? PrintQuery(*root) : AstToJson(*root);
  std::cout << (canonical && json ? JsonString(text) : text) << "\n";
  return kOk;
}

int BackupCommand(const std::string& file, const std::string& store, const std::string& directory,
                  bool json) {
  const auto pipeline = OpenPipeline(file);
  if (!pipeline.ok()) return Fail(pipeline.status());
  if (const auto found = StoreOf(**pipeline, store); !found.ok()) return Fail(found.status());
  const Status s = BackupRocksdb(*(*pipeline)->FindBase(store), directory);
  if (!s.ok()) return Fail(s);
  if (json) {
    std::cout << "{\"store\":" << JsonString(store)
              << ",\"directory\":" << JsonString(ToValidUtf8(directory)) << "}\n";
  } else {
    std::cout << "backed up " << store << " to " << directory << "\n";
  }
  return kOk;
}

}  // namespace strata::tools
