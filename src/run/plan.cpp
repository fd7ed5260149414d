// SPDX-License-Identifier: Apache-2.0
#include "run/plan.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <random>
#include <set>

#include "hwprof/error.hpp"
#include "net/graph_yaml.hpp"

namespace hwprof::run {
namespace {

constexpr int most_nets = 100000;

/// Everything that makes a network what it is when it runs.
std::string structure(const Net& net) {
  std::string text = std::to_string(net.image_size) + ";" + std::to_string(net.image_channels);
  for (const auto& layer : net.layers) {
    text += ";" + to_string(layer.prim);
    for (const int input : layer.inputs) text += "," + std::to_string(input);
  }
  return text;
}

/// Draws networks of a space, none twice and none of those in seen. Architectures that differ only in choices without
/// effect (the kernel of a block that the depth leaves out) are the same network.
class DistinctNetworks {
 public:
  DistinctNetworks(const MixinProfilingSearchSpace& space, std::uint64_t seed, std::set<std::string> seen)
      : space_(space), rng_(seed), seen_(std::move(seen)) {}

  /// Nothing when no new one appears for so long that there is probably none.
  std::optional<Net> next() {
    const std::size_t attempts = 200 + 20 * seen_.size();
    for (std::size_t attempt = 0; attempt < attempts; ++attempt) {
      const Arch arch = space_.sample(rng_);
      Net net = space_.network(arch);
      if (!seen_.insert(structure(net)).second) continue;
      net.arch = to_string(arch);
      return net;
    }
    return {};
  }

 private:
  const MixinProfilingSearchSpace& space_;
  std::mt19937_64 rng_;
  std::set<std::string> seen_;
};

void check(const GenerateOptions& options) {
  const auto within = [](int value, int least, int most, const char* name) {
    if (value < least || value > most)
      throw Error(Fault::usage, std::string(name) + " must be within " + std::to_string(least) + " to " +
                                    std::to_string(most) + ", not " + std::to_string(value));
  };
  within(options.num_sample, -1, most_nets, "num-sample");
  within(options.calibration_nets, 0, most_nets, "calibration");
  within(options.validation_nets, 0, most_nets, "validation");
  within(options.image_size, 0, 1 << 14, "image-size");
  within(options.max_layers, 0, 1 << 14, "max-layers");
}

/// Splits n distinct networks where more were asked for; a share of them always stays out of the fit.
struct Shares {
  int sampled, calibration, validation;
};
Shares share_out(int n, const Shares& wanted) {
  const int total = wanted.sampled + wanted.calibration + wanted.validation;
  if (n >= total) return wanted;
  const auto part = static_cast<int>(static_cast<long long>(n) * wanted.validation / total);
  Shares out{0, 0, wanted.validation == 0 ? 0 : std::min(n, std::max(1, part))};
  out.sampled = std::min(wanted.sampled, n - out.validation);
  out.calibration = n - out.validation - out.sampled;
  return out;
}

std::vector<Net> draw(const Plan& plan, std::uint64_t seed, int n, std::set<std::string> seen) {
  DistinctNetworks networks(*plan.file.space, seed, std::move(seen));
  std::vector<Net> drawn;
  while (static_cast<int>(drawn.size()) < n) {
    auto net = networks.next();
    if (!net) break;
    drawn.push_back(std::move(*net));
  }
  return drawn;
}

void add_sampled(Plan& plan, const GenerateOptions& options, int num_sample) {
  const Shares wanted{num_sample, options.calibration_nets, options.validation_nets};
  const int total = wanted.sampled + wanted.calibration + wanted.validation;
  if (total == 0) return;
  std::set<std::string> packed;
  for (const auto& net : plan.nets) packed.insert(structure(net));
  auto drawn = draw(plan, options.seed, total, packed);
  const bool known = drawn.empty();  // every network of the space is a packed one
  if (known) drawn = draw(plan, options.seed, total, {});
  const int n = static_cast<int>(drawn.size());
  const Shares shares = share_out(n, wanted);
  if (n < total)
    plan.notes.push_back("the space has only " + std::to_string(n) +
                         (n == 1 ? " distinct network" : " distinct networks") +
                         (known || packed.empty() ? "" : " besides the packed ones") + " where " +
                         std::to_string(total) + " were asked for: " + std::to_string(n - shares.validation) +
                         " are fitted on, " + std::to_string(shares.validation) + " kept for validation");
  if (known && shares.validation > 0)
    plan.notes.emplace_back(
        "the packed networks are all that the space has, so validation is on networks that were fitted on");
  std::vector<Net> repeats;
  for (int i = 0; i < n; ++i) {
    Net& net = drawn[static_cast<std::size_t>(i)];
    const bool fitted = i < shares.sampled + shares.calibration;
    net.purpose = fitted ? "calibration" : "validation";
    if (!fitted) {
      repeats.push_back(net);
      repeats.back().purpose = "repeat";
    }
    plan.nets.push_back(std::move(net));
  }
  plan.calibration = static_cast<std::size_t>(shares.sampled + shares.calibration);
  plan.validation = repeats.size();
  std::move(repeats.begin(), repeats.end(), std::back_inserter(plan.nets));
}

void note_uncovered(Plan& plan) {
  std::set<Prim> covered;
  for (const auto& net : plan.nets)
    if (net.purpose == "coverage" || net.purpose == "calibration")
      for (const auto& layer : net.layers) covered.insert(layer.prim);
  const auto open = std::count_if(plan.prims.begin(), plan.prims.end(),
                                  [&covered](const Prim& prim) { return covered.count(prim) == 0; });
  if (open > 0)
    plan.notes.push_back(std::to_string(open) + " of " + std::to_string(plan.prims.size()) +
                         " primitives occur in no sampled network and will not be known");
}

}  // namespace

std::string device_name(const std::string& name) {
  return name == "-1" ? "cpu" : name;
}

Net isolated_net(const Prim& prim) {
  Net net;
  net.purpose = "coverage";
  net.image_size = prim.spatial_size;
  net.image_channels = prim.C;
  net.layers.push_back({prim, false, {}});
  return net;
}

Plan make_plan(const GenerateOptions& options) {
  check(options);
  Plan plan;
  plan.file = load_space(options.space_file, options.hardware_file, options.image_size);
  plan.prims = plan.file.space->generate_profiling_primitives();
  const int num_sample = options.num_sample >= 0 ? options.num_sample : plan.file.num_sample;
  if (num_sample == 0 && options.isolated) {
    for (const auto& prim : plan.prims) plan.nets.push_back(isolated_net(prim));
    plan.coverage = plan.packing.nets = plan.nets.size();
    plan.packing.prims = plan.prims.size();
  } else if (num_sample == 0) {
    AssembleOptions packing = plan.file.assemble;
    if (options.max_layers > 0) packing.max_layers = options.max_layers;
    plan.nets = assemble(plan.prims, packing, &plan.packing);
    for (auto& net : plan.nets) net.purpose = "coverage";
    plan.coverage = plan.nets.size();
  }
  add_sampled(plan, options, num_sample);
  if (num_sample > 0) note_uncovered(plan);
  for (std::size_t i = 0; i < plan.nets.size(); ++i) plan.nets[i].id = std::to_string(i);
  return plan;
}

std::string fingerprint(const Plan& plan) {
  std::uint64_t state = 0xcbf29ce484222325U;  // FNV-1a, a word at a time
  const auto mix = [&state](std::uint64_t word) {
    state = (state ^ word) * 0x100000001b3U;
    state ^= state >> 29U;
  };
  for (const auto& prim : plan.prims) mix(hash(prim));
  for (const auto& net : plan.nets) {
    mix(net.layers.size());
    mix(static_cast<std::uint64_t>(net.image_size));
    if (net.batch > 0) mix(static_cast<std::uint64_t>(net.batch));
    for (const char c : net.mode) mix(static_cast<unsigned char>(c));
    if (net.graph)
      for (const char c : net::graph_text(*net.graph, "")) mix(static_cast<unsigned char>(c));
    for (const char c : net.purpose) mix(static_cast<unsigned char>(c));
    for (const auto& layer : net.layers) {
      mix(hash(layer.prim));
      mix(layer.glue ? 1 : 0);
      for (const int input : layer.inputs) mix(static_cast<std::uint64_t>(input + 2));
    }
  }
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(state));
  return text.data();
}

}  // namespace hwprof::run

namespace hwprof {

std::vector<Net> draw_networks(const MixinProfilingSearchSpace& space, std::uint64_t seed, std::size_t n) {
  run::DistinctNetworks networks(space, seed, {});
  std::vector<Net> drawn;
  while (drawn.size() < n) {
    auto net = networks.next();
    if (!net) break;
    drawn.push_back(std::move(*net));
  }
  return drawn;
}

}  // namespace hwprof
