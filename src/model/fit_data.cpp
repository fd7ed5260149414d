// SPDX-License-Identifier: Apache-2.0
#include "model/fit_data.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/words.hpp"
#include "record/cost.hpp"

namespace hwprof::model {
namespace {

using base::in_quotes;

constexpr double unsteady_weight = 0.25;
/// Parts of the environment that change what is measured, beside device, compiler, mode and batch.
constexpr std::array<const char*, 3> decisive{"threads", "layout", "precision"};

void check_same(const NetRecord& first, const NetRecord& other) {
  const auto check = [&](const std::string& what, const std::string& a, const std::string& b) {
    if (a == b) return;
    throw Error(Fault::usage, "records that do not belong together: " + what + " is " + in_quotes(a) + " in net " +
                                  in_quotes(first.net_id) + " and " + in_quotes(b) + " in net " +
                                  in_quotes(other.net_id) + "; fit one model for each");
  };
  check("device", first.from.device, other.from.device);
  check("compiler", first.from.compiler, other.from.compiler);
  check("mode", first.from.mode, other.from.mode);
  check("batch", std::to_string(first.batch), std::to_string(other.batch));
  for (const char* key : decisive) {
    const auto value = [key](const NetRecord& record) {
      const auto found = record.from.environment.find(key);
      return found == record.from.environment.end() ? std::string() : found->second;
    };
    check(key, value(first), value(other));
  }
}

/// Keeps of the environment what all records agree on.
void agree(Provenance& from, const Provenance& other, std::set<std::string>& differing) {
  for (auto it = from.environment.begin(); it != from.environment.end();) {
    const auto found = other.environment.find(it->first);
    const bool same = found != other.environment.end() && found->second == it->second;
    if (!same) differing.insert(it->first);
    it = same ? std::next(it) : from.environment.erase(it);
  }
  from.derived = from.derived || other.derived;
}

/// Why records were left out, and how many of them.
std::vector<std::string> describe(const std::map<std::string, std::vector<std::string>>& left_out) {
  std::vector<std::string> notes;
  notes.reserve(left_out.size());
  for (const auto& [why, nets] : left_out)
    notes.push_back(counted(nets.size(), "network") + " left out, " + why + ": " + some_of(nets));
  return notes;
}

bool has_cost(const NetRecord& record, Metric metric) {
  const auto costs = [metric](const PrimRecord& prim) { return prim.perf.count(metric) != 0; };
  return record.overall.count(metric) != 0 || std::any_of(record.prims.begin(), record.prims.end(), costs);
}

double checked(const Measured& cost, const NetRecord& record) {
  if (!record::is_cost(cost.value) || !record::is_cost(cost.spread))
    throw Error(Fault::input, "net " + in_quotes(record.net_id) + ": " + record::not_a_cost(cost.value) +
                                  " with a spread of " + base::format_number(cost.spread));
  return cost.value;
}

void add_net(FitData& data, const NetRecord& record) {
  const Metric metric = data.info.metric;
  FitNet net;
  net.record = &record;
  net.weight = record.state == RunState::measured ? 1 : unsteady_weight;
  if (const auto overall = record.overall.find(metric); overall != record.overall.end())
    net.measured = checked(overall->second, record);
  const auto number = static_cast<std::uint32_t>(data.nets.size());
  for (const auto& prim : record.prims) {
    net.prims.push_back(data.index.insert(prim.prim));
    data.samples.resize(data.index.size());
    if (const auto cost = prim.perf.find(metric); cost != prim.perf.end())
      data.samples[net.prims.back()].push_back(
          {number, checked(cost->second, record), cost->second.spread, net.weight});
  }
  data.nets.push_back(std::move(net));
}

}  // namespace

FitData collect(const std::vector<NetRecord>& records, const FitOptions& options) {
  FitData data;
  data.info.metric = options.metric;
  data.info.summary.kind = options.kind;
  std::map<std::string, std::vector<std::string>> failed;
  std::map<std::string, std::vector<std::string>> set_aside;
  std::vector<std::string> unsteady;
  std::set<std::string> differing;
  for (const auto& record : records) {
    if (record.purpose == "validation" || record.purpose == "repeat") {
      set_aside["kept for " + record.purpose].push_back(record.net_id);
    } else if (record.state != RunState::measured && record.state != RunState::unsteady) {
      failed[std::string(to_string(record.state)) + (record.reason.empty() ? "" : " (" + record.reason + ")")]
          .push_back(record.net_id);
    } else if (!has_cost(record, options.metric)) {
      failed[std::string("without ") + to_string(options.metric)].push_back(record.net_id);
    } else {
      if (data.nets.empty()) {
        data.info.from = record.from;
        data.info.batch = record.batch;
      } else {
        check_same(*data.nets.front().record, record);
        agree(data.info.from, record.from, differing);
      }
      if (record.state == RunState::unsteady) unsteady.push_back(record.net_id);
      add_net(data, record);
    }
  }
  auto& summary = data.info.summary;
  for (const auto& [why, nets] : failed) summary.nets_dropped += nets.size();
  summary.notes = describe(failed);
  for (auto& note : describe(set_aside)) summary.notes.push_back(std::move(note));
  if (data.nets.empty())
    throw Error(Fault::missing, "none of " + counted(records.size(), "record") + " can be used to fit " +
                                    to_string(options.metric) +
                                    (summary.notes.empty() ? "" : ": " + base::join(summary.notes, "; ")));
  if (!unsteady.empty())
    summary.notes.push_back(counted(unsteady.size(), "network") + " measured unsteadily, with weight " +
                            base::format_number(unsteady_weight));
  if (!differing.empty())
    summary.notes.push_back("the records differ in " + base::join({differing.begin(), differing.end()}, ", "));
  return data;
}

FitData without(const FitData& data, const std::vector<bool>& left_out) {
  FitData part = data;
  for (auto& samples : part.samples) {
    const auto held_out = [&left_out](const Sample& sample) { return left_out[sample.net]; };
    const auto first =
        std::stable_partition(samples.begin(), samples.end(), [&](const auto& s) { return !held_out(s); });
    if (first != samples.begin()) samples.erase(first, samples.end());
  }
  for (std::size_t i = 0; i < part.nets.size(); ++i)
    if (left_out[i]) part.nets[i].measured = 0;
  return part;
}

std::vector<std::size_t> network_of(const FitData& data, const NetList& nets) {
  std::map<std::vector<std::uint32_t>, std::size_t> known;
  std::vector<std::size_t> numbers;
  numbers.reserve(nets.size());
  for (const std::size_t i : nets) numbers.push_back(known.emplace(data.nets[i].prims, known.size()).first->second);
  return numbers;
}

std::size_t count_networks(const FitData& data, const NetList& nets) {
  const auto numbers = network_of(data, nets);
  return numbers.empty() ? 0 : *std::max_element(numbers.begin(), numbers.end()) + 1;
}

void remove_nets(FitData& data, const std::vector<bool>& marked) {
  std::vector<std::uint32_t> number(data.nets.size());
  std::vector<FitNet> kept;
  for (std::size_t i = 0; i < data.nets.size(); ++i) {
    number[i] = static_cast<std::uint32_t>(kept.size());
    if (!marked[i]) kept.push_back(std::move(data.nets[i]));
  }
  data.nets = std::move(kept);
  for (auto& samples : data.samples) {
    samples.erase(
        std::remove_if(samples.begin(), samples.end(), [&](const Sample& sample) { return marked[sample.net]; }),
        samples.end());
    for (auto& sample : samples) sample.net = number[sample.net];
  }
}

}  // namespace hwprof::model
