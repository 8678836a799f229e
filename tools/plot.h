// A plot of curves with logarithmic axes, as SVG.
#ifndef STRATA_TOOLS_PLOT_H_
#define STRATA_TOOLS_PLOT_H_

#include <string>
#include <utility>
#include <vector>

namespace strata::tools {

struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;  // above zero
};

std::string LogLogSvg(const std::string& title, const std::string& x_name,
                      const std::string& y_name, const std::vector<Curve>& curves);

}  // namespace strata::tools

#endif  // STRATA_TOOLS_PLOT_H_
