// SPDX-License-Identifier: Apache-2.0
#include "model/awnas.hpp"

#include <cmath>

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "hwprof/error.hpp"
#include "model/additive.hpp"
#include "prim/yaml.hpp"
#include "record/cost.hpp"

namespace hwprof::model {
namespace {

/// How many of aw_nas' unit make one of ours: ms, mJ, bytes.
double per_unit(Metric metric) {
  return quantity(metric) == Metric::memory ? 1 : 1e3;
}

}  // namespace

std::shared_ptr<const Model::Impl> read_awnas(const std::string& file) {
  // JSON is YAML, and the reader of aw_nas' primitives takes YAML.
  const auto root = base::Yaml::load(file);
  root.only({"schema", "kind", "perf_name", "coefficient", "intercept", "table"});
  if (const auto schema = root["schema"]; schema.text() != std::string(awnas_schema) + "/1")
    schema.fail(base::in_quotes(std::string(awnas_schema) + "/1") + " is expected, found " +
                base::in_quotes(schema.text()));
  Info info;
  const auto kind = root["kind"];
  const bool regression = kind.text() == "regression";
  if (!regression && kind.text() != "table")
    kind.fail("table or regression is expected, found " + base::in_quotes(kind.text()));
  info.summary.kind = regression ? "linear" : "table";
  const auto metric = root["perf_name"];
  try {
    info.metric = parse_metric(metric.text());
  } catch (const Error& error) {
    metric.fail(error.what());
  }
  info.from.mode = "inference";
  const double unit = per_unit(info.metric);
  PrimTable table;
  for (const auto& row : root["table"].list()) {
    row.only({"prim", "value"});
    const auto value = row["value"];
    Measured cost;
    cost.value = value.number() / unit;
    if (!record::is_cost(cost.value)) value.fail(record::not_a_cost(cost.value));
    const std::size_t before = table.index.size();
    table.add(prim::read_prim(row["prim"]), cost);
    if (table.index.size() == before) row.fail("this primitive stands twice");
  }
  if (table.costs.empty()) root["table"].fail("the table is empty");
  Line line;
  if (regression) {
    line.scale = root["coefficient"].number();
    line.bias = root["intercept"].number() / unit;
    info.summary.coefficients = {{"scale", line.scale}, {"bias", line.bias}};
  }
  info.summary.prims_known = table.costs.size();
  info.summary.notes = {"fitted by aw_nas, which keeps no device, error or number of samples"};
  return std::make_shared<Additive>(std::move(info), std::move(table), line);
}

}  // namespace hwprof::model
