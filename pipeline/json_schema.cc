// A JSON Schema of pipeline files, for editors.
#include "core/json_text.h"
#include "pipeline/config.h"

namespace strata {
namespace {

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
    if (!t.side_child.empty())
      stages += "," + JsonString(t.side_child) + ":{\"$ref\":\"#/$defs/store\"}";
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
