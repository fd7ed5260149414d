// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli.hpp"
#include "hwprof/run.hpp"
#include "output.hpp"
#include "terminal.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  std::string dir;
  hwprof::MeasureOptions measure;
};

hwprof::MeasureSummary measure_one(const Cli& cli, const std::string& dir, hwprof::MeasureOptions options) {
  ProgressBar bar(!cli.quiet);
  options.progress = [&bar](const hwprof::Progress& progress) { bar.show(progress); };
  try {
    return hwprof::measure(dir, options);
  } catch (const hwprof::Error& error) {
    if (error.fault() != hwprof::Fault::interrupted) throw;
    throw hwprof::Error(error.fault(), std::string(error.what()) + "; the same command goes on");
  }
}

void measure(const Cli& cli, Options& options) {
  prepare_compilers(cli);
  catch_signals();
  options.measure.stop = stop_requested;
  auto dirs = hwprof::compiler_dirs(options.dir);
  if (dirs.empty()) dirs.push_back(options.dir);
  Json report{{"schema", "hwprof.measure/1"}, {"folders", Json::array()}};
  for (const auto& dir : dirs) {
    const auto summary = measure_one(cli, dir, options.measure);
    if (cli.json) {
      Json one{{"dir", dir}};
      one.update(to_json(summary));
      report["folders"].push_back(std::move(one));
    } else if (!cli.quiet) {
      print_row("folder", dir);
      print_measured(summary);
    }
  }
  if (cli.json)
    print_json(report);
  else if (!cli.quiet)
    print_row("next", "hwprof-cli net2primitive " + options.dir + " --result-file records.jsonl");
}

}  // namespace

void add_measure(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = add_verb(cli, "measure", "Measure compiled networks", [&cli, options] { measure(cli, *options); });
  verb->add_option("DIR", options->dir, "Compiler folder, or a run folder for all of them")->required();
  add_measure_options(verb, options->measure);
  add_training_options(verb, options->measure);
  verb->add_option("--seed", options->measure.seed, "Seed of the order of visits")->check(number_from_zero());
  add_plugin_option(verb, cli);
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
