// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "cli.hpp"
#include "hwprof/attribution.hpp"
#include "hwprof/compiler.hpp"
#include "hwprof/device_log.hpp"
#include "hwprof/error.hpp"
#include "hwprof/run.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  std::vector<std::string> inputs;
  std::string result_file, result_dir, device, type = "latency";
  std::string map, prims;     // of device logs
  std::string power, stamps;  // power log and its windows
  hwprof::PowerOptions cut;
  double power_offset_h = 0;
  bool force = false;
};

/// Compiler folders that dir is or holds; none when it is something else.
std::vector<std::string> compiler_folders(const std::string& dir) {
  auto dirs = hwprof::compiler_dirs(dir);
  const std::filesystem::path path = std::filesystem::path(dir).lexically_normal();
  const auto name = (path.has_filename() ? path : path.parent_path()).filename().string();
  const auto dash = name.find('-');
  const bool numbered = dash != std::string::npos && dash > 0 && name.find_first_not_of("0123456789") == dash;
  if (!dirs.empty() || !numbered) return dirs;
  // A folder of logs may be named after a date.
  const auto compilers = hwprof::list_compilers();
  const std::string compiler = name.substr(dash + 1, name.find(':', dash) - dash - 1);
  if (std::find(compilers.begin(), compilers.end(), compiler) != compilers.end()) dirs.push_back(dir);
  return dirs;
}

std::vector<hwprof::NetRecord> read(const std::string& dir, const std::string& device, hwprof::Notes& notes) {
  const auto folders = compiler_folders(dir);
  if (folders.empty() && !device.empty())
    throw hwprof::Error(hwprof::Fault::usage, "--device belongs to a compiler or run folder");
  if (folders.empty()) {
    auto records = hwprof::load_records(dir, &notes);
    if (records.empty())
      throw hwprof::Error(hwprof::Fault::input, notes.empty() ? dir + ": holds no measurements" : notes.back());
    return records;
  }
  std::vector<hwprof::NetRecord> records;
  for (const auto& folder : folders) {
    auto parsed = hwprof::parse(folder, device);
    std::move(parsed.begin(), parsed.end(), std::back_inserter(records));
  }
  return records;
}

/// The primitives of a list that no record measures.
void note_unmeasured(const std::string& prim_file, const std::vector<hwprof::NetRecord>& records,
                     hwprof::Notes& notes) {
  std::set<hwprof::Prim> measured;
  for (const auto& record : records)
    for (const auto& row : record.prims)
      if (!row.perf.empty()) measured.insert(row.prim);
  for (const auto& prim : hwprof::load_prims(prim_file))
    if (measured.count(prim) == 0) notes.push_back(prim_file + ": " + hwprof::to_string(prim) + " was not measured");
}

/// Gives the time of nodes to primitives, where records have nodes alone.
void attribute(const std::string& map, const std::string& prims, std::vector<hwprof::NetRecord>& records,
               hwprof::Notes& notes) {
  const bool needed = std::any_of(records.begin(), records.end(), [](const hwprof::NetRecord& record) {
    return !record.nodes.empty() && record.prims.empty();
  });
  if (!needed) return;
  const auto list = prims.empty() ? std::vector<hwprof::Prim>() : hwprof::load_prims(prims);
  hwprof::attribute_all(records, hwprof::load_op_maps(map, list, &notes), &notes);
}

/// Energy of one inference, from the power while the network of that name ran.
void add_energy(const Options& options, std::vector<hwprof::NetRecord>& records, hwprof::Notes& notes) {
  hwprof::PowerOptions cut = options.cut;
  cut.log_offset_s = options.power_offset_h * 3600;
  std::map<std::string, hwprof::PowerWindow> windows;
  for (auto& window : hwprof::cut_power(options.power, options.stamps, cut, &notes))
    if (!windows.emplace(window.name, window).second)
      notes.push_back(options.stamps + ": '" + window.name + "' stands twice; its first window counts");
  for (auto& record : records) {
    const auto found = windows.find(record.net_id);
    if (found == windows.end()) {
      notes.push_back("net '" + record.net_id + "': no window of the power log is of it");
      continue;
    }
    if (!found->second.energy_j) continue;
    hwprof::Measured& energy = record.overall[hwprof::Metric::energy];
    energy.value = *found->second.energy_j;
    energy.samples = found->second.samples;
  }
}

void check(const Options& options) {
  using hwprof::Error;
  using hwprof::Fault;
  if (options.inputs.size() != 1 && options.inputs.size() != 4)
    throw Error(Fault::usage,
                "one folder is expected, or aw_nas' four arguments HWOBJ_CFG PROF_RESULT_DIR "
                "PROF_PRIM_FILE PRIM_TO_OPS; " +
                    std::to_string(options.inputs.size()) + " were given");
  if (options.result_file.empty() && options.result_dir.empty())
    throw Error(Fault::usage, "--result-file or --result-dir must be given");
  if (options.power.empty() != options.stamps.empty())
    throw Error(Fault::usage, "--power and --stamps belong together");
  if (!options.prims.empty() && options.map.empty()) throw Error(Fault::usage, "--prims belongs to --map");
  if (options.type != "latency")
    throw Error(Fault::unsupported, "--hwobj-type '" + options.type + "': only latency is measured");
  if (!options.result_file.empty()) check_new_file(options.result_file, options.force);
  for (const auto& input : options.inputs)
    if (!std::filesystem::exists(input)) throw Error(Fault::input, input + ": no such file or folder");
}

void net2primitive(const Cli& cli, const Options& options) {
  check(options);
  prepare_compilers(cli);
  const bool awnas = options.inputs.size() == 4;
  hwprof::Notes notes;
  auto records = read(options.inputs[awnas ? 1 : 0], options.device, notes);
  if (!options.map.empty())
    attribute(options.map, options.prims, records, notes);
  else if (awnas)
    attribute(options.inputs[3], options.inputs[2], records, notes);
  if (!options.power.empty()) add_energy(options, records, notes);
  if (awnas) note_unmeasured(options.inputs[2], records, notes);
  if (!options.result_file.empty()) hwprof::save_records(options.result_file, records);
  std::size_t exported = 0;
  if (!options.result_dir.empty()) exported = hwprof::save_awnas_results(options.result_dir, records, options.force);

  std::map<std::string, std::size_t> states;
  for (const auto& record : records) ++states[hwprof::to_string(record.state)];
  if (cli.json) {
    Json report{{"schema", "hwprof.net2primitive/1"}, {"records", records.size()}, {"states", states}};
    if (!options.result_file.empty()) report["result_file"] = options.result_file;
    if (!options.result_dir.empty()) {
      report["result_dir"] = options.result_dir;
      report["result_dir_nets"] = exported;
    }
    report["notes"] = notes;
    print_json(report);
  } else if (!cli.quiet) {
    std::string text = count(records.size(), "network");
    for (const auto& [state, n] : states) text += ", " + std::to_string(n) + " " + state;
    print_row("records", text);
    for (const auto& note : notes) print_row("note", note);
    if (!options.result_file.empty()) print_row("written to", options.result_file);
    if (!options.result_dir.empty())
      print_row("written to", options.result_dir + " (" + count(exported, "network") + ")");
  }
}

}  // namespace

void add_net2primitive(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = add_verb(cli, "net2primitive", "Turn a device's raw output into records",
                            [&cli, options] { net2primitive(cli, *options); });
  verb->alias("parse");
  verb->add_option("INPUT", options->inputs, "Compiler or run folder, logs, or aw_nas' four arguments")->required();
  verb->add_option("--result-file", options->result_file, "Write records as JSON lines");
  verb->add_option("--result-dir", options->result_dir, "Write aw_nas' result files");
  verb->add_option("--device", options->device, "Read the folder as this device, e.g. snpe:DSP");
  verb->add_option("--map", options->map, "Which layers of the device belong to which primitives");
  verb->add_option("--prims", options->prims, "Primitives of the network in order, for a map of modules");
  verb->add_option("--power", options->power, "Power log");
  verb->add_option("--stamps", options->stamps, "When which network ran");
  verb->add_option("--power-column", options->cut.column, "Name or number of the log's column");
  verb->add_option("--power-offset", options->power_offset_h, "Hours to add to the log's clock");
  verb->add_option("--power-runs", options->cut.runs, "Inferences of a window")->check(positive_number());
  verb->add_option("--hwobj-type", options->type, "Metric, as aw_nas has it");
  add_plugin_option(verb, cli);
  verb->add_flag("--force", options->force, "Replace the results of an earlier call");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
