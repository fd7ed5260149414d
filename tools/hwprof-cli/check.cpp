// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>

#include "cli.hpp"
#include "hwprof/dpu.hpp"
#include "hwprof/error.hpp"
#include "hwprof/space.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  std::string space, hardware, target;
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

void check(const Cli& cli, const Options& options) {
  const auto target = hwprof::find_dpu_target(options.target);
  const auto file = hwprof::load_space(options.space, options.hardware, options.image_size);
  Json rows = Json::array();
  std::size_t prims = 0;
  std::size_t violations = 0;
  for (const auto& prim : file.space->generate_profiling_primitives()) {
    const auto found =
        hwprof::check_dpu(hwprof::lower(prim), {1, prim.C, prim.spatial_size, prim.spatial_size}, target);
    ++prims;
    if (found.empty()) continue;
    violations += found.size();
    Json row{{"prim", hwprof::to_string(prim)}, {"violations", Json::array()}};
    if (!cli.json && !cli.quiet) std::cout << hwprof::to_string(prim) << '\n';
    for (const auto& violation : found) {
      row["violations"].push_back(to_json(violation));
      if (!cli.json && !cli.quiet) std::cout << "  " << violation.rule << ": " << violation.text << '\n';
    }
    rows.push_back(std::move(row));
  }
  const double peak = target.peak_ops(options.clock_mhz * 1e6);
  if (cli.json) {
    Json report{{"schema", "hwprof.check/1"}, {"target", target.name}, {"prims", prims}, {"refused", rows}};
    if (peak > 0) report["peak_ops_per_s"] = peak;
    print_json(report);
  } else if (!cli.quiet) {
    print_row("target", target.name + (peak > 0 ? ", peak " + std::to_string(peak * 1e-9) + " GOPS" : ""));
    print_row("primitives", std::to_string(prims) + ", of which " + std::to_string(rows.size()) + " break " +
                                count(violations, "rule"));
  }
  if (!rows.empty()) {
    flush_output();
    throw hwprof::Error(hwprof::Fault::unsupported,
                        count(rows.size(), "primitive") + " of " + options.space + " cannot run on " + target.name);
  }
}

}  // namespace

void add_check(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = add_verb(cli, "check", "Check a search space against a device's rules",
                            [&cli, options] { check(cli, *options); });
  verb->add_option("SPACE", options->space, "Search space: a YAML file or a built-in name")->required();
  verb->add_option("--target", options->target, "DPU configuration")->required();
  verb->add_option("--clock", options->clock_mhz, "Clock in MHz, to print the peak")->check(positive_number());
  verb->add_option("--hardware", options->hardware, "aw_nas' second file");
  verb->add_option("--image-size", options->image_size, "Height and width of the input")->check(positive_number());
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
