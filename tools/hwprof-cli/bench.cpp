// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli.hpp"
#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "hwprof/snpe.hpp"
#include "models.hpp"
#include "output.hpp"
#include "terminal.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  std::string compiler, models, out;
  hwprof::MeasureOptions measure;
};

BenchNets nets_of(const Options& options) {
  using hwprof::Error;
  using hwprof::Fault;
  if (options.compiler != "snpe")
    throw Error(Fault::usage, "bench: snpe is expected, found '" + options.compiler + "'; other devices: measure");
  auto nets = compiled_nets(options.models);
  if (!nets.jobs.empty() && !options.out.empty())
    throw Error(Fault::usage, "--out belongs to a folder of ONNX files; a run folder keeps its results itself");
  if (!nets.jobs.empty()) return nets;
  if (options.out.empty()) throw Error(Fault::usage, "--out must be given for a folder of ONNX files");
  nets = copied_nets(options.models, options.out);
  if (options.measure.device_options.count("script") == 0) return nets;
  for (auto& job : nets.jobs) {
    const auto net = hwprof::read_onnx(job.dir + "/model.onnx");
    job.input = net.graph.ops.at(0).name;
    job.input_shape = net.input;
  }
  return nets;
}

void bench(const Cli& cli, Options& options) {
  const auto nets = nets_of(options);
  catch_signals();
  options.measure.stop = stop_requested;
  const auto summary = [&] {
    ProgressBar bar(!cli.quiet);
    options.measure.progress = [&bar](const hwprof::Progress& progress) { bar.show(progress); };
    return hwprof::bench_snpe(nets.jobs, options.measure);
  }();
  const std::string dir = options.out.empty() ? options.models : options.out;
  if (cli.json) {
    print_json({{"schema", "hwprof.bench/1"},
                {"dir", dir},
                {"networks", summary.jobs},
                {"done", summary.done},
                {"done_before", summary.before},
                {"failed", summary.failed},
                {"failures", summary.failures},
                {"missing", summary.missing},
                {"lost", summary.lost}});
  } else if (!cli.quiet) {
    print_row("benched", count(summary.done, "network") + ", " + std::to_string(summary.before) + " of them before; " +
                             std::to_string(summary.failed) + " failed");
    for (const auto& failure : summary.failures) print_row("failed", failure);
    for (const auto& missing : summary.missing) print_row("missing", missing);
    for (const auto& lost : summary.lost) print_row("lost", lost);
    print_row("next", "hwprof-cli table " + dir + " --out STEM");
  }
}

}  // namespace

void add_bench(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      add_verb(cli, "bench", "Run networks with the SNPE SDK on phones", [&cli, options] { bench(cli, *options); });
  verb->add_option("COMPILER", options->compiler, "snpe")->required();
  verb->add_option("DIR", options->models, "Folder of ONNX files, or a run or compiler folder")->required();
  verb->add_option("--out", options->out, "Folder for the results of ONNX files");
  add_device_options(verb, options->measure);
  verb->add_option("--seed", options->measure.seed, "Seed of the random inputs")->check(number_from_zero());
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
