// SPDX-License-Identifier: Apache-2.0
#include "estimator_text.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "hwprof/error.hpp"

namespace hwprof_cli {
namespace {

struct Constants {
  double scale = 1, bias = 0;
  std::vector<std::pair<std::string, double>> costs;  ///< sorted by text
};

Constants constants_of(const hwprof::Model& model) {
  using hwprof::Error;
  using hwprof::Fault;
  if (model.kind() != "table" && model.kind() != "linear")
    throw Error(Fault::unsupported, "a model of kind '" + model.kind() + "' cannot be exported; table and linear can");
  Constants out;
  for (const auto& [name, value] : model.summary().coefficients) {
    if (name == "scale")
      out.scale = value;
    else if (name == "bias")
      out.bias = value;
    else if (name.rfind("scale.", 0) != 0)  // of a primitive type: it is in the table already
      throw Error(Fault::unsupported, "a model with the coefficient '" + name + "' cannot be exported");
  }
  for (const auto& prim : model.known())
    if (const auto entry = model.entry(prim)) out.costs.emplace_back(hwprof::to_string(prim), entry->value);
  std::sort(out.costs.begin(), out.costs.end());
  return out;
}

std::string exact(double value) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.17g", value);
  std::string text = buffer;
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

/// For a comment: one line, printable.
std::string about(const hwprof::Model& model) {
  std::string text = "hwprof: " + model.kind() + " model of " + hwprof::to_string(model.metric()) + " [" +
                     hwprof::unit(model.metric()) + "] on " + model.from().device;
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == '\\') c = '?';
  return text;
}

}  // namespace

std::string cpp_header(const hwprof::Model& model) {
  const auto constants = constants_of(model);
  std::string text =
      "// " + about(model) +
      "\n#pragma once\n\n#include <algorithm>\n#include <stdexcept>\n#include <string>\n#include <vector>\n\n"
      "namespace hwprof_estimator {\n\ninline constexpr double scale = " +
      exact(constants.scale) + ";\ninline constexpr double bias = " + exact(constants.bias) +
      ";\n\nstruct Entry {\n  const char* prim;\n  double cost;\n};\n\n"
      "/// Sorted by text.\ninline constexpr Entry entries[] = {\n";
  for (const auto& [prim, cost] : constants.costs) text += "    {\"" + prim + "\", " + exact(cost) + "},\n";
  text +=
      "};\n\n/// Of the network made of these primitives; never below 0. Throws std::out_of_range for an unknown one.\n"
      "inline double estimate(const std::vector<std::string>& prims) {\n"
      "  double sum = 0;\n"
      "  for (const auto& prim : prims) {\n"
      "    const auto* at = std::lower_bound(std::begin(entries), std::end(entries), prim,\n"
      "                                      [](const Entry& entry, const std::string& text) { return entry.prim < "
      "text; });\n"
      "    if (at == std::end(entries) || at->prim != prim) throw std::out_of_range(prim);\n"
      "    sum += at->cost;\n"
      "  }\n"
      "  return std::max(scale * sum + bias, 0.0);\n"
      "}\n\n}  // namespace hwprof_estimator\n";
  return text;
}

std::string python_module(const hwprof::Model& model) {
  const auto constants = constants_of(model);
  std::string text = "# " + about(model) + "\nSCALE = " + exact(constants.scale) + "\nBIAS = " + exact(constants.bias) +
                     "\nCOSTS = {\n";
  for (const auto& [prim, cost] : constants.costs) text += "    \"" + prim + "\": " + exact(cost) + ",\n";
  text +=
      "}\n\n\ndef estimate(prims):\n"
      "    \"\"\"Of the network made of these primitives (canonical texts); never below 0. KeyError for an unknown "
      "one.\"\"\"\n"
      "    return max(SCALE * sum(COSTS[prim] for prim in prims) + BIAS, 0.0)\n";
  return text;
}

}  // namespace hwprof_cli
