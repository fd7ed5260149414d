// SPDX-License-Identifier: Apache-2.0
// perf4sight's config.ini as a plan.
#include <algorithm>
#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/perf4sight.hpp"
#include "run/jobs.hpp"

namespace hwprof {
namespace fs = std::filesystem;
namespace {

/// mobilenetv2, MobileNet_V2 and mobilenet-v2 are one name.
std::string plain(const std::string& name) {
  std::string out;
  for (const char c : base::lower_case(name))
    if (c != '_' && c != '-') out += c;
  return out;
}

/// The network file of that name in one of the folders.
std::string find_network(const std::string& file, const std::string& name, const std::vector<fs::path>& folders) {
  std::vector<std::string> seen;
  for (const auto& folder : folders) {
    if (!base::is_folder(folder.string())) continue;
    for (const auto& entry : base::list_folder(folder.string())) {
      const fs::path path = folder / entry;
      if (path.extension() != ".yaml" && path.extension() != ".onnx") continue;
      if (plain(path.stem().string()) == plain(name)) return path.string();
      seen.push_back(path.stem().string());
    }
  }
  std::vector<std::string> texts;
  for (const auto& folder : folders) texts.push_back(folder.string());
  throw Error(Fault::input, file + ": network " + base::in_quotes(name) + ": no file " + name + ".yaml or " + name +
                                ".onnx in " + base::join(texts, ", ") + base::suggest(name, seen));
}

}  // namespace

JobPlan run::plan_of_config(const std::string& file) {
  const auto config = load_perf4sight_config(file);
  if (!config.dataset && !config.profile)
    throw Error(Fault::input, file + ": has neither a section create_network_dataset nor profile");
  JobPlan plan;
  plan.notes = config.notes;
  std::vector<std::string> networks;
  fs::path folder = fs::path(file).parent_path();
  if (folder.empty()) folder = ".";
  std::vector<fs::path> folders;
  if (config.dataset) {
    networks = config.dataset->networks;
    if (!config.dataset->levels.empty()) plan.levels = config.dataset->levels;
    plan.repeats = config.dataset->repeats;
    if (!config.dataset->modes.empty()) plan.strategies = config.dataset->modes;
    for (auto& strategy : plan.strategies) std::replace(strategy.begin(), strategy.end(), '-', '_');
    if (!config.dataset->model_desc_dir.empty()) folders.push_back(folder / config.dataset->model_desc_dir);
  }
  folders.push_back(folder);
  if (config.profile) {
    const auto& profile = *config.profile;
    if (networks.empty()) networks = profile.networks;
    if (!profile.networks.empty())  // of those that are made, the ones that are measured
      networks.erase(std::remove_if(networks.begin(), networks.end(),
                                    [&](const std::string& name) {
                                      return std::none_of(
                                          profile.networks.begin(), profile.networks.end(),
                                          [&](const auto& other) { return plain(other) == plain(name); });
                                    }),
                     networks.end());
    if (!profile.batches.empty()) plan.batches = profile.batches;
    if (!profile.stages.empty()) plan.modes.clear();
    for (const auto& stage : profile.stages) plan.modes.emplace_back(stage == "training" ? "train" : stage);
    if (profile.datasets.size() > 1)
      throw Error(Fault::unsupported, file + ": dataset: a run has images of one size; give one of them at a time");
    constexpr int imagenet = 224, cifar = 32;
    for (const auto& dataset : profile.datasets) plan.image_size = dataset == "cifar" ? cifar : imagenet;
    plan.till_first_fail = profile.till_first_fail;
  }
  for (const auto& name : networks) plan.networks.push_back(find_network(file, name, folders));
  return plan;
}

}  // namespace hwprof
