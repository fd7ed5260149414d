// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli.hpp"
#include "hwprof/run.hpp"
#include "inputs.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> records;
  SpaceChoice space;
};

/// Gives records that only name an architecture their primitives.
void fill_prims(std::vector<hwprof::NetRecord>& records, const Options& options, const ModelChoice& model) {
  const auto bare = [](const hwprof::NetRecord& record) { return record.prims.empty() && !record.arch.empty(); };
  if (std::none_of(records.begin(), records.end(), bare)) return;
  const auto space = open_space(options.space, model);
  if (!space)
    throw hwprof::Error(hwprof::Fault::usage,
                        "the records name architectures without their primitives, which needs the search space: give "
                        "--space, or as --model a run folder");
  for (auto& record : records) {
    if (!bare(record)) continue;
    for (auto& prim : space->space->primitives(hwprof::parse_arch(*space->space, record.arch)))
      record.prims.push_back({std::move(prim), {}, false});
  }
}

/// Architectures by name become numbers, for a model that goes by these.
void number_options(std::vector<hwprof::NetRecord>& records, const Options& options, const ModelChoice& choice,
                    const hwprof::Model& model) {
  const auto space = open_space(options.space, choice);
  if (space) check_space(*space->space, model);
  for (auto& record : records) {
    if (record.arch.find('=') == std::string::npos) continue;
    if (!space)
      throw hwprof::Error(hwprof::Fault::usage,
                          "the records name the options of architectures, which needs the search space: give --space");
    record.arch = hwprof::to_string(hwprof::parse_arch(*space->space, record.arch));
  }
}

void evaluate(const Cli& cli, Options& options) {
  const ModelChoice choice(options.model);
  const auto model = hwprof::load_model(choice.file);
  if (options.records.empty()) {
    if (choice.run.empty()) throw hwprof::Error(hwprof::Fault::usage, "--records must be given");
    options.records.push_back((std::filesystem::path(choice.run) / "records.jsonl").string());
  }
  hwprof::Notes notes;
  std::vector<hwprof::NetRecord> records;
  for (const auto& file : options.records) {
    auto loaded = hwprof::load_records(file, &notes);
    std::move(loaded.begin(), loaded.end(), std::back_inserter(records));
  }
  if (model.arch_options().empty())
    fill_prims(records, options, choice);
  else
    number_options(records, options, choice, model);
  const bool held_out = std::any_of(records.begin(), records.end(),
                                    [](const hwprof::NetRecord& record) { return record.purpose == "validation"; });
  const bool fitted = !held_out && std::any_of(records.begin(), records.end(), [](const hwprof::NetRecord& record) {
    return record.purpose == "coverage" || record.purpose == "calibration";
  });
  if (fitted)
    notes.emplace_back(
        "no network was kept for validation: the error is over networks that a model may have been fitted on");
  const auto evaluation = hwprof::evaluate(model, records);
  if (cli.json) {
    Json report = Json::parse(hwprof::to_json(evaluation, model));
    report["notes"] = notes;
    print_json(report);
  } else if (!cli.quiet) {
    print_row("model", choice.file + " (" + model.kind() + ", " + model.from().device + ")");
    print_evaluation(evaluation);
    for (const auto& note : notes) print_row("note", note);
  }
}

}  // namespace

void add_evaluate(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      add_verb(cli, "evaluate", "Compare a model with measurements", [&cli, options] { evaluate(cli, *options); });
  verb->add_option("--model", options->model, "Model file or run folder")->required();
  add_repeatable(verb, "--records", options->records, "Records to compare with");
  add_space_options(verb, options->space);
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
