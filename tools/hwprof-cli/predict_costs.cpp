// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>

#include "costs.hpp"
#include "hwprof/caffe.hpp"
#include "hwprof/error.hpp"
#include "hwprof/net.hpp"
#include "hwprof/space.hpp"
#include "nets.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

using hwprof::Error;
using hwprof::Fault;
using hwprof::Metric;
using hwprof::Stage;

constexpr std::array quantities{Metric::latency, Metric::memory, Metric::energy};

std::vector<hwprof::CostedNet> nets_of(const CostRequest& request) {
  auto files = request.nets;
  files.insert(files.end(), request.onnx.begin(), request.onnx.end());
  auto nets = load_costed_nets(files);
  for (const auto& file : request.caffe) {
    auto read = hwprof::read_caffe(file);
    hwprof::CostedNet costed;
    costed.id = std::filesystem::path(file).stem().string();
    costed.family = hwprof::family_of(costed.id);
    costed.parts.push_back({std::move(read.graph), read.input});
    nets.push_back(std::move(costed));
  }
  if (request.archs.empty()) return nets;
  if (request.space.empty()) throw Error(Fault::usage, "architectures need the search space: give --space");
  const auto space = hwprof::load_space(request.space, request.hardware, request.image_size);
  for (const auto& text : request.archs) {
    const auto arch = hwprof::parse_arch(*space.space, text);
    const auto net = space.space->network(arch);
    hwprof::CostedNet costed;
    costed.id = hwprof::to_string(arch);
    costed.family = space.name;
    costed.parts.push_back({hwprof::lower(net), {1, net.image_channels, net.image_size, net.image_size}});
    nets.push_back(std::move(costed));
  }
  return nets;
}

hwprof::BatchLimits limits_of(const CostRequest& request) {
  hwprof::BatchLimits limits;
  limits.most = request.largest;
  for (const auto& text : request.limits) {
    const auto equals = text.find('=');
    if (equals == std::string::npos)
      throw Error(Fault::usage, "--limit takes NAME=VALUE, for instance memory=2GiB, found '" + text + "'");
    const std::string name = text.substr(0, equals);
    std::vector<std::string> known;
    for (const Metric quantity : quantities) known.emplace_back(to_string(quantity));
    const auto at = std::find(known.begin(), known.end(), name);
    if (at == known.end())
      throw Error(Fault::usage,
                  "--limit takes latency, memory or energy, found '" + name + "'" + hwprof::did_you_mean(name, known));
    const Metric limited = quantities[static_cast<std::size_t>(at - known.begin())];
    const double value = parse_quantity(limited, text.substr(equals + 1));
    auto& limit = limited == Metric::memory    ? limits.memory_bytes
                  : limited == Metric::latency ? limits.latency_s
                                               : limits.energy_j;
    if (limit) throw Error(Fault::usage, "--limit: " + name + " is limited twice");
    limit = value;
  }
  return limits;
}

std::string key_of(Metric quantity) {
  return quantity == Metric::latency ? "latency_s" : quantity == Metric::memory ? "memory_bytes" : "energy_j";
}

/// The costs of one network at one batch size, printed or as JSON.
Json costs_of(const hwprof::FingerprintModel& model, const hwprof::CostedNet& net, int batch, Stage stage, bool json) {
  Json row{{"net", net.id}, {"batch", batch}, {"mode", to_string(stage)}};
  std::string text;
  for (const Metric quantity : quantities) {
    if (!model.has(stage, quantity)) continue;
    const auto cost = model.predict(net, batch, stage, quantity);
    row[key_of(quantity)] = {{"value", cost.value},
                             {"standard_error", cost.standard_error},
                             {"outside_features", cost.outside},
                             {"updated", cost.updated}};
    text += "  " + value_text(quantity, cost.value) + " ± " + value_text(quantity, cost.standard_error);
    if (cost.outside > 0)
      text +=
          " (" + count(static_cast<std::size_t>(cost.outside), "feature") + " outside the range of what was measured)";
  }
  if (!json) std::cout << net.id << "  batch " << batch << text << '\n';
  return row;
}

}  // namespace

void predict_costs(const CostRequest& request, bool json) {
  const auto model = hwprof::load_fingerprint(request.model);
  Stage stage = Stage::inference;
  if (!request.mode.empty())
    stage = hwprof::parse_stage(request.mode);
  else if (!model.has(stage, Metric::latency) && !model.has(stage, Metric::memory))
    stage = Stage::training;
  if (!model.has(stage, Metric::latency) && !model.has(stage, Metric::memory) && !model.has(stage, Metric::energy))
    throw Error(Fault::missing, "the model has no costs of " + std::string(to_string(stage)));
  const auto nets = nets_of(request);
  if (nets.empty())
    throw Error(Fault::usage, "what to predict is expected: --net, --onnx, --caffe, or architectures with --space");
  const auto limits = limits_of(request);
  Json rows = Json::array();
  for (const auto& net : nets) {
    if (!request.limits.empty()) {
      const int largest = hwprof::largest_batch(model, net, stage, limits);
      Json row{{"net", net.id}, {"mode", to_string(stage)}, {"largest_batch", largest}};
      if (!json)
        std::cout << net.id << "  largest batch " << largest << (largest == limits.most ? " or more" : "") << '\n';
      if (largest > 0) row["at_largest"] = costs_of(model, net, largest, stage, json);
      rows.push_back(std::move(row));
    }
    auto batches = request.batches;
    if (batches.empty() && request.limits.empty()) batches.push_back(1);
    for (const int batch : batches) rows.push_back(costs_of(model, net, batch, stage, json));
  }
  if (json)
    print_json({{"schema", "hwprof.cost_prediction/1"},
                {"model", request.model},
                {"device", model.from().device},
                {"predictions", std::move(rows)}});
}

}  // namespace hwprof_cli
