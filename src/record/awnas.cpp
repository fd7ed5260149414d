// SPDX-License-Identifier: Apache-2.0
#include "record/awnas.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "base/files.hpp"
#include "base/stats.hpp"
#include "base/text.hpp"
#include "base/yaml.hpp"
#include "hwprof/error.hpp"
#include "prim/yaml.hpp"
#include "record/cost.hpp"

namespace hwprof::record {
namespace {

using base::in_quotes;
using base::Yaml;

struct Quantity {
  const char* name;
  Metric metric;
  double per_unit;  ///< how many of the file's unit make one SI unit
};
constexpr std::array<Quantity, 3> quantities{
    {{"latency", Metric::latency, 1e3}, {"energy", Metric::energy, 1e3}, {"memory", Metric::memory, 1}}};
constexpr const char* power_name = "power";
constexpr double microwatts_per_watt = 1e6;

double read_cost(const Yaml& yaml) {
  const double value = yaml.number();
  if (!is_cost(value)) yaml.fail(not_a_cost(value));
  return value;
}

class Reader {
 public:
  Reader(const std::string& source, Notes& notes) : source_(source), notes_(notes) {}

  std::vector<NetRecord> read(const Yaml& root) {
    if (root.is_map()) return {read_run(root)};
    if (!root.is_list()) root.fail("a run of aw_nas (a map) or a list of primitives is expected");
    const auto elements = root.list();
    if (elements.empty()) root.fail("an empty list");
    std::vector<NetRecord> records;
    if (elements.front().is_list())
      for (const auto& element : elements) records.push_back(read_rows(element));
    else
      records.push_back(read_rows(root));
    return records;
  }

 private:
  NetRecord begin(bool skips_rows) {
    skips_rows_ = skips_rows;
    NetRecord record;
    record.from.mode = "inference";
    return record;
  }

  NetRecord read_run(const Yaml& root) {
    NetRecord record = begin(false);
    for (const auto& prim : root["primitives"].list()) read_prim(prim, record);
    for (const auto& [key, value] : root.items()) {
      if (key == "primitives" || key == "sync_elapse" || base::starts_with(key, "block_sum_")) continue;
      if (key == "async_elapse")
        set_cost("latency", value, record.overall);
      else if (base::starts_with(key, "overall_"))
        set_cost(key.substr(std::string("overall_").size()), value, record.overall);
      else
        value.fail("unknown key; primitives, overall_<cost> and block_sum_<cost> are expected");
    }
    add_energy(root, "overall_power", record.overall);
    if (record.overall.empty()) root.fail("no overall cost");
    return record;
  }

  NetRecord read_rows(const Yaml& rows) {
    NetRecord record = begin(true);
    for (const auto& row : rows.list()) read_prim(row, record);
    note_contradictions(record);
    return record;
  }

  /// A primitive may stand in a list several times, but its rows ought to agree.
  void note_contradictions(const NetRecord& record) {
    std::map<Prim, std::pair<double, double>> ranges;
    for (const auto& row : record.prims) {
      const auto latency = row.perf.find(Metric::latency);
      if (latency == row.perf.end()) continue;
      const double value = latency->second.value;
      auto& [least, most] = ranges.emplace(row.prim, std::make_pair(value, value)).first->second;
      least = std::min(least, value);
      most = std::max(most, value);
    }
    constexpr double tolerance = 0.05;
    for (const auto& [prim, range] : ranges)
      if (range.second > range.first * (1 + tolerance))
        notes_.push_back(source_ + ": rows of " + to_string(prim) + " contradict each other: " +
                         base::format_seconds(range.first) + " to " + base::format_seconds(range.second));
  }

  void read_prim(const Yaml& yaml, NetRecord& record) {
    if (skips_rows_ && !yaml.find("spatial_size")) {
      notes_.push_back(yaml.place() + ": a row without spatial_size was left out");
      return;
    }
    PrimRecord out;
    out.prim = prim::read_prim(yaml, prim::measurement_keys());
    const auto nested = yaml.find("performances");
    const Yaml& costs = nested ? *nested : yaml;
    for (const auto& [key, value] : costs.items()) {
      const bool is_cost =
          nested || key == power_name ||
          std::any_of(quantities.begin(), quantities.end(), [&k = key](const Quantity& q) { return q.name == k; });
      if (is_cost) set_cost(key, value, out.perf);
    }
    add_energy(costs, power_name, out.perf);
    if (out.perf.empty()) yaml.fail("no cost; latency, energy or memory is expected");
    record.prims.push_back(std::move(out));
  }

  void set_cost(const std::string& name, const Yaml& value, Perf& perf) {
    if (name == power_name) return;
    const auto* quantity =
        std::find_if(quantities.begin(), quantities.end(), [&name](const Quantity& q) { return q.name == name; });
    if (quantity == quantities.end()) {
      if (noted_.insert(name).second)
        notes_.push_back(source_ + ": costs named " + in_quotes(name) +
                         " were left out; latency, energy, memory and power are read");
      return;
    }
    perf[quantity->metric].value = read_cost(value) / quantity->per_unit;
  }

  void add_energy(const Yaml& map, const char* key, Perf& perf) {
    const auto power = map.find(key);
    if (!power || perf.count(Metric::energy) != 0) return;
    const auto latency = perf.find(Metric::latency);
    if (latency == perf.end()) power->fail("power without a latency gives no energy");
    perf[Metric::energy].value = read_cost(*power) / microwatts_per_watt * latency->second.value;
  }

  const std::string& source_;
  Notes& notes_;
  std::set<std::string> noted_;
  bool skips_rows_ = false;
};

std::string prims_text(const NetRecord& record) {
  std::string text;
  for (const auto& prim : record.prims) text += to_string(prim.prim) + "\n";
  return text;
}

/// Puts the median over all runs into the first, for each cost among what pick() gives.
void take_medians(std::vector<NetRecord>& runs, const std::function<Perf&(NetRecord&)>& pick) {
  for (auto& run : runs) pick(runs.front()).insert(pick(run).begin(), pick(run).end());
  for (auto& [metric, measured] : pick(runs.front())) {
    std::vector<double> values;
    for (auto& run : runs) {
      const auto found = pick(run).find(metric);
      if (found != pick(run).end()) values.push_back(found->second.value);
    }
    measured.value = base::median(values);
    measured.spread = base::median_half_width(values);
    measured.samples = static_cast<std::int64_t>(values.size());
  }
}

NetRecord merge(std::vector<NetRecord> runs) {
  take_medians(runs, [](NetRecord& run) -> Perf& { return run.overall; });
  for (std::size_t i = 0; i < runs.front().prims.size(); ++i)
    take_medians(runs, [i](NetRecord& run) -> Perf& { return run.prims[i].perf; });
  return std::move(runs.front());
}

}  // namespace

bool is_yaml_name(const std::string& name) {
  return base::ends_with(name, ".yaml") || base::ends_with(name, ".yml");
}

std::vector<NetRecord> parse_awnas(const std::string& text, const std::string& source, Notes& notes) {
  auto records = Reader(source, notes).read(Yaml::parse(text, source));
  const std::string stem = std::filesystem::path(source).stem().string();
  for (std::size_t i = 0; i < records.size(); ++i)
    records[i].net_id = records.size() == 1 ? stem : stem + "." + std::to_string(i);
  return records;
}

std::vector<NetRecord> load_awnas_runs(const std::vector<std::string>& files, const std::string& id, Notes& notes) {
  std::vector<std::pair<std::string, std::vector<NetRecord>>> groups;
  for (const auto& file : files) {
    for (auto& record : parse_awnas(base::read_file(file), file, notes)) {
      const std::string prims = prims_text(record);
      auto group = std::find_if(groups.begin(), groups.end(), [&prims](const auto& g) { return g.first == prims; });
      if (group == groups.end()) {
        if (!id.empty() && !groups.empty())
          throw Error(Fault::input,
                      file + ": has other primitives than " + files.front() + ", which is of the same network");
        group = groups.insert(group, {prims, {}});
      }
      group->second.push_back(std::move(record));
    }
  }
  std::vector<NetRecord> records;
  for (auto& [prims, runs] : groups) {
    records.push_back(merge(std::move(runs)));
    if (!id.empty()) records.back().net_id = id;
  }
  return records;
}

}  // namespace hwprof::record
