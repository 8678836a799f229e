#include "query/plan.h"

#include <cstdio>

#include "core/json_text.h"

namespace strata {
namespace {

std::string JoinTexts(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& t : texts) out += (out.empty() ? "" : "&") + t;
  return out;
}

std::string Milliseconds(uint64_t nanos) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.3f ms", static_cast<double>(nanos) / 1e6);
  return buffer;
}

void AppendText(std::string* out, const ExplainNode& n, int depth) {
  out->append(2 * depth, ' ');
  *out += n.operation;
  if (!n.stage.empty()) *out += " [" + n.stage + "]";
  if (!n.taken.empty()) *out += "  taken: " + JoinTexts(n.taken);
  if (!n.narrowed.empty()) *out += "  narrowed: " + JoinTexts(n.narrowed);
  if (!n.left.empty()) *out += "  left: " + JoinTexts(n.left);
  if (!n.order.empty()) *out += "  order: " + n.order;
  if (n.estimated_rows)
    *out += "  about " + std::to_string(static_cast<uint64_t>(*n.estimated_rows)) + " rows";
  std::string figures;
  const auto figure = [&](const char* name, const std::optional<uint64_t>& v) {
    if (v) figures += (figures.empty() ? "" : ", ") + std::string(name) + " " + std::to_string(*v);
  };
  figure("rows", n.rows);
  figure("examined", n.examined);
  figure("batches", n.batches);
  if (n.nanoseconds) figures += ", " + Milliseconds(*n.nanoseconds);
  if (!figures.empty()) *out += "  (" + figures + ")";
  *out += '\n';
  for (const ExplainNode& c : n.children) AppendText(out, c, depth + 1);
}

void AppendJson(std::string* out, const ExplainNode& n) {
  *out += "{\"operation\":" + JsonString(n.operation);
  if (!n.stage.empty()) *out += ",\"stage\":" + JsonString(n.stage);
  const auto list = [&](const char* name, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    *out += std::string(",\"") + name + "\":[";
    for (size_t i = 0; i < texts.size(); ++i) *out += (i > 0 ? "," : "") + JsonString(texts[i]);
    *out += ']';
  };
  list("taken", n.taken);
  list("narrowed", n.narrowed);
  list("left", n.left);
  if (!n.order.empty()) *out += ",\"order\":" + JsonString(n.order);
  const auto figure = [&](const char* name, const std::optional<uint64_t>& v) {
    if (v) *out += std::string(",\"") + name + "\":" + std::to_string(*v);
  };
  if (n.estimated_rows) *out += ",\"estimated_rows\":" + Number(*n.estimated_rows).ToString();
  figure("rows", n.rows);
  figure("examined", n.examined);
  figure("batches", n.batches);
  figure("nanoseconds", n.nanoseconds);
  if (!n.children.empty()) {
    *out += ",\"children\":[";
    for (size_t i = 0; i < n.children.size(); ++i) {
      if (i > 0) *out += ',';
      AppendJson(out, n.children[i]);
    }
    *out += ']';
  }
  *out += '}';
}

}  // namespace

std::string ExplainText(const ExplainNode& n) {
  std::string out;
  AppendText(&out, n, 0);
  return out;
}

std::string ExplainJson(const ExplainNode& n) {
  std::string out;
  AppendJson(&out, n);
  return out;
}

}  // namespace strata
