// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>

#include "hwprof/ssprofile.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

/// A configuration with these lines in ss_profiler_cfg.
std::string config(const std::string& lines) {
  return "search_space_cfg: {num_cell_groups: 1, cell_layout: [0], shared_primitives: [Resblock_0, Resblock_1]}\n"
         "weights_manager_cfg: {cell_group_kwargs: [{C_in: 3, C_out: 8}]}\n"
         "ss_profiler_cfg:\n  select_ss_threshold: 1\n" +
         lines;
}

}  // namespace

TEST_CASE("ssprofile's own words for its two schedules") {
  const TempFolder folder;
  const auto load = [&folder](const std::string& lines) {
    return load_ssprofile_config(folder.write("config.yaml", config(lines)));
  };
  const std::string all =
      "  first_train_epochs: 20\n"
      "  first_train_optimizer_cfg: {lr: 0.2, momentum: 0.8, type: SGD, weight_decay: 0.0003}\n"
      "  first_train_scheduler_cfg: {T_max: 20, eta_min: 0.002, type: CosineAnnealingLR}\n"
      "  finetune_epochs: 4\n  finetune_optimizer_cfg: {type: SGD, lr: 0.07, momentum: 0.5, weight_decay: 1.e-5}\n"
      "  finetune_scheduler_cfg: {type: CosineAnnealingLR, T_max: 5, eta_min: 0.003}\n"
      "  profile_dir: tmp\n  arch_file: a.json\n  dpu_url: \"http://board/\"\n";
  const auto read = load(all);
  CHECK(read.train.first.epochs == 20);
  CHECK(read.train.first.rate == 0.2);
  CHECK(read.train.first.last_rate == 0.002);
  CHECK(read.train.first.momentum == 0.8);
  CHECK(read.train.first.weight_decay == 0.0003);
  CHECK(read.train.finetune.epochs == 4);
  CHECK(read.train.finetune.rate == 0.07);
  CHECK(read.train.finetune.last_rate == 0.003);
  CHECK(read.train.finetune.momentum == 0.5);
  CHECK(read.train.finetune.weight_decay == 1e-5);
  // The schedule ends where the run ends: T_max is read over, which is said where it is another number.
  REQUIRE(read.notes.size() == 2);
  CHECK(has(read.notes[0], "finetune_scheduler_cfg.T_max is not read: the rate falls until finetune_epochs (4)"));
  CHECK(has(read.notes[1], "profile_dir"));

  // torch's defaults where they leave something out, hwprof's where they are not there.
  const auto brief = load(
      "  first_train_optimizer_cfg: {type: SGD, lr: 0.2}\n"
      "  first_train_scheduler_cfg: {type: CosineAnnealingLR, T_max: 1}\n");
  CHECK(brief.train.first.momentum == 0);
  CHECK(brief.train.first.weight_decay == 0);
  CHECK(brief.train.first.last_rate == 0);
  CHECK(brief.train.finetune.rate == 0.05);
  CHECK(brief.train.finetune.momentum == 0.9);
  CHECK(brief.notes.empty());
  CHECK(load("  momentum: 0.7\n  weight_decay: 0.01\n").train.finetune.momentum == 0.7);

  const auto refused = [&](const std::string& lines) { return error_of(Fault::input, [&] { (void)load(lines); }); };
  CHECK(has(refused("  finetune_optimizer_cfg: {type: Adam, lr: 0.1}\n"), "SGD is expected, found 'Adam'"));
  CHECK(has(refused("  finetune_optimizer_cfg: {type: SGD, lr: 0.1, nesterov: true}\n"), "nesterov"));
  CHECK(has(refused("  finetune_optimizer_cfg: {type: SGD}\n"), "lr"));
  CHECK(has(refused("  finetune_scheduler_cfg: {type: StepLR, T_max: 3}\n"), "CosineAnnealingLR is expected"));
  CHECK(has(refused("  finetune_lr: 0.1\n  finetune_optimizer_cfg: {type: SGD, lr: 0.1}\n"),
            "'finetune_lr' says the same"));
  CHECK(has(refused("  eta_min: 0.1\n  finetune_scheduler_cfg: {type: CosineAnnealingLR, T_max: 3}\n"), "eta_min"));
}

TEST_CASE("what the rule cannot do is said by the configuration, not by the end of the run") {
  const TempFolder folder;
  const auto refused = [&folder](const std::string& lines) {
    return error_of(Fault::input, [&] { (void)load_ssprofile_config(folder.write("config.yaml", config(lines))); });
  };
  CHECK(has(refused("  select_rule: budget\n"), "config.yaml:5: ss_profiler_cfg.select_rule: the rule budget needs"));
  CHECK(has(refused("  accuracy_threshold: 92\n"), "accuracy_threshold"));
  CHECK(has(refused("  accuracy_cost_scale: 0.0001\n"), "a number from 0.002"));
  const auto other = load_ssprofile_config(folder.write("config.yaml", config("  latency_limit_s: 0.001\n")));
  CHECK(has(other.notes.at(0), "latency_limit_s is for select_rule budget alone"));
}
