// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>

#include "cli.hpp"
#include "devices.hpp"
#include "hwprof/error.hpp"
#include "inputs.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  SpaceChoice space;
  std::vector<std::string> sources, records;
  hwprof::ChooseOptions choose;
};

void choose(const Cli& cli, Options& options) {
  const auto file = hwprof::load_space(options.space.file, options.space.hardware, options.space.image_size);
  hwprof::Notes notes;
  const auto sources = load_sources(options.sources, notes);
  const auto samples = load_samples(options.records, notes);
  std::vector<hwprof::Arch> archs;
  try {
    for (const auto& record : samples)
      if (!record.arch.empty()) options.choose.measured.push_back(hwprof::parse_arch(*file.space, record.arch));
    archs = hwprof::TransferBase(*file.space, sources).choose(options.choose);
  } catch (const hwprof::Error& error) {
    if (error.fault() == hwprof::Fault::usage) refuse_foreign(*file.space, options.sources, options.records);
    throw;
  }
  if (!cli.json) {
    for (const auto& arch : archs) std::cout << hwprof::to_string(arch) << '\n';
    return;
  }
  Json rows = Json::array();
  for (const auto& arch : archs)
    rows.push_back({{"arch", hwprof::to_string(arch)}, {"names", hwprof::describe(*file.space, arch)}});
  print_json({{"schema", "hwprof.choose/1"},
              {"space", file.name},
              {"sources", sources.size()},
              {"measured", options.choose.measured.size()},
              {"seed", options.choose.seed},
              {"archs", std::move(rows)},
              {"record_notes", notes}});
}

}  // namespace

void add_choose(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = add_verb(cli, "choose", "Say which architectures to measure on a new device",
                            [&cli, options] { choose(cli, *options); });
  add_space_options(verb, options->space);
  verb->get_option("--space")->required();
  add_repeatable(verb, "--sources", options->sources, "Records of other devices: file, folder or pattern");
  add_repeatable(verb, "--records", options->records, "What is measured already");
  verb->add_option("-n,--count", options->choose.count, "How many")->check(number_from_zero());
  verb->add_option("--candidates", options->choose.candidates, "Drawn to choose among")->check(positive_number());
  verb->add_option("--seed", options->choose.seed, "Seed")->check(number_from_zero());
  verb->add_flag("--json", cli.json, "Print one JSON document");
}

}  // namespace hwprof_cli
