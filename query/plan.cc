#include "query/plan.h"

#include <algorithm>
#include <cstdio>

#include "core/json_text.h"

namespace strata {
namespace {

std::string JoinTexts(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& t : texts) out += (out.empty() ? "" : "&") + t;
  return out;
}

std::string Milliseconds(double nanos) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.3f ms", nanos / 1e6);
  return buffer;
}

// Whether a run showed the estimate to be wrong by more than ten times.
bool IsOff(const std::optional<double>& estimate, const std::optional<uint64_t>& found) {
  if (!estimate || !found) return false;
  const double a = std::max(*estimate, 1.0);
  const double b = std::max(static_cast<double>(*found), 1.0);
  return a > 10 * b || b > 10 * a;
}

std::string Rounded(double v) { return std::to_string(static_cast<uint64_t>(v + 0.5)); }

void AppendText(std::string* out, const ExplainNode& n, int depth) {
  out->append(2 * depth, ' ');
  *out += n.operation;
  if (!n.stage.empty()) *out += " [" + n.stage + "]";
  if (!n.taken.empty()) *out += "  taken: " + JoinTexts(n.taken);
  if (!n.narrowed.empty()) *out += "  narrowed: " + JoinTexts(n.narrowed);
  if (!n.left.empty()) *out += "  left: " + JoinTexts(n.left);
  if (!n.order.empty()) *out += "  order: " + n.order;
  if (!n.bounds.empty()) *out += "  bounds: " + JoinTexts(n.bounds);
  if (n.estimated_rows) *out += "  about " + Rounded(*n.estimated_rows) + " rows";
  if (n.estimated_examined) *out += " of " + Rounded(*n.estimated_examined) + " looked at";
  if (n.cost) *out += ", " + Milliseconds(*n.cost * 1e3) + " estimated";
  std::string figures;
  const auto figure = [&](const char* name, const std::optional<uint64_t>& v) {
    if (v) figures += (figures.empty() ? "" : ", ") + std::string(name) + " " + std::to_string(*v);
  };
  figure("rows", n.rows);
  figure("examined", n.examined);
  figure("by columns", n.by_columns);
  figure("batches", n.batches);
  figure("bytes", n.bytes);
  figure("spilled bytes", n.spilled_bytes);
  if (n.nanoseconds) figures += ", " + Milliseconds(static_cast<double>(*n.nanoseconds));
  if (!figures.empty()) *out += "  (" + figures + ")";
  if (IsOff(n.estimated_rows, n.rows)) *out += "  ESTIMATE OFF: rows";
  if (IsOff(n.estimated_examined, n.examined)) *out += "  ESTIMATE OFF: looked at";
  *out += '\n';
  for (const auto& [way, cost] : n.considered) {
    out->append(2 * depth + 4, ' ');
    *out += "considered: " + way + ", " + Milliseconds(cost * 1e3) + "\n";
  }
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
  list("bounds", n.bounds);
  const auto estimate = [&](const char* name, const std::optional<double>& v) {
    if (v) *out += std::string(",\"") + name + "\":" + Number(*v).ToString();
  };
  estimate("estimated_rows", n.estimated_rows);
  estimate("estimated_examined", n.estimated_examined);
  estimate("cost_microseconds", n.cost);
  if (!n.considered.empty()) {
    *out += ",\"considered\":[";
    for (size_t i = 0; i < n.considered.size(); ++i) {
      *out += (i > 0 ? "," : "") + std::string("{\"access\":") + JsonString(n.considered[i].first) +
              ",\"cost_microseconds\":" + Number(n.considered[i].second).ToString() + "}";
    }
    *out += ']';
  }
  if (IsOff(n.estimated_rows, n.rows) || IsOff(n.estimated_examined, n.examined))
    *out += ",\"estimate_off\":true";
  figure("rows", n.rows);
  figure("examined", n.examined);
  figure("by_columns", n.by_columns);
  figure("batches", n.batches);
  figure("nanoseconds", n.nanoseconds);
  figure("bytes", n.bytes);
  figure("spilled_bytes", n.spilled_bytes);
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
