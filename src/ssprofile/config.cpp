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
void with(const Yaml& node, const std::string& key, const Read& read) {
  if (const auto value = node.find(key)) read(*value);
}

constexpr double most_momentum = 0.9999;

void check_type(const Yaml& cfg, const char* type) {
  if (const std::string found = cfg["type"].text(); found != type)
    cfg["type"].fail(std::string(type) + " is expected, found " + base::in_quotes(found));
}

/// ssprofile's own words for one schedule, "first_train_optimizer_cfg" and "first_train_scheduler_cfg". They are
/// arguments of torch's classes, whose defaults count for what they leave out.
void read_torch_words(const Yaml& node, const std::string& prefix, Schedule& schedule,
                      std::vector<std::string>& notes) {
  const auto alone = [&node](const Yaml& cfg, const std::vector<std::string>& keys) {
    for (const auto& key : keys)
      if (node.find(key)) cfg.fail(base::in_quotes(key) + " says the same; leave one out");
  };
  with(node, prefix + "_optimizer_cfg", [&](const Yaml& cfg) {
    cfg.only({"type", "lr", "momentum", "weight_decay"});
    alone(cfg, {prefix + "_lr", "momentum", "weight_decay"});
    check_type(cfg, "SGD");
    schedule.rate = positive(cfg["lr"], 100);
    schedule.momentum = schedule.weight_decay = 0;
    with(cfg, "momentum", [&](const Yaml& v) { schedule.momentum = from_zero(v, most_momentum); });
    with(cfg, "weight_decay", [&](const Yaml& v) { schedule.weight_decay = from_zero(v, 1); });
  });
  with(node, prefix + "_scheduler_cfg", [&](const Yaml& cfg) {
    cfg.only({"type", "T_max", "eta_min"});
    alone(cfg, {"eta_min"});
    check_type(cfg, "CosineAnnealingLR");
    schedule.last_rate = 0;
    with(cfg, "eta_min", [&](const Yaml& v) { schedule.last_rate = from_zero(v, 100); });
    with(cfg, "T_max", [&](const Yaml& v) {
      if (v.integer() != schedule.epochs)
        notes.push_back("ss_profiler_cfg." + prefix + "_scheduler_cfg.T_max is not read: the rate falls until " +
                        prefix + "_epochs (" + std::to_string(schedule.epochs) + ") are over");
    });
  });
}

void read_training(const Yaml& node, TrainSettings& train, std::vector<std::string>& notes) {
  constexpr int most_epochs = 100000;
  with(node, "first_train_epochs", [&](const Yaml& v) { train.first.epochs = v.integer(1, most_epochs); });
  with(node, "finetune_epochs", [&](const Yaml& v) { train.finetune.epochs = v.integer(1, most_epochs); });
  with(node, "first_train_lr", [&](const Yaml& v) { train.first.rate = positive(v, 100); });
  with(node, "finetune_lr", [&](const Yaml& v) { train.finetune.rate = positive(v, 100); });
  with(node, "eta_min", [&](const Yaml& v) { train.first.last_rate = train.finetune.last_rate = from_zero(v, 100); });
  with(node, "momentum",
       [&](const Yaml& v) { train.first.momentum = train.finetune.momentum = from_zero(v, most_momentum); });
  with(node, "weight_decay",
       [&](const Yaml& v) { train.first.weight_decay = train.finetune.weight_decay = from_zero(v, 1); });
  read_torch_words(node, "first_train", train.first, notes);
  read_torch_words(node, "finetune", train.finetune, notes);
  with(node, "batch_size", [&](const Yaml& v) { train.batch = v.integer(2, 1 << 16); });
  with(node, "images_per_epoch",
       [&](const Yaml& v) { train.images = static_cast<std::size_t>(v.integer(0, 1 << 30)); });
  with(node, "validation_images",
       [&](const Yaml& v) { train.validation = static_cast<std::size_t>(v.integer(1, 1 << 30)); });
  with(node, "shift", [&](const Yaml& v) { train.augmentation.shift = v.integer(0, 1024); });
  with(node, "flip", [&](const Yaml& v) { train.augmentation.flip = v.boolean(); });
}

void read_selection(const Yaml& node, SelectOptions& select, std::vector<std::string>& notes) {
  with(node, "select_rule", [&](const Yaml& v) {
    select.rule = v.text();
    const auto rules = list_select_rules();
    if (std::find(rules.begin(), rules.end(), select.rule) == rules.end())
      v.fail("unknown rule " + base::in_quotes(select.rule) + base::suggest(select.rule, rules));
  });
  with(node, "latency_cost_coeff", [&](const Yaml& v) { select.latency_cost_coeff = from_zero(v, 1e12); });
  with(node, "accuracy_threshold", [&](const Yaml& v) { select.accuracy_threshold = from_zero(v, 1); });
  with(node, "accuracy_cost_scale", [&](const Yaml& v) {
    select.accuracy_cost_scale = positive(v, 1e12);
    if (select.accuracy_cost_scale < least_accuracy_cost_scale)
      v.fail("a number from " + base::format_number(least_accuracy_cost_scale) + " is expected, found " +
             base::format_number(select.accuracy_cost_scale));
  });
  with(node, "select_ss_threshold",
       [&](const Yaml& v) { select.networks = static_cast<std::size_t>(v.integer(1, 1 << 20)); });
  with(node, "latency_unit_s", [&](const Yaml& v) { select.latency_unit_s = positive(v, 1e6); });
  with(node, "latency_limit_s", [&](const Yaml& v) { select.latency_limit_s = positive(v, 1e6); });
  const bool limited = std::isfinite(select.latency_limit_s), in_budget = select.rule == "budget";
  if (in_budget && !limited) node["select_rule"].fail("the rule budget needs latency_limit_s");
  if (limited && !in_budget) notes.emplace_back("ss_profiler_cfg.latency_limit_s is for select_rule budget alone");
}

}  // namespace

SsprofileConfig load_ssprofile_config(const std::string& file) {
  SsprofileConfig config;
  config.space = load_ssbn(file);
  (void)list_ssbn(config.space);
  const Yaml root = Yaml::load(file);
  if (const auto space = root["search_space_cfg"].find("cell_shared_primitives")) {
    config.notes.push_back(space->place() + " is filled in already, and will be chosen anew");
    config.space.own.clear();  // an earlier choice, which must not stand for what can be chosen
  }
  const auto node = root.find("ss_profiler_cfg");
  if (!node) return config;
  node->only({"first_train_epochs",
              "finetune_epochs",
              "first_train_lr",
              "finetune_lr",
              "first_train_optimizer_cfg",
              "first_train_scheduler_cfg",
              "finetune_optimizer_cfg",
              "finetune_scheduler_cfg",
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
  read_training(*node, config.train, config.notes);
  read_selection(*node, config.select, config.notes);
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
