// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>
#include <memory>

#include "cli.hpp"
#include "hwprof/caffe.hpp"
#include "hwprof/dpu.hpp"
#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "hwprof/space.hpp"
#include "output.hpp"
#include "reported.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  std::string input, hardware, target;
  int image_size = 0;
  double clock_mhz = 0;
};

Json to_json(const hwprof::DpuViolation& violation) {
  return {{"layer", violation.layer},
          {"rule", violation.rule},
          {"value", violation.value},
          {"limit", violation.limit},
          {"runs_on_cpu", violation.runs_on_cpu},
          {"text", violation.text}};
}

/// What was looked at: a name, and what breaks rules in it.
struct Looked {
  std::string name;
  std::vector<hwprof::DpuViolation> violations;
};

Json to_json(const std::vector<hwprof::DpuViolation>& violations) {
  Json rows = Json::array();
  for (const auto& violation : violations) rows.push_back(to_json(violation));
  return rows;
}

void print(const Looked& looked) {
  std::cout << looked.name << '\n';
  for (const auto& violation : looked.violations) std::cout << "  " << violation.rule << ": " << violation.text << '\n';
}

/// The rest of the report; what breaks rules is named already.
void finish(const Cli& cli, const Options& options, const hwprof::DpuTarget& target, Json report,
            const std::string& key, const std::string& sentence) {
  const double peak = target.peak_ops(options.clock_mhz * 1e6);
  if (cli.json) {
    if (peak > 0) report["peak_ops_per_s"] = peak;
    print_json(report);
  } else if (!cli.quiet) {
    print_row("target", target.name + (peak > 0 ? ", peak " + std::to_string(peak * 1e-9) + " GOPS" : ""));
    print_row(key, sentence);
  }
}

void check_network(const Cli& cli, const Options& options, const hwprof::DpuTarget& target,
                   const hwprof::OnnxNet& net) {
  const Looked looked{options.input, hwprof::check_dpu(net.graph, net.input, target)};
  if (!cli.json && !cli.quiet && !looked.violations.empty()) print(looked);
  finish(cli, options, target,
         {{"schema", "hwprof.check/1"},
          {"target", target.name},
          {"ops", net.graph.ops.size()},
          {"violations", to_json(looked.violations)}},
         "ops", std::to_string(net.graph.ops.size()) + ", which break " + count(looked.violations.size(), "rule"));
  if (looked.violations.empty()) return;
  flush_output();
  throw Reported{hwprof::Fault::unsupported, options.input + " cannot run on " + target.name + " as a whole"};
}

void check_space(const Cli& cli, const Options& options, const hwprof::DpuTarget& target) {
  const auto file = hwprof::load_space(options.input, options.hardware, options.image_size);
  Json rows = Json::array();
  std::size_t prims = 0;
  std::size_t violations = 0;
  for (const auto& prim : file.space->generate_profiling_primitives()) {
    const Looked looked{
        hwprof::to_string(prim),
        hwprof::check_dpu(hwprof::lower(prim), {1, prim.C, prim.spatial_size, prim.spatial_size}, target)};
    ++prims;
    if (looked.violations.empty()) continue;
    violations += looked.violations.size();
    if (!cli.json && !cli.quiet) print(looked);
    rows.push_back({{"prim", looked.name}, {"violations", to_json(looked.violations)}});
  }
  finish(cli, options, target,
         {{"schema", "hwprof.check/1"}, {"target", target.name}, {"prims", prims}, {"refused", rows}}, "primitives",
         std::to_string(prims) + ", of which " + std::to_string(rows.size()) + " break " + count(violations, "rule"));
  if (rows.empty()) return;
  flush_output();
  throw Reported{hwprof::Fault::unsupported,
                 count(rows.size(), "primitive") + " of " + options.input + " cannot run on " + target.name};
}

void check(const Cli& cli, const Options& options) {
  const auto target = hwprof::find_dpu_target(options.target);
  const std::string ending = std::filesystem::path(options.input).extension().string();
  if (ending != ".prototxt" && ending != ".onnx") return check_space(cli, options, target);
  if (!options.hardware.empty() || options.image_size > 0)
    throw hwprof::Error(hwprof::Fault::usage, "--hardware and --image-size belong to a space");
  check_network(cli, options, target,
                ending == ".onnx" ? hwprof::read_onnx(options.input) : hwprof::read_caffe(options.input));
}

}  // namespace

void add_check(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = add_verb(cli, "check", "Check a search space or a network against a device's rules",
                            [&cli, options] { check(cli, *options); });
  verb->add_option("INPUT", options->input, "Search space, or a network as Caffe's prototxt or ONNX")->required();
  verb->add_option("--target", options->target, "DPU configuration")->required();
  verb->add_option("--clock", options->clock_mhz, "Clock in MHz, to print the peak")->check(positive_number());
  verb->add_option("--hardware", options->hardware, "aw_nas' second file");
  verb->add_option("--image-size", options->image_size, "Height and width of the input")->check(positive_number());
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
