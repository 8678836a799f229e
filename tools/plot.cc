#include "tools/plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace strata::tools {
namespace {

constexpr double kLeft = 80, kTop = 50, kWidth = 520, kHeight = 400, kLegend = 230;
constexpr const char* kColours[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd",
                                    "#ff7f0e", "#8c564b", "#17becf", "#7f7f7f"};

std::string Text(double x, double y, const char* anchor, const std::string& text) {
  char head[120];
  std::snprintf(head, sizeof head, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
  std::string out = head;
  for (const char c : text) {
    out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  }
  return out + "</text>\n";
}

std::string Line(double x1, double y1, double x2, double y2, const char* colour) {
  char line[160];
  std::snprintf(line, sizeof line,
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1,
                x2, y2, colour);
  return line;
}

// The decades that hold all values.
struct Axis {
  int low = 0;
  int high = 1;
  void Take(double v) {
    if (!taken) low = high = static_cast<int>(std::floor(std::log10(v)));
    taken = true;
    low = std::min(low, static_cast<int>(std::floor(std::log10(v))));
    high = std::max(high, static_cast<int>(std::ceil(std::log10(v))));
  }
  double Share(double v) const { return (std::log10(v) - low) / std::max(1, high - low); }
  bool taken = false;
};

}  // namespace

std::string LogLogSvg(const std::string& title, const std::string& x_name,
                      const std::string& y_name, const std::vector<Curve>& curves) {
  Axis x;
  Axis y;
  for (const Curve& c : curves) {
    for (const auto& [px, py] : c.points) {
      x.Take(px);
      y.Take(py);
    }
  }
  const auto at_x = [&](double v) { return kLeft + x.Share(v) * kWidth; };
  const auto at_y = [&](double v) { return kTop + (1 - y.Share(v)) * kHeight; };
  char head[200];
  std::snprintf(head, sizeof head,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                "font-family=\"sans-serif\" font-size=\"13\">\n",
                kLeft + kWidth + kLegend, kTop + kHeight + 60);
  std::string out = head;
  out += "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  out += Text(kLeft + kWidth / 2, 24, "middle", title);
  out += Text(kLeft + kWidth / 2, kTop + kHeight + 45, "middle", x_name);
  out += Text(10, kTop - 12, "start", y_name);
  for (int d = x.low; d <= x.high; ++d) {
    const double px = at_x(std::pow(10.0, d));
    out += Line(px, kTop, px, kTop + kHeight, "#dddddd");
    out += Text(px, kTop + kHeight + 20, "middle", "1e" + std::to_string(d));
  }
  for (int d = y.low; d <= y.high; ++d) {
    const double py = at_y(std::pow(10.0, d));
    out += Line(kLeft, py, kLeft + kWidth, py, "#dddddd");
    out += Text(kLeft - 8, py + 4, "end", "1e" + std::to_string(d));
  }
  for (size_t i = 0; i < curves.size(); ++i) {
    const char* colour = kColours[i % std::size(kColours)];
    out += "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" + std::string(colour) +
           "\" points=\"";
    for (const auto& [px, py] : curves[i].points) {
      char point[48];
      std::snprintf(point, sizeof point, "%.1f,%.1f ", at_x(px), at_y(py));
      out += point;
    }
    out += "\"/>\n";
    const double row = kTop + 20 + 20 * static_cast<double>(i);
    out += Line(kLeft + kWidth + 15, row - 4, kLeft + kWidth + 40, row - 4, colour);
    out += Text(kLeft + kWidth + 46, row, "start", curves[i].name);
  }
  return out + "</svg>\n";
}

}  // namespace strata::tools
