// SPDX-License-Identifier: Apache-2.0
#include "hwprof/jobs.hpp"

#include <memory>

#include "cli.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  std::string file;
  hwprof::JobPlan given;  ///< what stands on the command line; empty lists and zeros: nothing
  hwprof::GenerateOptions generate;
  bool has_seed = false, has_calibration = false;
};

template <typename T>
void take(T& into, const T& given, const T& nothing) {
  if (given != nothing) into = given;
}

hwprof::JobPlan plan_of(const Options& options) {
  const auto& given = options.given;
  hwprof::JobPlan plan;
  if (!options.file.empty()) plan = hwprof::load_job_plan(options.file);
  take(plan.networks, given.networks, {});
  take(plan.levels, given.levels, {});
  take(plan.strategies, given.strategies, {});
  take(plan.modes, given.modes, {});
  take(plan.batches, given.batches, {});
  take(plan.repeats, given.repeats, 0);
  if (options.has_calibration) plan.calibration = given.calibration;
  take(plan.image_size, given.image_size, 0);
  plan.per_layer = plan.per_layer || given.per_layer;
  if (options.has_seed) plan.seed = given.seed;
  return plan;
}

void jobs(const Cli& cli, const Options& options) {
  prepare_compilers(cli);
  for (const auto& name : options.generate.compilers) check_device(name);
  const auto summary = hwprof::generate_jobs(plan_of(options), options.generate);
  if (cli.json) {
    print_json({{"schema", "hwprof.jobs/1"},
                {"out", options.generate.dir},
                {"jobs", summary.nets},
                {"compiler_dirs", summary.compiler_dirs},
                {"notes", summary.notes}});
  } else if (!cli.quiet) {
    print_row("jobs", count(summary.nets, "network to be measured", "networks to be measured"));
    for (const auto& note : summary.notes) print_row("note", note);
    print_row("written to", options.generate.dir);
    print_row("next", "hwprof-cli measure " + options.generate.dir);
  }
}

}  // namespace

void add_jobs(Cli& cli) {
  auto options = std::make_shared<Options>();
  auto& plan = options->given;
  plan = hwprof::JobPlan{{}, {}, {}, 0, false, {}, {}, 0, 0, 0, false, {}};
  CLI::App* verb = add_verb(cli, "jobs", "Write networks times pruning levels times batches as a run to be measured",
                            [&cli, options] { jobs(cli, *options); });
  verb->add_option("PLAN", options->file, "Plan in YAML, or perf4sight's config.ini");
  verb->add_option("--result-dir", options->generate.dir, "Run folder")->required();
  add_repeatable(verb, "-c,--compile-hardware", options->generate.compilers, "Compile for this device");
  add_repeatable(verb, "--network", plan.networks, "A network file");
  verb->add_option("--level", plan.levels, "Shares of the filters that go")->delimiter(',');
  verb->add_option("--strategy", plan.strategies, "random, l1_norm")->delimiter(',');
  verb->add_option("--repeats", plan.repeats, "Random prunings of each level")->check(positive_number());
  verb->add_flag("--per-layer", plan.per_layer, "Every layer loses its share");
  verb->add_option("--mode", plan.modes, "inference, train")->delimiter(',');
  verb->add_option("--batch", plan.batches, "Batch sizes")->delimiter(',');
  verb->add_option("--image-size", plan.image_size, "Height and width of the input")->check(positive_number());
  verb->add_option_function<std::uint64_t>(
      "--seed",
      [options](const std::uint64_t& seed) {
        options->given.seed = seed;
        options->has_seed = true;
      },
      "Seed of random pruning and of drawn networks");
  verb->add_option_function<int>(
          "--calibration",
          [options](const int& networks) {
            options->given.calibration = networks;
            options->has_calibration = true;
          },
          "So many drawn networks more")
      ->check(number_from_zero());
  add_plugin_option(verb, cli);
  verb->add_flag("--force", options->generate.force, "Replace an earlier run");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
