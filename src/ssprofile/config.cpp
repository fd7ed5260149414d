// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "hwprof/error.hpp"
#include "hwprof/ssprofile.hpp"

namespace hwprof {
namespace {

using base::Yaml;

double positive(const Yaml& node, double most) {
  const double value = node.number();
  if (!(value > 0) || value > most)
    node.fail("a number above 0 and up to " + base::format_number(most) + " is expected, found " +
              base::format_number(value));
  return value;
}

double from_zero(const Yaml& node, double most) {
  const double value = node.number();
  if (!(value >= 0) || value > most)
    node.fail("a number within 0 to " + base::format_number(most) + " is expected, found " +
              base::format_number(value));
  return value;
}

/// Calls read with the value of a key that is there.
template <typename Read>
void with(const Yaml& node, const char* key, const Read& read) {
  if (const auto value = node.find(key)) read(*value);
}

void read_training(const Yaml& node, TrainSettings& train) {
  constexpr int most_epochs = 100000;
  with(node, "first_train_epochs", [&](const Yaml& v) { train.first.epochs = v.integer(1, most_epochs); });
  with(node, "finetune_epochs", [&](const Yaml& v) { train.finetune.epochs = v.integer(1, most_epochs); });
  with(node, "first_train_lr", [&](const Yaml& v) { train.first.rate = positive(v, 100); });
  with(node, "finetune_lr", [&](const Yaml& v) { train.finetune.rate = positive(v, 100); });
  with(node, "eta_min", [&](const Yaml& v) { train.first.last_rate = train.finetune.last_rate = from_zero(v, 100); });
  with(node, "momentum", [&](const Yaml& v) { train.momentum = from_zero(v, 0.9999); });
  with(node, "weight_decay", [&](const Yaml& v) { train.weight_decay = from_zero(v, 1); });
  with(node, "batch_size", [&](const Yaml& v) { train.batch = v.integer(2, 1 << 16); });
  with(node, "images_per_epoch",
       [&](const Yaml& v) { train.images = static_cast<std::size_t>(v.integer(0, 1 << 30)); });
  with(node, "validation_images",
       [&](const Yaml& v) { train.validation = static_cast<std::size_t>(v.integer(1, 1 << 30)); });
  with(node, "shift", [&](const Yaml& v) { train.augmentation.shift = v.integer(0, 1024); });
  with(node, "flip", [&](const Yaml& v) { train.augmentation.flip = v.boolean(); });
}

void read_selection(const Yaml& node, SelectOptions& select) {
  with(node, "select_rule", [&](const Yaml& v) {
    select.rule = v.text();
    const auto rules = list_select_rules();
    if (std::find(rules.begin(), rules.end(), select.rule) == rules.end())
      v.fail("unknown rule " + base::in_quotes(select.rule) + base::suggest(select.rule, rules));
  });
  with(node, "latency_cost_coeff", [&](const Yaml& v) { select.latency_cost_coeff = from_zero(v, 1e12); });
  with(node, "accuracy_threshold", [&](const Yaml& v) { select.accuracy_threshold = v.number(); });
  with(node, "accuracy_cost_scale", [&](const Yaml& v) { select.accuracy_cost_scale = positive(v, 1e12); });
  with(node, "select_ss_threshold",
       [&](const Yaml& v) { select.networks = static_cast<std::size_t>(v.integer(1, 1 << 20)); });
  with(node, "latency_unit_s", [&](const Yaml& v) { select.latency_unit_s = positive(v, 1e6); });
  with(node, "latency_limit_s", [&](const Yaml& v) { select.latency_limit_s = positive(v, 1e6); });
}

}  // namespace

SsprofileConfig load_ssprofile_config(const std::string& file) {
  SsprofileConfig config;
  config.space = load_ssbn(file);
  (void)list_ssbn(config.space);
  const Yaml root = Yaml::load(file);
  if (const auto space = root["search_space_cfg"].find("cell_shared_primitives"))
    config.notes.push_back(space->place() + " is filled in already, and will be chosen anew");
  const auto node = root.find("ss_profiler_cfg");
  if (!node) return config;
  node->only({"first_train_epochs",
              "finetune_epochs",
              "first_train_lr",
              "finetune_lr",
              "eta_min",
              "momentum",
              "weight_decay",
              "batch_size",
              "images_per_epoch",
              "validation_images",
              "shift",
              "flip",
              "data",
              "select_rule",
              "latency_cost_coeff",
              "accuracy_threshold",
              "accuracy_cost_scale",
              "select_ss_threshold",
              "latency_unit_s",
              "latency_limit_s",
              "measure_budget_s",
              "isolated_table",
              "calib_data",
              "arch_file",
              "dpu_url",
              "profile_dir"});
  read_training(*node, config.train);
  read_selection(*node, config.select);
  with(*node, "data", [&](const Yaml& v) { config.data = v.text(); });
  with(*node, "measure_budget_s", [&](const Yaml& v) { config.budget_s = positive(v, 1e7); });
  with(*node, "isolated_table", [&](const Yaml& v) { config.isolated = v.boolean(); });
  with(*node, "arch_file", [&](const Yaml& v) { config.dpu_options["arch"] = v.text(); });
  with(*node, "dpu_url", [&](const Yaml& v) { config.dpu_options["server"] = v.text(); });
  with(*node, "calib_data", [&](const Yaml& v) {
    v.only({"source", "root_folder"});
    config.dpu_options["images"] = v["root_folder"].text();
    if (v.find("source"))
      config.notes.emplace_back("ss_profiler_cfg.calib_data.source is not read: images are picked from root_folder");
  });
  if (node->find("profile_dir"))
    config.notes.emplace_back("ss_profiler_cfg.profile_dir is not read; --profile-dir names the folder");
  return config;
}

}  // namespace hwprof
