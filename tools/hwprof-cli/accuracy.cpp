// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli.hpp"
#include "hwprof/version.hpp"
#include "output.hpp"
#include "ssprofile_job.hpp"

namespace hwprof_cli {
namespace {

Json to_json(const hwprof::AccuracyRow& row) {
  Json json{{"id", row.id}, {"params", row.params}, {"macs", row.macs}, {"reused", row.reused}};
  if (!row.failure.empty()) {
    json["failure"] = row.failure;
    return json;
  }
  json["right"] = row.right;
  json["images"] = row.images;
  if (row.test_images > 0) {
    json["test_right"] = row.test_right;
    json["test_images"] = row.test_images;
  }
  return json;
}

/// With the options that both calls must share.
std::string next_call(const SsprofileCall& call) {
  std::string out = "hwprof-cli ssprofile " + call.job.config + " --profile-dir " + call.job.dir;
  if (!call.job.data.empty()) out += " --data " + call.job.data;
  if (call.gpu >= 0) out += " --gpu " + std::to_string(call.gpu);
  if (call.job.seed != 0) out += " --seed " + std::to_string(call.job.seed);
  if (call.job.dry_accuracy) out += " --dry-run-accuracy";
  return out + " --resume";
}

void accuracy(const Cli& cli, SsprofileCall& call) {
  settle_dry_run(call);
  const auto summary = run_ssprofile(cli, call);
  if (cli.json) {
    Json networks = Json::array();
    for (const auto& row : summary.accuracies) networks.push_back(to_json(row));
    return print_json({{"schema", "hwprof.accuracies/1"},
                       {"version", hwprof::version},
                       {"dry_run", summary.dry_run},
                       {"networks", networks},
                       {"notes", summary.notes},
                       {"files", summary.files},
                       {"seconds", summary.seconds}});
  }
  if (cli.quiet) return;
  print_accuracies(summary);
  for (const auto& note : summary.notes) print_row("note", note);
  print_row("took", seconds_text(summary.seconds));
  print_row("next", next_call(call));
}

}  // namespace

void add_accuracy(Cli& cli) {
  auto call = std::make_shared<SsprofileCall>();
  call->job.only_accuracy = true;
  CLI::App* verb =
      add_verb(cli, "accuracy", "Train the base networks of a search space", [&cli, call] { accuracy(cli, *call); });
  add_ssprofile_options(verb, *call);
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
