// SPDX-License-Identifier: Apache-2.0
#include "hwprof/fusion.hpp"

#include <filesystem>
#include <fstream>
#include <memory>

#include "cli.hpp"
#include "hwprof/error.hpp"
#include "hwprof/run.hpp"
#include "output.hpp"
#include "terminal.hpp"

namespace hwprof_cli {
namespace fs = std::filesystem;
namespace {

struct Options {
  std::string out, device = "cpu", records;
  hwprof::FusionOptions fusion;
  hwprof::MeasureOptions measure;
  bool compile_only = false, force = false;
};

/// Compiles the test networks into DIR/hardwares/0-DEVICE; what is there from an earlier call stays.
std::string compile(const Options& options) {
  const auto compiler = hwprof::make_compiler(options.device);
  const std::string dir = (fs::path(options.out) / "hardwares" / ("0-" + options.device)).string();
  for (const auto& net : hwprof::fusion_nets(options.fusion)) compiler->compile(net, (fs::path(dir) / net.id).string());
  return dir;
}

std::vector<hwprof::NetRecord> measure(const Cli& cli, Options& options, const std::string& dir) {
  ProgressBar bar(!cli.quiet);
  options.measure.progress = [&bar](const hwprof::Progress& progress) { bar.show(progress); };
  options.measure.stop = stop_requested;
  const auto summary = hwprof::measure(dir, options.measure);
  if (!cli.json && !cli.quiet) print_measured(summary);
  auto records = hwprof::parse(dir);
  hwprof::save_records((fs::path(options.out) / "records.jsonl").string(), records);
  return records;
}

void print(const hwprof::FusionReport& report, const std::string& file) {
  std::size_t fused = 0, unsure = 0;
  for (const auto& test : report.tests) {
    fused += test.fused ? 1 : 0;
    unsure += test.sure ? 0 : 1;
    print_row(test.fused  ? "fused"
              : test.sure ? "apart"
                          : "unsure",
              test.first + " + " + test.second + ": " + seconds_text(test.first_s) + " and " +
                  seconds_text(test.second_s) + ", together " + seconds_text(test.pair_s) + "; saved " +
                  percent_text(test.saved) + " ± " + percent_text(test.spread) + " of the smaller");
  }
  print_row("pairs", std::to_string(fused) + " of " + std::to_string(report.tests.size()) + " fused, " +
                         std::to_string(unsure) + " unsure and taken as apart");
  for (const auto& note : report.notes) print_row("note", note);
  print_row("written to", file);
}

void fusion(const Cli& cli, Options& options) {
  using hwprof::Error;
  using hwprof::Fault;
  if (options.compile_only && !options.records.empty())
    throw Error(Fault::usage, "--compile-only and --records exclude each other");
  prepare_compilers(cli);
  catch_signals();
  const std::string file = (fs::path(options.out) / "fusion.json").string();
  std::vector<hwprof::NetRecord> records;
  if (options.records.empty()) {
    check_device(options.device);
    if (!options.compile_only) check_new_file(file, options.force);
    const std::string dir = compile(options);
    if (options.compile_only) {
      if (cli.json)
        print_json({{"schema", "hwprof.fusion-tests/1"}, {"dir", dir}});
      else if (!cli.quiet)
        print_row("compiled", dir);
      return;
    }
    records = measure(cli, options, dir);
  } else {
    check_new_file(file, options.force);
    records = hwprof::load_records(options.records);
  }
  const auto report = hwprof::find_fusion(records, options.fusion.alpha);
  hwprof::save_fusion(file, report);
  if (cli.json) {
    Json written;
    std::ifstream(file) >> written;
    print_json(
        {{"schema", "hwprof.fusion-report/1"}, {"out", file}, {"tests", written["tests"]}, {"notes", report.notes}});
  } else if (!cli.quiet) {
    print(report, file);
  }
}

}  // namespace

void add_fusion(Cli& cli) {
  auto options = std::make_shared<Options>();
  options->measure.budget_s = 60;
  CLI::App* verb =
      add_verb(cli, "fusion", "Find out which operations a device fuses", [&cli, options] { fusion(cli, *options); });
  verb->add_option("--out", options->out, "Folder of the tests and of fusion.json")->required();
  verb->add_option("--device", options->device, "Device");
  verb->add_option("--records", options->records, "Decide from records that are there");
  verb->add_flag("--compile-only", options->compile_only, "Write the test networks and stop");
  verb->add_option("--size", options->fusion.size, "Height and width of the maps");
  verb->add_option("--channels", options->fusion.channels, "Channels of the maps");
  verb->add_option("--alpha", options->fusion.alpha, "Share of the smaller operation that a fused pair saves");
  add_measure_options(verb, options->measure);
  verb->add_option("--seed", options->measure.seed, "Seed of the order of visits")->check(number_from_zero());
  add_plugin_option(verb, cli);
  verb->add_flag("--force", options->force, "Replace fusion.json");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
