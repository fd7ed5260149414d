// SPDX-License-Identifier: Apache-2.0
// A model as a latency table of ProxylessNAS and Once-for-all.
#include <algorithm>
#include <cmath>
#include <map>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/model.hpp"
#include "model/additive.hpp"
#include "record/ofa.hpp"

namespace hwprof {

OfaTable save_ofa_table(const std::string& file, const Model& model) {
  constexpr double ms_per_s = 1e3;
  const auto* const additive = dynamic_cast<const model::Additive*>(&model.impl());
  if (additive == nullptr)
    throw Error(Fault::unsupported, "a model of kind " + base::in_quotes(model.kind()) +
                                        " is not a sum over primitives, which is all that a latency table can hold");
  if (model.metric() != Metric::latency)
    throw Error(Fault::unsupported, std::string("a latency table cannot hold ") + to_string(model.metric()));
  const model::Line& line = additive->line();
  const auto prims = model.known();
  const bool v3 =
      std::any_of(prims.begin(), prims.end(), [](const Prim& prim) { return prim.prim_type == "mobilenet_v3_block"; });
  OfaTable out;
  std::map<std::string, std::string> rows;  // sorted, as PyYAML writes
  for (const auto& prim : prims) {
    const auto key = record::ofa_key(prim, v3);
    const Measured& cost = *additive->table().find(prim);
    const double value = line.scale * cost.value + line.per_block;
    if (!key || value < 0 || rows.count(*key) != 0) {
      out.left_out.push_back(prim);
      continue;
    }
    const double error = std::abs(line.scale) * cost.spread / model::interval_factor * ms_per_s;
    rows[*key] = "{count: " + std::to_string(cost.samples) + ", mean: " + base::format_number(value * ms_per_s) +
                 ", var: " + base::format_number(error * error * static_cast<double>(cost.samples)) + "}";
  }
  if (rows.empty())
    throw Error(Fault::unsupported, "none of the model's " + std::to_string(prims.size()) +
                                        " primitives can be expressed in a latency table, e.g. " +
                                        (prims.empty() ? std::string("none at all") : to_string(prims.front())));
  std::string text;
  for (const auto& [key, value] : rows) text += key + ": " + value + "\n";
  base::write_file(file, text);
  out.rows = rows.size();
  out.bias_s = line.bias;
  return out;
}

}  // namespace hwprof
