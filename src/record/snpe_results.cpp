// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "base/json.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/latency_table.hpp"
#include "record/latency_text.hpp"

namespace hwprof {
namespace {

using base::in_quotes;
using base::JsonReader;
using record::read_stats;

/// "layer_003 (Name:conv1, 3x3 Type:convolutional)", with or without more behind it; names hold commas, quotes and
/// brackets, types do not.
SnpeLayer layer_of(const std::string& key) {
  constexpr std::string_view name_mark = "(Name:";
  constexpr std::string_view type_mark = " Type:";
  SnpeLayer layer;
  const auto name = key.find(name_mark);
  const auto type = key.rfind(type_mark);
  const auto end = type == std::string::npos ? type : key.find(')', type);
  if (name == std::string::npos || end == std::string::npos || type < name + name_mark.size()) {
    layer.name = key;
    return layer;
  }
  const auto begin = name + name_mark.size();
  layer.name = key.substr(begin, type - begin) + key.substr(end + 1);
  layer.type = key.substr(type + type_mark.size(), end - type - type_mark.size());
  return layer;
}

bool names_layer(const std::string& key) {
  return key.find("layer_") != std::string::npos;
}

SnpeRun read_run(const std::string& runtime, const JsonReader& json) {
  SnpeRun run;
  run.runtime = runtime;
  try {
    if (json.has("Forward Propagate")) run.forward = read_stats(json["Forward Propagate"]);
    if (json.has("Total Inference Time")) run.total = read_stats(json["Total Inference Time"]);
    for (const auto& [key, member] : json.items()) {
      if (!names_layer(key)) continue;
      run.layers.push_back(layer_of(key));
      run.layers.back().time = read_stats(member);
    }
    if (!run.total && !run.forward) json.fail("neither 'Total Inference Time' nor 'Forward Propagate' is there");
    for (const auto& whole : {run.total, run.forward})
      if (whole && !(whole->avg_us > 0)) json.fail("the time of a whole run is 0");
  } catch (const Error& error) {
    run = {};
    run.runtime = runtime;
    run.problem = error.what();
  }
  return run;
}

std::vector<std::string> runtimes_of(const JsonReader& json) {
  std::vector<std::string> names;
  for (const auto& part : base::split(json["Runtimes"].text(), ',')) {
    const std::string name(base::trim(part));
    if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) continue;
    names.push_back(name);
  }
  return names;
}

std::string scalar_text(const base::Json& json) {
  return json.is_string() ? json.get<std::string>() : json.dump(-1, ' ', false, base::Json::error_handler_t::replace);
}

}  // namespace

std::string record::without_nan(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!quoted) {
      for (const std::string_view word : {"-Infinity", "Infinity", "NaN", "nan", "inf", "-inf"}) {
        if (text.substr(i, word.size()) != word) continue;
        out += "null";
        i += word.size();
        break;
      }
      if (i >= text.size()) break;
    }
    const char c = text[i];
    out += c;
    if (quoted && c == '\\' && i + 1 < text.size()) out += text[++i];
    if (c == '"') quoted = !quoted;
  }
  return out;
}

LatencyStats record::read_stats(const JsonReader& json) {
  const auto number = [&json](const char* key) {
    if (!json.has(key)) json.fail(std::string("'") + key + "' is missing or no finite number");
    const double value = json[key].number();
    if (!(value >= 0 && value <= most_us)) json[key].fail("a number from 0 to 1e15 is expected");
    return value;
  };
  return {number("Min_Time"), number("Avg_Time"), number("Max_Time")};
}

/// Layers that all take no time were not timed.
std::optional<LatencyStats> SnpeRun::layers_time() const {
  std::optional<LatencyStats> sum;
  for (const auto& layer : layers) {
    if (layer.is_data()) continue;
    if (!sum) sum.emplace();
    sum->min_us += layer.time.min_us;
    sum->avg_us += layer.time.avg_us;
    sum->max_us += layer.time.max_us;
  }
  if (sum && !(sum->max_us > 0)) sum.reset();
  return sum;
}

SnpeResults parse_snpe_results(std::string_view text, const std::string& source) {
  const auto json = JsonReader::parse(record::without_nan(text), source);
  SnpeResults results;
  const auto data = json["Execution_Data"];
  (void)data.items();
  for (const auto& runtime : runtimes_of(json)) {
    if (data.has(runtime)) {
      results.runs.push_back(read_run(runtime, data[runtime]));
    } else {
      SnpeRun absent;
      absent.runtime = runtime;
      absent.problem = source + ": Execution_Data has no " + in_quotes(runtime);
      results.runs.push_back(std::move(absent));
    }
  }
  if (results.runs.empty()) json["Runtimes"].fail("no runtime is named");
  for (const auto& [key, member] : json.items())
    if (!member.raw().is_structured() && key != "Runtimes") results.meta.emplace_back(key, scalar_text(member.raw()));
  return results;
}

std::vector<std::string> add_results(LatencyTable& table, const std::string& uid, const SnpeResults& results) {
  std::vector<std::string> problems;
  for (const auto& run : results.runs) {
    if (!run.problem.empty()) {
      problems.push_back(run.runtime + ": " + run.problem);
      continue;
    }
    if (!run.layers_time() &&
        std::any_of(run.layers.begin(), run.layers.end(), [](const SnpeLayer& layer) { return !layer.is_data(); }))
      problems.push_back(run.runtime + ": the layers take no time; Layers Time is left out");
    table.rows.push_back({uid, run.runtime, run.forward, run.total, run.layers_time(), {}, run.layers});
  }
  for (const auto& [key, value] : results.meta) {
    const auto at =
        std::find_if(table.meta.begin(), table.meta.end(), [&k = key](const auto& m) { return m.first == k; });
    if (at == table.meta.end())
      table.meta.emplace_back(key, value);
    else if (at->second != value && key != "Date")
      problems.push_back(key + ": is " + in_quotes(value) + " here and " + in_quotes(at->second) + " before");
  }
  return problems;
}

}  // namespace hwprof
