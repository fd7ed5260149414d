// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli.hpp"
#include "hwprof/run.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

void genprof(const Cli& cli, const hwprof::GenerateOptions& options) {
  prepare_compilers(cli);
  for (const auto& name : options.compilers) check_device(name);
  const auto summary = hwprof::generate(options);
  if (cli.json) {
    Json report{{"schema", "hwprof.genprof/1"}, {"out", options.dir}};
    report.update(to_json(summary));
    print_json(report);
  } else if (!cli.quiet) {
    print_generated(summary);
    for (const auto& note : summary.notes) print_row("note", note);
    print_row("written to", options.dir);
    for (const auto& dir : summary.compiler_dirs) print_row("next", "hwprof-cli measure " + dir);
  }
}

}  // namespace

void add_genprof(Cli& cli) {
  auto options = std::make_shared<hwprof::GenerateOptions>();
  CLI::App* verb = add_verb(cli, "genprof", "Write and compile the profiling networks of a search space",
                            [&cli, options] { genprof(cli, *options); });
  verb->add_option("CFG", options->space_file, "Search space: a YAML file or a built-in name")->required();
  verb->add_option("HWCFG", options->hardware_file, "aw_nas' second file");
  verb->add_option("--result-dir", options->dir, "Run folder")->required();
  add_repeatable(verb, "-c,--compile-hardware", options->compilers, "Compile for this device too");
  verb->add_option("-n,--num-sample", options->num_sample, "Sampled architectures instead of packed networks");
  verb->add_flag("--isolated", options->isolated, "A network for each primitive alone");
  verb->add_option("--calibration", options->calibration_nets, "Sampled architectures to fit on");
  verb->add_option("--validation", options->validation_nets, "Sampled architectures kept out of the fit");
  verb->add_option("--image-size", options->image_size, "Height and width of the input")->check(positive_number());
  verb->add_option("--max-layers", options->max_layers, "Primitives in a packed network")->check(positive_number());
  verb->add_option("--seed", options->seed, "Seed of everything that is drawn")->check(number_from_zero());
  add_plugin_option(verb, cli);
  verb->add_flag("--force", options->force, "Replace an earlier run");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
