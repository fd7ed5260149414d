// SPDX-License-Identifier: Apache-2.0
#include "record/jsonl.hpp"

#include <array>
#include <limits>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/cost.hpp"

namespace hwprof::record {
namespace {

using base::in_quotes;
using base::Json;
using base::JsonReader;

constexpr const char* schema_name = "hwprof.record";
constexpr int schema_version = 1;
constexpr std::array all_states{RunState::measured, RunState::unsteady, RunState::failed, RunState::unsupported,
                                RunState::out_of_memory};
constexpr auto most_samples = std::numeric_limits<std::int64_t>::max() / 4;

Json to_json(const Perf& perf, const std::string& where) {
  Json out = Json::object();
  for (const auto& [metric, measured] : perf) {
    const bool sound =
        is_cost(measured.value) && is_cost(measured.spread) && measured.samples >= 0 && measured.dropped >= 0;
    if (!sound) throw Error(Fault::internal, where + ": " + to_string(metric) + " is not a number from 0 to 1e18");
    Json one = Json::object();
    one["value"] = measured.value;
    if (measured.spread > 0) one["spread"] = measured.spread;
    if (measured.samples > 0) one["samples"] = measured.samples;
    if (measured.dropped > 0) one["dropped"] = measured.dropped;
    out[key_of(metric)] = std::move(one);
  }
  return out;
}

Perf read_perf(const JsonReader& json) {
  json.only({"latency_s", "memory_bytes", "energy_j", "train_latency_s", "forward_latency_s", "loss_latency_s",
             "backward_latency_s", "optimizer_latency_s", "train_memory_bytes", "train_energy_j",
             "reserved_memory_bytes", "process_memory_bytes"});
  Perf perf;
  for (const Metric metric : list_metrics()) {
    if (!json.has(key_of(metric))) continue;
    const JsonReader one = json[key_of(metric)];
    one.only({"value", "spread", "samples", "dropped"});
    Measured measured;
    measured.value = cost_from_json(one["value"]);
    if (one.has("spread")) measured.spread = cost_from_json(one["spread"]);
    if (one.has("samples")) measured.samples = one["samples"].integer(0, most_samples);
    if (one.has("dropped")) measured.dropped = one["dropped"].integer(0, most_samples);
    perf[metric] = measured;
  }
  return perf;
}

RunState read_state(const JsonReader& json) {
  std::vector<std::string> names;
  for (const RunState state : all_states) {
    if (json.text() == to_string(state)) return state;
    names.emplace_back(to_string(state));
  }
  json.fail("unknown state " + in_quotes(json.text()) + base::suggest(json.text(), names));
}

std::string optional_text(const JsonReader& json, const char* key) {
  return json.has(key) ? json[key].text() : std::string();
}

PrimRecord read_prim_record(const JsonReader& json) {
  json.only({"prim", "glue", "perf"});
  PrimRecord out;
  out.prim = prim_from_json(json["prim"]);
  if (json.has("glue")) out.glue = json["glue"].boolean();
  out.perf = read_perf(json["perf"]);
  return out;
}

NodeRecord read_node_record(const JsonReader& json) {
  json.only({"name", "ops", "perf", "macs"});
  NodeRecord out;
  out.name = json["name"].text();
  if (json.has("ops"))
    for (const auto& op : json["ops"].list()) out.ops.push_back(op.text());
  out.perf = read_perf(json["perf"]);
  if (json.has("macs")) out.macs = cost_from_json(json["macs"]);
  return out;
}

}  // namespace

std::string key_of(Metric metric) {
  return std::string(to_string(metric)) + "_" + base::lower_case(unit(metric));
}

Json to_json(const Provenance& from) {
  Json out{{"device", from.device}, {"compiler", from.compiler}, {"mode", from.mode}, {"derived", from.derived}};
  out["environment"] = Json::object();
  for (const auto& [key, value] : from.environment) out["environment"][key] = value;
  return out;
}

Provenance provenance_from_json(const JsonReader& json) {
  json.only({"device", "compiler", "mode", "derived", "environment"});
  Provenance from;
  from.device = json["device"].text();
  from.compiler = optional_text(json, "compiler");
  from.mode = optional_text(json, "mode");
  if (json.has("derived")) from.derived = json["derived"].boolean();
  if (json.has("environment"))
    for (const auto& [key, value] : json["environment"].items()) from.environment[key] = value.text();
  return from;
}

double cost_from_json(const JsonReader& json) {
  const double value = json.number();
  if (!is_cost(value)) json.fail(not_a_cost(value));
  return value;
}

Prim prim_from_json(const JsonReader& json) {
  const std::string text = json.text();
  try {
    return parse_prim(text);
  } catch (const Error& error) {
    json.fail(error.what());
  }
}

std::string to_line(const NetRecord& record) {
  const std::string where = "record of net " + in_quotes(record.net_id);
  Json json{{"schema", std::string(schema_name) + "/" + std::to_string(schema_version)}, {"net", record.net_id}};
  if (!record.purpose.empty()) json["purpose"] = record.purpose;
  if (!record.arch.empty()) json["arch"] = record.arch;
  json["state"] = to_string(record.state);
  if (!record.reason.empty()) json["reason"] = record.reason;
  json["batch"] = record.batch;
  json["from"] = to_json(record.from);
  json["overall"] = to_json(record.overall, where);
  if (!record.overhead.empty()) json["overhead"] = to_json(record.overhead, where + ", overhead");
  json["prims"] = Json::array();
  for (const auto& prim : record.prims) {
    Json one = Json::object();
    one["prim"] = to_string(prim.prim);
    if (prim.glue) one["glue"] = true;
    one["perf"] = to_json(prim.perf, where + ", " + to_string(prim.prim));
    json["prims"].push_back(std::move(one));
  }
  if (!record.nodes.empty()) json["nodes"] = Json::array();
  for (const auto& node : record.nodes) {
    Json one = Json::object();
    one["name"] = node.name;
    if (!node.ops.empty()) one["ops"] = node.ops;
    if (node.macs > 0 && is_cost(node.macs)) one["macs"] = node.macs;
    one["perf"] = to_json(node.perf, where + ", node " + in_quotes(node.name));
    json["nodes"].push_back(std::move(one));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

NetRecord from_json(const JsonReader& json) {
  (void)json.schema(schema_name, schema_version);
  json.only({"schema", "net", "purpose", "arch", "state", "reason", "batch", "from", "overall", "overhead", "prims",
             "nodes"});
  NetRecord record;
  record.net_id = json["net"].text();
  record.purpose = optional_text(json, "purpose");
  record.arch = optional_text(json, "arch");
  record.state = read_state(json["state"]);
  record.reason = optional_text(json, "reason");
  record.batch = static_cast<int>(json["batch"].integer(1, std::numeric_limits<int>::max()));
  record.from = provenance_from_json(json["from"]);
  record.overall = read_perf(json["overall"]);
  if (json.has("overhead")) record.overhead = read_perf(json["overhead"]);
  for (const auto& prim : json["prims"].list()) record.prims.push_back(read_prim_record(prim));
  if (json.has("nodes"))
    for (const auto& node : json["nodes"].list()) record.nodes.push_back(read_node_record(node));
  return record;
}

std::vector<NetRecord> parse_lines(std::string_view text, const std::string& source, Notes& notes) {
  std::vector<NetRecord> records;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto line = base::trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    const std::string place = source + ":" + std::to_string(number);
    if (end == std::string_view::npos && !Json::accept(line)) {
      notes.push_back(place + ": the last line is torn and was left out");
      break;
    }
    records.push_back(from_json(JsonReader::parse(line, place)));
  }
  return records;
}

}  // namespace hwprof::record
