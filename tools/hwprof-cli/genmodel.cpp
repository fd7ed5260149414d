// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <tuple>

#include "cli.hpp"
#include "devices.hpp"
#include "estimator_text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/run.hpp"
#include "inputs.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> awnas;  // CFG HWCFG PROF_PRIM_DIR
  std::vector<std::string> records, sources;
  SpaceChoice space;
  std::string type, metric, out, device, header, python, fusion;
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
  const bool transfer = options.type == "transfer";
  if (transfer && (options.records.empty() || options.space.file.empty()))
    throw Error(Fault::usage, "a transfer model needs --records of the new device and --space");
  if (!transfer && (!options.sources.empty() || !options.space.file.empty()))
    throw Error(Fault::usage, "--sources and --space belong to --type transfer");
  for (const auto& file : {options.out, options.header, options.python})
    if (!file.empty()) check_new_file(file, options.force);
}

/// Those of one device; a table of SNPE has records of every runtime.
std::vector<hwprof::NetRecord> of_device(std::vector<hwprof::NetRecord> records, const std::string& device) {
  std::vector<std::string> known;
  std::vector<hwprof::NetRecord> out;
  for (auto& record : records) {
    if (std::find(known.begin(), known.end(), record.from.device) == known.end()) known.push_back(record.from.device);
    if (record.from.device == device) out.push_back(std::move(record));
  }
  if (out.empty())
    throw hwprof::Error(hwprof::Fault::missing,
                        "no record is of device '" + device + "'" + hwprof::did_you_mean(device, known));
  return out;
}

/// Takes out records of the same network and device whose costs are the same to the last bit, which no two measurements
/// are: a file that was given twice, say. Copies on both sides of a fold would flatter cross-validation. Returns how
/// many.
std::size_t drop_copies(std::vector<hwprof::NetRecord>& records) {
  std::set<std::tuple<std::string, std::string, int, std::vector<double>>> seen;
  const auto copies = std::remove_if(records.begin(), records.end(), [&seen](const hwprof::NetRecord& record) {
    if (record.overall.empty() || record.prims.empty()) return false;
    std::vector<double> costs;
    const auto put = [&costs](const hwprof::Perf& perf) {
      for (const auto& [metric, measured] : perf) costs.push_back(measured.value);
    };
    put(record.overall);
    for (const auto& row : record.prims) put(row.perf);
    return !seen.insert({record.net_id, record.from.device, record.batch, std::move(costs)}).second;
  });
  const auto count = static_cast<std::size_t>(records.end() - copies);
  records.erase(copies, records.end());
  return count;
}

/// The metric that was asked for, else the only one that the samples have, else latency, of training where there is no
/// other.
hwprof::Metric metric_of(const std::string& name, const std::vector<hwprof::NetRecord>& records) {
  if (!name.empty()) return hwprof::parse_metric(name);
  hwprof::Perf seen;
  for (const auto& record : records) seen.insert(record.overall.begin(), record.overall.end());
  if (seen.size() == 1) return seen.begin()->first;
  const auto trained = hwprof::Metric::train_latency;
  return seen.count(hwprof::Metric::latency) == 0 && seen.count(trained) > 0 ? trained : hwprof::Metric::latency;
}

hwprof::Model fit_transfer(const Options& options, hwprof::Notes& notes) {
  const auto file = hwprof::load_space(options.space.file, options.space.hardware, options.space.image_size);
  const auto sources = load_sources(options.sources, notes);
  auto records = load_samples(options.records, notes);
  if (!options.device.empty()) records = of_device(std::move(records), options.device);
  hwprof::TransferOptions transfer;
  transfer.metric = metric_of(options.metric, records);
  transfer.seed = options.fit.seed;
  transfer.space_name = file.name;
  std::set<std::string> devices;
  for (const auto& record : records) devices.insert(record.from.device);
  if (devices.size() > 1)
    notes.push_back("the records name " + std::to_string(devices.size()) +
                    " devices, which count as one; --device takes those of one alone");
  try {
    return hwprof::TransferBase(*file.space, sources, transfer.metric).fit(records, transfer);
  } catch (const hwprof::Error& error) {
    if (error.fault() == hwprof::Fault::usage) refuse_foreign(*file.space, options.sources, options.records);
    throw;
  }
}

/// The space of the run folder that all these records lie in; nothing where there is none.
std::optional<hwprof::SpaceFile> space_of(const std::vector<std::string>& files) {
  std::set<fs::path> folders;
  std::error_code ignored;
  for (const auto& file : files)
    folders.insert(fs::is_directory(file, ignored) ? fs::path(file) : fs::path(file).parent_path());
  if (folders.size() != 1 || !fs::exists(*folders.begin() / "run.json", ignored)) return {};
  try {
    return hwprof::open_space(folders.begin()->empty() ? "." : folders.begin()->string());
  } catch (const hwprof::Error&) {
    return {};  // of networks, not of a space
  }
}

hwprof::Model fit_records(Options& options, hwprof::Notes& notes) {
  std::vector<hwprof::NetRecord> records;
  std::vector<std::string> files = options.records;
  if (!options.awnas.empty()) {
    const auto named = hwprof::load_fit_options(options.awnas[1], options.type);
    options.fit.kind = named.kind;
    options.fit.metric = named.metric;
    if (options.fit.preprocessors.empty()) options.fit.preprocessors = named.preprocessors;
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
    if (loaded.empty())
      throw hwprof::Error(hwprof::Fault::input,
                          file + ": holds no record" + (notes.empty() ? std::string() : "; " + notes.back()));
    std::move(loaded.begin(), loaded.end(), std::back_inserter(records));
  }
  if (!options.device.empty()) records = of_device(std::move(records), options.device);
  if (const auto copies = drop_copies(records); copies > 0)
    notes.push_back(std::to_string(copies) + " records were given twice, and count once");
  const auto file = options.awnas.empty() ? space_of(files) : hwprof::load_space(options.awnas[0], options.awnas[1]);
  return file ? file->space->parse_profiling_primitives(records, options.fit) : hwprof::fit(records, options.fit);
}

void genmodel(const Cli& cli, Options& options) {
  check(options);
  prepare_models();
  hwprof::Notes notes;
  const auto model = options.type == "transfer" ? fit_transfer(options, notes) : fit_records(options, notes);
  // Made before anything is written: not every kind can be exported.
  const std::string header = options.header.empty() ? std::string() : cpp_header(model);
  const std::string python = options.python.empty() ? std::string() : python_module(model);
  hwprof::save_model(options.out, model);
  if (!header.empty()) write_file(options.header, header);
  if (!python.empty()) write_file(options.python, python);
  if (cli.json) {
    Json report{{"schema", "hwprof.genmodel/1"}, {"out", options.out}, {"model", to_json(model)}};
    report["record_notes"] = notes;
    print_json(report);
  } else if (!cli.quiet) {
    print_model(model);
    for (const auto& note : notes) print_row("note", note);
    for (const auto& file : {options.out, options.header, options.python})
      if (!file.empty()) print_row("written to", file);
  }
}

}  // namespace

void add_genmodel(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      add_verb(cli, "genmodel", "Fit a cost model to records", [&cli, options] { genmodel(cli, *options); });
  verb->add_option("INPUT", options->awnas, "aw_nas' three arguments CFG HWCFG PROF_PRIM_DIR");
  add_repeatable(verb, "--records", options->records, "Records to fit to");
  add_repeatable(verb, "--sources", options->sources, "Records of other devices: file, folder or pattern");
  add_space_options(verb, options->space);
  verb->add_option("--type", options->type, "Kind of the model");
  verb->add_option("--metric", options->metric, "What is modelled");
  verb->add_option("--device", options->device, "Use the records of this device alone");
  verb->add_option("--export-header", options->header, "Write the estimator as a C++ header");
  verb->add_option("--export-python", options->python, "Write the estimator as a Python module");
  verb->add_option("--out,--result-file", options->out, "Model file")->required();
  add_fit_options(verb, options->fit);
  add_repeatable(verb, "--preprocessors", options->fit.preprocessors, "aw_nas' preprocessors, by name")->delimiter(',');
  verb->add_option("--seed", options->fit.seed, "Seed of the cross-validation and of training")
      ->check(number_from_zero());
  verb->add_option("--fusion", options->fusion, "kernel: none, usual, or a file of rules");
  verb->add_flag("--force", options->force, "Replace the model file");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
