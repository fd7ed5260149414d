// SPDX-License-Identifier: Apache-2.0
#include "step.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>

#include "hwprof/error.hpp"
#include "models.hpp"
#include "output.hpp"
#include "terminal.hpp"

namespace hwprof_cli {
namespace {

namespace fs = std::filesystem;
using hwprof::Error;
using hwprof::Fault;

struct Options {
  std::string dir;
  bool check_only = false;
  hwprof::MeasureOptions measure;
};

std::vector<hwprof::DpuJob> jobs_of(const std::string& dir) {
  std::vector<hwprof::DpuJob> jobs;
  for (const auto& folder : folders_of(dir, "dpu"))
    for (const auto& name : names_in(folder))
      if (fs::is_directory(fs::path(folder) / name)) {
        const auto artifact = hwprof::BaseHardwareCompiler::open((fs::path(folder) / name).string());
        jobs.push_back({artifact.net.id, artifact.dir});
      }
  if (jobs.empty())
    throw Error(Fault::missing, dir + ": holds no network for a DPU; hwprof-cli genprof SPACE -c dpu writes them");
  return jobs;
}

void run(const Cli& cli, hwprof::DpuStep step, Options& options, const std::string& next) {
  const auto jobs = jobs_of(options.dir);
  catch_signals();
  options.measure.stop = stop_requested;
  const auto summary = [&] {
    ProgressBar bar(!cli.quiet);
    options.measure.progress = [&bar](const hwprof::Progress& progress) { bar.show(progress); };
    return hwprof::run_dpu(step, jobs, options.measure);
  }();
  const std::string name = to_string(step);
  if (cli.json) {
    print_json({{"schema", "hwprof.dpu-step/1"},
                {"step", name},
                {"dir", options.dir},
                {"networks", summary.jobs},
                {"done", summary.done},
                {"done_before", summary.before},
                {"failed", summary.failed},
                {"waiting", summary.waiting},
                {"failures", summary.failures},
                {"notes", summary.notes}});
  } else if (!cli.quiet) {
    print_row(name, count(summary.done, "network") + " done, " + std::to_string(summary.before) + " of them before; " +
                        std::to_string(summary.failed) + " failed");
    if (summary.waiting > 0) print_row("waiting", count(summary.waiting, "network") + " for an earlier step");
    for (const auto& failure : summary.failures) print_row("failed", failure);
    for (const auto& note : summary.notes) print_row("note", note);
    print_row("next", "hwprof-cli " + next);
  }
}

}  // namespace

void add_step(Cli& cli, hwprof::DpuStep step, const std::string& description, const std::string& next) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = add_verb(cli, to_string(step), description, [&cli, step, options, next] {
    const bool check = options->check_only;
    run(cli, check ? hwprof::DpuStep::check : step, *options, (check ? to_string(step) : next) + " " + options->dir);
  });
  verb->add_option("DIR", options->dir, "Compiler folder of the device dpu, or a run folder")->required();
  if (step == hwprof::DpuStep::quantize)
    verb->add_flag("--check-only", options->check_only, "Have vai_q_caffe check the layers, and quantise nothing");
  add_device_options(verb, options->measure);
  verb->add_option("--seed", options->measure.seed, "Seed of made-up images")->check(number_from_zero());
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
