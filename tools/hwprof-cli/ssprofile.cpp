// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "cli.hpp"
#include "hwprof/version.hpp"
#include "output.hpp"
#include "ssprofile_job.hpp"

namespace hwprof_cli {
namespace {

/// The ranking: a line a network, an asterisk where its blocks stay.
std::string table_text(const hwprof::SsprofileSummary& summary, const std::string& objective) {
  std::size_t width = 0;
  for (const auto& result : summary.results) width = std::max(width, result.net.id.size());
  std::string text;
  for (const auto& ranked : summary.selection.ranking) {
    const auto& result = summary.results[ranked.index];
    std::string id = result.net.id;
    id.resize(width, ' ');
    char numbers[96];
    if (objective == "accuracy")
      std::snprintf(numbers, sizeof numbers, "%6.2f %% ± %.2f %%", 100 * result.accuracy.value,
                    100 * result.accuracy.spread);
    else
      std::snprintf(numbers, sizeof numbers, "%6.3f", result.accuracy.value);
    char cost[32];
    std::snprintf(cost, sizeof cost, "%.4g", ranked.cost);
    text += (text.empty() ? "" : "\n") + std::string(ranked.chosen ? "* " : "  ") + id + "  " + numbers + "  " +
            seconds_text(result.latency.value) + "  cost " + cost;
  }
  return text;
}

std::string blocks_text(const hwprof::Selection& selection) {
  std::string text;
  for (std::size_t group = 0; group < selection.cell_shared_primitives.size(); ++group) {
    std::string names;
    for (const auto& name : selection.cell_shared_primitives[group]) names += (names.empty() ? "" : ", ") + name;
    text += (text.empty() ? "" : "\n") + std::to_string(group) + ": " + names;
  }
  return text;
}

void print_report(const SsprofileCall& call, const hwprof::SsprofileSummary& summary) {
  if (call.job.objective == "accuracy")
    print_accuracies(summary);
  else
    for (const auto& what : summary.dry_run)
      if (what == "latency") print_row("dry run", "latencies are random numbers");
  print_row("networks", table_text(summary, call.job.objective));
  print_row("chosen", "rule " + summary.selection.rule +
                          (summary.selection.family.empty() ? "" : ", family " + summary.selection.family) + "\n" +
                          blocks_text(summary.selection));
  if (const auto& ratio = summary.isolated_over_in_context; ratio.n > 0) {
    char text[128];
    std::snprintf(text, sizeof text, "%.2f of the time in context (median of %zu blocks; %.2f to %.2f)", ratio.median,
                  ratio.n, ratio.least, ratio.most);
    print_row("alone", text);
  }
  for (const auto& one : summary.conflicts)
    print_row("suspicious", "layer " + std::to_string(one.layer) + ": " + one.larger + " (" +
                                seconds_text(one.larger_s) + ") contains " + one.smaller + " (" +
                                seconds_text(one.smaller_s) + "); look at " + one.suspect);
  for (const auto& note : summary.notes) print_row("note", note);
  print_row("took", seconds_text(summary.seconds));
  print_row("files", (std::filesystem::path(call.job.dir) / "output.yaml").string() + "  the configuration again\n" +
                         (std::filesystem::path(call.job.dir) / "ssprofile.svg").string() + "  picture");
}

void ssprofile(const Cli& cli, SsprofileCall& call) {
  prepare_compilers(cli);
  settle_dry_run(call);
  if (!call.job.dry_latency) check_device(call.job.device);
  const auto summary = run_ssprofile(cli, call);
  if (cli.json) {
    print_json({{"schema", "hwprof.ssprofile_report/1"},
                {"version", hwprof::version},
                {"dry_run", summary.dry_run},
                {"family", summary.selection.family},
                {"cell_shared_primitives", summary.selection.cell_shared_primitives},
                {"networks", summary.results.size()},
                {"conflicts", summary.conflicts.size()},
                {"notes", summary.notes},
                {"files", summary.files},
                {"seconds", summary.seconds}});
  } else if (!cli.quiet) {
    print_report(call, summary);
  }
}

}  // namespace

void add_ssprofile(Cli& cli) {
  auto call = std::make_shared<SsprofileCall>();
  auto& job = call->job;
  job.measure.budget_s = 0;  // the configuration's, unless given
  CLI::App* verb = add_verb(cli, "ssprofile", "Choose the blocks of a search space by accuracy and latency",
                            [&cli, call] { ssprofile(cli, *call); });
  add_ssprofile_options(verb, *call);
  verb->add_option("--device", job.device, "Device that measures, e.g. cpu or cuda:0");
  add_measure_options(verb, job.measure);
  verb->add_option("--objective", job.objective, "accuracy, or the rank of macs, params, naswot or grad_norm");
  verb->add_flag("--dry-run", call->dry_run, "Random accuracies and latencies");
  verb->add_flag("--dry-run-latency", job.dry_latency, "Random latencies, to try the rest");
  add_plugin_option(verb, cli);
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
