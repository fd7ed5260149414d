// SPDX-License-Identifier: Apache-2.0
// How well transfer models rank and predict devices that they have seen little of:
//   hwprof_bench_accuracy_bench SPACE DIR [--sources a,b,c] [--targets a,b,c] [--samples 10,20,50] [--seeds 10]
//   [--leave-one-out]
// DIR holds a CSV of architectures per device. Each target is taken from all the sources but itself; samples are
// drawn at random or chosen (D-optimal), and everything else is the query set. No choice sees the query set.
// Printed per device and number of samples, of each member alone and of the combined model: Spearman (mean and standard
// deviation over the seeds), median error and share within 10 %; of the combined one the share within 1.645 standard
// errors, which should be 90 %, too. Devices whose labels are exact sums are marked and left out of means.
// With --leave-one-out the figures are of each sample, predicted by a model of the others, and no query set enters.
// That is what settings of transfer may be chosen by. What others published on the same data stands at the end of a row
// of 20 samples, and below.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "hwprof/hwprof.hpp"

namespace {

using hwprof::Metric;

struct Device {
  std::string name;
  std::vector<hwprof::NetRecord> records;
  std::vector<hwprof::Arch> archs;
  bool derived = false;
};

struct Options {
  std::string space, dir;
  std::vector<std::string> sources, targets;
  std::vector<std::size_t> samples{10, 20, 50};
  int seeds = 10;
  bool leave_one_out = false;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

Options parse(int argc, char** argv) {
  Options options;
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 2) throw hwprof::Error(hwprof::Fault::usage, "SPACE DIR are expected");
  options.space = words[0];
  options.dir = words[1];
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::string& name = words[i];
    if (name == "--leave-one-out") {
      options.leave_one_out = true;
      continue;
    }
    if (++i == words.size()) throw hwprof::Error(hwprof::Fault::usage, name + " needs a value");
    if (name == "--sources") {
      options.sources = split(words[i]);
    } else if (name == "--targets") {
      options.targets = split(words[i]);
    } else if (name == "--seeds") {
      options.seeds = std::stoi(words[i]);
    } else if (name == "--samples") {
      options.samples.clear();
      for (const auto& part : split(words[i])) options.samples.push_back(std::stoul(part));
    } else {
      throw hwprof::Error(hwprof::Fault::usage, "unknown option " + name);
    }
  }
  return options;
}

/// Mean and standard deviation of what was added.
struct Spread {
  double sum = 0, squares = 0;
  int n = 0;
  void add(double value) {
    sum += value;
    squares += value * value;
    ++n;
  }
  [[nodiscard]] double mean() const { return n > 0 ? sum / n : 0; }
  [[nodiscard]] double deviation() const {
    return n > 1 ? std::sqrt(std::max(0.0, (squares - sum * sum / n) / (n - 1))) : 0;
  }
};

const std::vector<std::string> members{"scaling", "stacking", "mixed", "analytic", "transfer", ""};

/// Spearman correlations that others published for 20 measured architectures of the new device. HELP: Lee et al.,
/// NeurIPS 2021, of the query sets that it trims to the middle 80 %. NASFLAT: Akhauri and Abdelfattah, 2024.
struct Published {
  const char* space;
  const char* device;
  double spearman;
};
constexpr std::array<Published, 6> published{{{"nasbench201", "titan_rtx_256", .987},
                                              {"nasbench201", "gold_6226", .989},
                                              {"nasbench201", "pixel2", .802},
                                              {"nasbench201", "raspi4", .890},
                                              {"nasbench201", "eyeriss", .940},
                                              {"nasbench201", "fpga", .985}}};

void print_published(const std::string& space) {
  if (space == "nasbench201")
    std::printf(
        "published, 20 samples: HELP .917, the mean over titan_rtx_256, gold_6226, pixel2 and raspi4, from nine "
        "sources;\n"
        "  in the row of a device here: HELP's own of it\n");
  if (space == "fbnet")
    std::printf(
        "published, 20 samples: means over the devices of a split of NASFLAT's, the best of HELP, MultiPredict and\n"
        "  NASFLAT: F1 .577, F2 .809, F3 .871, F4 .814 (F2 and F3 hold measured devices only)\n");
}

struct MemberFigures {
  Spread spearman, median_ape, within_10;
};

struct Figures {
  std::map<std::string, MemberFigures> members;
  double published = 0;     ///< 0: none
  Spread covered, seconds;  ///< of the combined model
};

void print(const std::string& name, std::size_t samples, const char* sampler, const Figures& figures) {
  std::printf("%-16s %3zu %-7s", name.c_str(), samples, sampler);
  for (const auto& member : members) {
    const auto at = figures.members.find(member);
    if (at == figures.members.end()) {
      std::printf("  %-29s", "-");
      continue;
    }
    const auto& [spearman, median_ape, within_10] = at->second;
    std::printf("  %.3f ± %.3f %5.1f %% %5.1f %%", spearman.mean(), spearman.deviation(), 100 * median_ape.mean(),
                100 * within_10.mean());
  }
  std::printf("  %5.1f %%", 100 * figures.covered.mean());
  std::printf(figures.published > 0 ? "  %.3f\n" : "\n", figures.published);
  std::fflush(stdout);
}

std::vector<std::size_t> draw(std::size_t count, std::size_t n, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::set<std::size_t> drawn;
  while (drawn.size() < count) drawn.insert(rng() % n);
  return {drawn.begin(), drawn.end()};
}

struct Predictions {
  std::vector<double> predicted, measured;
  std::size_t covered = 0;

  void add(const hwprof::Prediction& prediction, double cost) {
    predicted.push_back(prediction.value);
    measured.push_back(cost);
    covered += std::abs(prediction.value - cost) <= 1.645 * prediction.standard_error ? 1 : 0;
  }
};

double cost_of(const hwprof::NetRecord& record) {
  return record.overall.begin()->second.value;
}

/// All but the samples, by a model of these.
Predictions predict_rest(const hwprof::TransferBase& base, const Device& device, const std::vector<std::size_t>& picked,
                         const hwprof::TransferOptions& options, Spread& seconds) {
  std::vector<hwprof::NetRecord> samples;
  std::vector<bool> taken(device.records.size(), false);
  for (const std::size_t i : picked) {
    samples.push_back(device.records[i]);
    taken[i] = true;
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto model = base.fit(samples, options);
  seconds.add(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  Predictions out;
  for (std::size_t i = 0; i < device.records.size(); ++i)
    if (const double cost = cost_of(device.records[i]); !taken[i] && cost > 0)
      out.add(model.predict_arch(device.archs[i]), cost);
  return out;
}

/// Each sample, by a model of the others.
Predictions predict_left_out(const hwprof::TransferBase& base, const Device& device,
                             const std::vector<std::size_t>& picked, const hwprof::TransferOptions& options) {
  Predictions out;
  for (const std::size_t left_out : picked) {
    std::vector<hwprof::NetRecord> others;
    for (const std::size_t i : picked)
      if (i != left_out) others.push_back(device.records[i]);
    if (const double cost = cost_of(device.records[left_out]); cost > 0)
      out.add(base.fit(others, options).predict_arch(device.archs[left_out]), cost);
  }
  return out;
}

/// One fit of every member and of all.
void try_once(const hwprof::TransferBase& base, const Device& device, const std::vector<std::size_t>& picked,
              bool leave_one_out, Figures& figures) {
  for (const auto& member : members) {
    hwprof::TransferOptions options;
    options.member = member;
    Spread seconds;
    Predictions predictions;
    try {
      predictions = leave_one_out ? predict_left_out(base, device, picked, options)
                                  : predict_rest(base, device, picked, options, seconds);
    } catch (const hwprof::Error&) {
      continue;  // no sources, no stacking
    }
    const auto evaluation = hwprof::evaluate(predictions.predicted, predictions.measured);
    auto& own = figures.members[member];
    own.spearman.add(evaluation.spearman);
    own.median_ape.add(evaluation.median_ape);
    own.within_10.add(evaluation.within_10);
    if (!member.empty()) continue;
    figures.covered.add(static_cast<double>(predictions.covered) / static_cast<double>(predictions.measured.size()));
    figures.seconds.add(seconds.mean());
  }
}

void merge(Figures& into, const Figures& from) {
  for (const auto& [member, figures] : from.members) {
    auto& own = into.members[member];
    own.spearman.add(figures.spearman.mean());
    own.median_ape.add(figures.median_ape.mean());
    own.within_10.add(figures.within_10.mean());
  }
  into.covered.add(from.covered.mean());
  into.seconds.add(from.seconds.mean());
}

void run(const Options& options) {
  const auto file = hwprof::load_space(options.space);
  std::vector<Device> devices;
  for (const auto& entry : std::filesystem::directory_iterator(options.dir)) {
    if (entry.path().extension() != ".csv") continue;
    Device device;
    device.name = entry.path().stem().string();
    device.records = hwprof::load_records(entry.path().string());
    for (const auto& record : device.records) device.archs.push_back(hwprof::parse_arch(*file.space, record.arch));
    devices.push_back(std::move(device));
  }
  std::sort(devices.begin(), devices.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const hwprof::TransferBase alone(*file.space, {});
  for (auto& device : devices) device.derived = alone.fit(device.records).from().derived;

  std::printf("%-16s %3s %-7s", "device", "N", "samples");
  for (const auto& member : members) std::printf("  %-29s", member.empty() ? "combined" : member.c_str());
  std::printf("    cover  published\n%28s", "");
  for (std::size_t i = 0; i < members.size(); ++i) std::printf("  Spearman       median   ±10 %%");
  std::printf("\n");
  std::map<std::pair<std::size_t, std::string>, Figures> means;
  Spread preparing;
  const auto named = [](const std::vector<std::string>& names, const std::string& name) {
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
  };
  const std::size_t least = options.leave_one_out ? 3 : 2;
  for (const auto& device : devices) {
    if (!named(options.targets, device.name)) continue;
    std::vector<hwprof::TransferSource> sources;
    for (const auto& other : devices)
      if (other.name != device.name && named(options.sources, other.name))
        sources.push_back({other.name, other.records});
    const auto begin = std::chrono::steady_clock::now();
    const hwprof::TransferBase base(*file.space, sources);
    preparing.add(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    std::map<std::string, std::size_t> number;
    for (std::size_t i = 0; i < device.records.size(); ++i) number.emplace(hwprof::to_string(device.archs[i]), i);
    for (const std::size_t count : options.samples)
      for (const bool chosen : {false, true}) {
        Figures figures;
        for (int seed = 0; seed < options.seeds; ++seed) {
          std::vector<std::size_t> picked;
          if (chosen) {
            hwprof::ChooseOptions choose;
            choose.count = count;
            choose.seed = static_cast<std::uint64_t>(seed);
            choose.candidates = 1500;
            for (const auto& arch : base.choose(choose)) {
              const auto at = number.find(hwprof::to_string(arch));
              if (at != number.end()) picked.push_back(at->second);
            }
          } else {
            picked = draw(count, device.records.size(), 1000 * static_cast<std::uint64_t>(seed) + count);
          }
          if (picked.size() > least) try_once(base, device, picked, options.leave_one_out, figures);
        }
        for (const auto& row : published)
          if (!options.leave_one_out && count == 20 && options.space == row.space && device.name == row.device)
            figures.published = row.spearman;
        const char* const sampler = chosen ? "chosen" : "random";
        print(device.name + (device.derived ? "*" : ""), count, sampler, figures);
        if (!device.derived) merge(means[{count, sampler}], figures);
      }
  }
  std::printf("\nmean over the measured devices (± is the deviation between devices)\n");
  for (const auto& [key, figures] : means) print("mean", key.first, key.second.c_str(), figures);
  std::printf("\n* labels are exact sums over decisions (derived), left out of the means\n");
  if (options.leave_one_out) return;
  print_published(options.space);
  std::printf("preparing sources %.3f s (mean of %d), fit", preparing.mean(), preparing.n);
  for (const auto& [key, figures] : means)
    if (key.second == "random") std::printf(" %.3f s at %zu samples", figures.seconds.mean(), key.first);
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "accuracy: %s\n", error.what());
    return 1;
  }
}
