// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli.hpp"
#include "hwprof/run.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  std::vector<std::string> awnas;  // CFG HWCFG PROF_PRIM_DIR
  std::vector<std::string> records;
  std::string type, metric, out, fusion;
  hwprof::FitOptions fit;
  bool force = false;
};

void check(const Options& options) {
  using hwprof::Error;
  using hwprof::Fault;
  if (!options.awnas.empty() && options.awnas.size() != 3)
    throw Error(Fault::usage, "aw_nas' form takes the three arguments CFG HWCFG PROF_PRIM_DIR; " +
                                  std::to_string(options.awnas.size()) + " were given");
  if (options.awnas.empty() == options.records.empty())
    throw Error(Fault::usage, "either --records or the three arguments CFG HWCFG PROF_PRIM_DIR must be given");
  check_new_file(options.out, options.force);
}

void genmodel(const Cli& cli, Options& options) {
  check(options);
  prepare_models();
  hwprof::Notes notes;
  std::vector<hwprof::NetRecord> records;
  std::vector<std::string> files = options.records;
  if (!options.awnas.empty()) {
    if (options.type.empty()) {
      const auto named = hwprof::load_fit_options(options.awnas[1]);
      options.fit.kind = named.kind;
      options.fit.metric = named.metric;
      if (options.fit.preprocessors.empty()) options.fit.preprocessors = named.preprocessors;
    }
    files.push_back(options.awnas[2]);
  }
  if (!options.type.empty()) options.fit.kind = options.type;
  if (!options.fusion.empty()) {
    if (options.fit.kind != "kernel")
      throw hwprof::Error(hwprof::Fault::usage,
                          "--fusion belongs to the kind 'kernel', and this is '" + options.fit.kind + "'");
    if (options.fusion == "usual")
      options.fit.fusion = hwprof::usual_fusion();
    else if (options.fusion != "none")
      options.fit.fusion = hwprof::load_fusion(options.fusion);
  }
  if (!options.metric.empty()) options.fit.metric = hwprof::parse_metric(options.metric);
  for (const auto& file : files) {
    auto loaded = hwprof::load_records(file, &notes);
    std::move(loaded.begin(), loaded.end(), std::back_inserter(records));
  }
  const auto model = options.awnas.empty() ? hwprof::fit(records, options.fit)
                                           : hwprof::load_space(options.awnas[0], options.awnas[1])
                                                 .space->parse_profiling_primitives(records, options.fit);
  hwprof::save_model(options.out, model);
  if (cli.json) {
    Json report{{"schema", "hwprof.genmodel/1"}, {"out", options.out}, {"model", to_json(model)}};
    report["record_notes"] = notes;
    print_json(report);
  } else if (!cli.quiet) {
    print_model(model);
    for (const auto& note : notes) print_row("note", note);
    print_row("written to", options.out);
  }
}

}  // namespace

void add_genmodel(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      add_verb(cli, "genmodel", "Fit a cost model to records", [&cli, options] { genmodel(cli, *options); });
  verb->add_option("INPUT", options->awnas, "aw_nas' three arguments CFG HWCFG PROF_PRIM_DIR");
  add_repeatable(verb, "--records", options->records, "Records to fit to");
  verb->add_option("--type", options->type, "Kind of the model");
  verb->add_option("--metric", options->metric, "What is modelled");
  verb->add_option("--out,--result-file", options->out, "Model file")->required();
  add_fit_options(verb, options->fit);
  add_repeatable(verb, "--preprocessors", options->fit.preprocessors, "aw_nas' preprocessors, by name")->delimiter(',');
  verb->add_option("--seed", options->fit.seed, "Seed of the cross-validation and of training")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--fusion", options->fusion, "kernel: none, usual, or a file of rules");
  verb->add_flag("--force", options->force, "Replace the model file");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
