// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <numeric>
#include <optional>

#include "cli.hpp"
#include "hwprof/run.hpp"
#include "hwprof/transfer.hpp"
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

/// The spaces that a model of architectures may be of, as far as it tells: one of so many options, and built-in ones
/// that have as many.
std::vector<std::unique_ptr<hwprof::MixinProfilingSearchSpace>> spaces_of(const hwprof::Model& model) {
  constexpr std::size_t most_options = 4096;  // more take too long
  const auto counts = model.arch_options();
  std::vector<std::unique_ptr<hwprof::MixinProfilingSearchSpace>> out;
  if (counts.empty() || std::accumulate(counts.begin(), counts.end(), std::size_t{0}) > most_options) return out;
  std::vector<hwprof::Decision> decisions;
  for (const std::size_t count : counts) {
    decisions.push_back({std::to_string(decisions.size()), {}});
    for (std::size_t i = 0; i < count; ++i) decisions.back().options.push_back(std::to_string(i));
  }
  out.push_back(std::make_unique<hwprof::OptionSpace>(std::move(decisions)));
  for (const char* name : {"fbnet", "nasbench201"}) {
    auto space = hwprof::load_space(name).space;
    std::vector<std::size_t> options;
    for (const auto& decision : space->decisions()) options.push_back(decision.options.size());
    if (options == counts) out.push_back(std::move(space));
  }
  return out;
}

/// Whether the labels are exact sums over decisions, so that a model may be exact on them that is not on measurements;
/// nothing where no space is known.
std::optional<bool> exact_sums(const std::vector<hwprof::NetRecord>& records, const Options& options,
                               const ModelChoice& choice, const hwprof::Model& model) {
  constexpr std::size_t least = 100;  // fewer tell nothing
  if (records.size() < least) return {};
  std::vector<std::unique_ptr<hwprof::MixinProfilingSearchSpace>> spaces;
  if (auto file = open_space(options.space, choice))
    spaces.push_back(std::move(file->space));
  else
    spaces = spaces_of(model);
  std::optional<bool> told;
  for (const auto& space : spaces) {
    std::vector<hwprof::NetRecord> named;
    for (const auto& record : records) {
      if (record.arch.empty()) continue;
      try {
        (void)hwprof::parse_arch(*space, record.arch);
        named.push_back(record);
      } catch (const hwprof::Error&) {
        continue;  // of another space: left out of the comparison, too
      }
    }
    if (named.size() < least) continue;
    try {
      told = hwprof::TransferBase(*space, {}).exact_sums(std::move(named), model.metric());
    } catch (const hwprof::Error& error) {
      if (error.fault() != hwprof::Fault::unsupported) throw;  // a space too large to describe
    }
    if (told && *told) break;
  }
  return told;
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
  const auto derived = exact_sums(records, options, choice, model);
  if (derived && *derived)
    notes.emplace_back(
        "the labels are exact sums over decisions: derived, not measured; a sum of costs can be exact on them");
  if (cli.json) {
    Json report = Json::parse(hwprof::to_json(evaluation, model));
    report["notes"] = notes;
    if (derived) report["derived"] = *derived;
    print_json(report);
  } else if (!cli.quiet) {
    print_row("model", choice.file + " (" + model.kind() + ", " + model.from().device + ")");
    print_evaluation(evaluation, held_out);
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
