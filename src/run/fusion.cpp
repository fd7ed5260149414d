// SPDX-License-Identifier: Apache-2.0
#include "hwprof/fusion.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/json.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/version.hpp"
#include "record/jsonl.hpp"

namespace hwprof {
namespace {

constexpr int flat_values = 1024;

const std::vector<std::string>& firsts() {
  static const std::vector<std::string> kinds{"conv", "dwconv", "gconv", "fc", "bn", "add", "max_pool", "relu"};
  return kinds;
}

const std::vector<std::string>& seconds() {
  static const std::vector<std::string> kinds{"bn",      "relu", "relu6", "leaky_relu", "h_swish", "h_sigmoid",
                                              "sigmoid", "tanh", "add",   "max_pool",   "conv"};
  return kinds;
}

struct Place {
  int size = 1, channels = 1;
};

Prim prim_of(const std::string& kind, Place place) {
  Prim prim{kind, place.size, place.channels, place.channels, 1, true, {}};
  const auto window = std::int64_t{3};
  if (kind == "conv" || kind == "gconv") {
    prim.prim_type = "conv_act";
    prim.attrs = {{"kernel_size", place.size > 1 ? window : std::int64_t{1}},
                  {"activation", std::string("identity")},
                  {"groups", std::int64_t{kind == "conv" ? 1 : 4}}};
  } else if (kind == "dwconv") {
    prim.prim_type = "dw_conv";
    prim.attrs = {{"kernel_size", window}};
  } else if (kind == "fc") {
    prim.prim_type = "linear";
  } else if (kind == "bn") {
    prim.prim_type = "batch_norm";
  } else if (kind == "max_pool") {
    prim.attrs = {{"kernel_size", window}, {"padding", std::int64_t{1}}};
  } else if (kind == "add") {
    prim.prim_type = "identity";  // behind the sum that its layer takes
  }
  return normalized(prim);
}

/// The op as the next layer of a network; an addition adds the image to what came before.
void append(Net& net, const std::string& kind, Place place) {
  Layer layer;
  layer.prim = prim_of(kind, place);
  if (kind == "add") layer.inputs = {static_cast<int>(net.layers.size()) - 1, -1};
  net.layers.push_back(std::move(layer));
}

class Deciding {
 public:
  Deciding(const std::vector<NetRecord>& records, double alpha) : alpha_(alpha) {
    const NetRecord* any = nullptr;
    for (const auto& record : records) {
      if (any != nullptr && (any->from.device != record.from.device || any->from.compiler != record.from.compiler))
        throw Error(Fault::usage, "records of different devices: " + base::in_quotes(any->from.device) + " and " +
                                      base::in_quotes(record.from.device));
      any = &record;
      const auto latency = record.overall.find(Metric::latency);
      const bool ran = record.state == RunState::measured || record.state == RunState::unsteady;
      if (!ran || latency == record.overall.end()) {
        report_.notes.push_back("net " + base::in_quotes(record.net_id) + " (" + base::in_quotes(record.arch) +
                                ") was not measured" + (record.reason.empty() ? "" : ": " + record.reason));
        continue;
      }
      Measured cost = latency->second;
      if (const auto overhead = record.overhead.find(Metric::latency); overhead != record.overhead.end()) {
        cost.value -= overhead->second.value;
        has_overhead_ = true;
      }
      costs_[record.arch] = cost;
    }
    if (any != nullptr) report_.from = any->from;
  }

  FusionReport run() {
    const auto nothing = costs_.find("");
    if (nothing == costs_.end() && !has_overhead_)
      report_.notes.emplace_back("no network of nothing was measured: what every network costs counts in all times");
    if (nothing != costs_.end() && !has_overhead_) base_ = nothing->second;
    for (const auto& [arch, pair] : costs_) {
      const auto plus = arch.find('+');
      if (plus == std::string::npos) continue;
      FusionTest test;
      test.first = arch.substr(0, plus);
      test.second = arch.substr(plus + 1);
      decide(test, pair);
    }
    if (report_.tests.empty())
      throw Error(Fault::missing,
                  "no pair of ops has all its records; those of the networks that hwprof-cli fusion "
                  "writes are expected" +
                      (report_.notes.empty() ? "" : ": " + base::join(report_.notes, "; ")));
    return std::move(report_);
  }

 private:
  void decide(FusionTest& test, const Measured& pair) {
    const auto first = costs_.find(test.first), second = costs_.find(test.first + ">" + test.second);
    const std::string name = test.first + " + " + test.second;
    if (first == costs_.end() || second == costs_.end()) {
      report_.notes.push_back(name + ": its ops were not both measured by themselves");
      return;
    }
    test.first_s = first->second.value - base_.value;
    test.second_s = second->second.value - base_.value;
    test.pair_s = pair.value - base_.value;
    const double least = std::min(test.first_s, test.second_s);
    if (!(least > 0)) {
      report_.notes.push_back(name + ": an op takes no longer than a network of nothing");
      return;
    }
    test.saved = (test.first_s + test.second_s - test.pair_s) / least;
    constexpr double tiny = 1e-6;  // of rounding
    test.spread = std::sqrt(std::pow(first->second.spread, 2) + std::pow(second->second.spread, 2) +
                            std::pow(pair.spread, 2) + std::pow(base_.spread, 2)) /
                  least;
    // Nothing saves more than all of it; and where it is smaller than what the times are known to, chance decides.
    test.sure = std::abs(test.saved - alpha_) > test.spread && test.spread < 1 && test.saved - test.spread <= 1 + tiny;
    test.fused = test.sure && test.saved > alpha_;
    if (!test.sure)
      report_.notes.push_back(name + ": saved " + base::format_number(std::round(test.saved * 100) / 100) +
                              " of the smaller op, which does not tell; counts as not fused");
    if (test.fused) report_.rules.pairs.insert({test.first, test.second});
    report_.tests.push_back(test);
  }

  double alpha_;
  bool has_overhead_ = false;
  Measured base_;
  std::map<std::string, Measured> costs_;  ///< by Net::arch
  FusionReport report_;
};

}  // namespace

std::vector<Net> fusion_nets(const FusionOptions& options) {
  if (options.size < 3 || options.size > 1024 || options.channels < 4 || options.channels > 4096 ||
      options.channels % 4 != 0)
    throw Error(Fault::usage, "a size of 3 to 1024 and channels in multiples of 4 up to 4096 are expected");
  std::vector<Net> nets;
  const auto begin = [&nets](const std::string& arch, Place place) -> Net& {
    Net net;
    net.id = std::to_string(nets.size());
    net.purpose = "coverage";
    net.arch = arch;
    net.image_size = place.size;
    net.image_channels = place.channels;
    nets.push_back(std::move(net));
    return nets.back();
  };
  const Place map{options.size, options.channels}, flat{1, flat_values};
  Net& nothing = begin("", map);
  nothing.layers.push_back({prim_of("identity", map), false, {}});
  for (const auto& first : firsts()) {
    const Place place = first == "fc" ? flat : map;
    append(begin(first, place), first, place);
    for (const auto& second : seconds()) {
      if (second == first || (place.size == 1 && second == "max_pool")) continue;
      append(begin(first + ">" + second, place), second, place);
      Net& pair = begin(first + "+" + second, place);
      append(pair, first, place);
      append(pair, second, place);
    }
  }
  return nets;
}

FusionReport find_fusion(const std::vector<NetRecord>& records, double alpha) {
  if (!(alpha >= 0 && alpha <= 1)) throw Error(Fault::usage, "alpha must be within 0 to 1");
  return Deciding(records, alpha).run();
}

void save_fusion(const std::string& file, const FusionReport& report) {
  base::Json json = base::Json::object();
  json["schema"] = "hwprof.fusion/1";
  json["tool"] = std::string("hwprof ") + version;
  json["from"] = record::to_json(report.from);
  auto& fuse = json["fuse"] = base::Json::array();
  for (const auto& [first, second] : report.rules.pairs) fuse.push_back({first, second});
  auto& tests = json["tests"] = base::Json::array();
  for (const auto& test : report.tests)
    tests.push_back({{"first", test.first},
                     {"second", test.second},
                     {"first_s", test.first_s},
                     {"second_s", test.second_s},
                     {"pair_s", test.pair_s},
                     {"saved", test.saved},
                     {"spread", test.spread},
                     {"fused", test.fused},
                     {"sure", test.sure}});
  json["notes"] = report.notes;
  base::save_json(file, json);
}

}  // namespace hwprof
