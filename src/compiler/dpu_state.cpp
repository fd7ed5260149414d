// SPDX-License-Identifier: Apache-2.0
#include "compiler/dpu_state.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "compiler/run_state.hpp"
#include "hwprof/device_log.hpp"
#include "hwprof/dpu.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace fs = std::filesystem;
namespace {

constexpr const char* schema_name = "hwprof.dpu-state";
constexpr int schema_version = 1;
constexpr const char* state_file = "raw/dpu.json";
constexpr std::array all_steps{DpuStep::quantize, DpuStep::compile, DpuStep::deploy, DpuStep::measure};

std::string at(const std::string& dir, const std::string& relative) {
  return (fs::path(dir) / relative).string();
}

std::vector<std::string> files_with(const std::string& folder, const std::string& ending) {
  std::vector<std::string> out;
  if (!base::is_folder(folder)) return out;
  for (const auto& name : base::list_folder(folder))
    if (base::ends_with(name, ending) && base::has_content(at(folder, name))) out.push_back(name);
  return out;
}

/// The kernels in a file of vai_c_caffe, in its own words.
std::vector<std::string> kernels_in(const std::string& file) {
  std::vector<std::string> names;
  for (const auto& kernel : load_dpu_elf(file)) names.push_back(kernel.name);
  return names;
}

/// Kernels and files are named by a file that somebody else's program wrote, and go into paths and a board's shell.
void check_name(const std::string& folder, const std::string& name) {
  constexpr std::size_t longest = 200;
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  });
  if (name.empty() || name.size() > longest || !plain || name.front() == '.' || name.front() == '-')
    throw Error(Fault::device, folder + ": " + base::in_quotes(name) +
                                   " is no name of a kernel or file that can be brought to a board (letters, digits, "
                                   "_ . -, at most 200, not beginning with . or -)");
}

std::map<std::string, std::string> read_map(const base::JsonReader& json) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : json.items()) out[key] = value.text();
  return out;
}

}  // namespace

std::string compiled_folder(const std::string& mode) {
  return "raw/compiled/" + mode;
}
std::string latency_file(const std::string& id) {
  return "raw/" + id + ".latency.txt";
}
std::string normal_file(const std::string& id) {
  return "raw/" + id + ".normal.txt";
}
std::string result_file(const std::string& id, const std::string& mode) {
  return mode == "normal" ? normal_file(id) : latency_file(id);
}

std::string kernel_name(const std::string& id, const std::string& mode) {
  std::string name = "net";
  for (const char c : id) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    // Two ids must not get one name: what is no letter or digit is written as its number.
    name += plain ? std::string(1, c) : "_" + std::to_string(static_cast<unsigned char>(c)) + "_";
  }
  return mode == "normal" ? name + "_normal" : name;
}

std::vector<DpuBinary> find_binaries(const std::string& dir, const DpuOptions& options) {
  std::vector<DpuBinary> out;
  for (const auto& mode : options.modes) {
    const std::string folder = compiled_folder(mode);
    std::vector<DpuBinary> found;
    for (const auto& name : files_with(at(dir, folder), ".elf"))
      for (const auto& kernel : kernels_in(at(dir, folder + "/" + name)))
        found.push_back({mode, folder + "/" + name, kernel});
    if (found.empty())
      for (const auto& name : files_with(at(dir, folder), ".xmodel"))
        if (!base::ends_with(name, "_org.xmodel"))
          found.push_back({mode, folder + "/" + name, name.substr(0, name.size() - std::string(".xmodel").size())});
    if (found.empty())
      throw Error(Fault::device, folder + ": the compiler left no dpu_*.elf and no *.xmodel in it (mode " + mode + ")");
    if (found.size() > 1) {
      std::vector<std::string> names;
      for (const auto& binary : found) names.push_back(binary.kernel);
      throw Error(Fault::device, "the compiler cut the network into " + std::to_string(found.size()) +
                                     " pieces for the DPU (" + base::join(names, ", ") +
                                     ") with work for the processor between them; the time of the whole cannot be "
                                     "measured piece by piece");
    }
    check_name(folder, fs::path(found.front().file).filename().string());
    check_name(folder, found.front().kernel);
    out.push_back(found.front());
  }
  return out;
}

void save_state(const std::string& dir, const DpuState& state) {
  base::Json json{{"schema", std::string(schema_name) + "/" + std::to_string(schema_version)},
                  {"steps", base::Json::object()},
                  {"environment", state.environment}};
  for (const auto& [step, one] : state.steps) {
    base::Json row{{"state", one.done() ? "done" : to_string(one.state)}};
    if (!one.done()) row["reason"] = one.reason;
    row["by"] = one.by;
    row["options"] = one.options;
    row["wall_s"] = one.wall_s;
    json["steps"][to_string(step)] = row;
  }
  base::save_json(at(dir, state_file), json);
}

DpuState load_state(const std::string& dir) {
  DpuState state;
  const std::string file = at(dir, state_file);
  if (!base::exists(file)) return state;
  const auto json = base::JsonReader::load(file);
  (void)json.schema(schema_name, schema_version);
  json.only({"schema", "steps", "environment"});
  state.environment = read_map(json["environment"]);
  json["steps"].only({"quantize", "compile", "deploy", "measure"});
  for (const DpuStep step : all_steps) {
    if (!json["steps"].has(to_string(step))) continue;
    const auto row = json["steps"][to_string(step)];
    row.only({"state", "reason", "by", "options", "wall_s"});
    StepState one;
    const std::string name = row["state"].text();
    one.state = name == "done" ? RunState::measured : parse_state(name, file);
    if (row.has("reason")) one.reason = row["reason"].text();
    if (!one.done() && one.reason.empty()) row.fail("a step that is not done needs a reason");
    one.by = row["by"].text();
    one.options = read_map(row["options"]);
    one.wall_s = row["wall_s"].number();
    state.steps[step] = std::move(one);
  }
  return state;
}

bool has_output(DpuStep step, const DpuJob& job, const DpuOptions& options) {
  const auto in_all_modes = [&options](const auto& has) {
    return std::all_of(options.modes.begin(), options.modes.end(), has);
  };
  switch (step) {
    case DpuStep::check:
      return false;
    case DpuStep::quantize:
      // What vai_q_caffe left is not enough for vai_c_xir, as compiling says.
      if (options.compiler == "vai_c_xir" && !files_with(at(job.dir, quantized_folder), ".xmodel").empty()) return true;
      return base::has_content(at(job.dir, std::string(quantized_folder) + "/deploy.prototxt")) &&
             base::has_content(at(job.dir, std::string(quantized_folder) + "/deploy.caffemodel"));
    case DpuStep::compile:
      return in_all_modes([&job](const std::string& mode) {
        const std::string folder = at(job.dir, compiled_folder(mode));
        return !files_with(folder, ".elf").empty() || !files_with(folder, ".xmodel").empty();
      });
    case DpuStep::deploy:
    case DpuStep::measure:
      break;
  }
  return in_all_modes(
      [&job](const std::string& mode) { return base::has_content(at(job.dir, result_file(job.id, mode))); });
}

void check_same_options(DpuStep step, const DpuJob& job, const DpuOptions& options, const DpuState& state) {
  const auto found = state.steps.find(step);
  if (found == state.steps.end() || !found->second.done()) return;
  const auto& before = found->second.options;
  std::vector<std::string> changed;
  for (const auto& [key, value] : options.describe(step)) {
    const auto then = before.find(key);
    if (then != before.end() && then->second != value)
      changed.push_back(key + " (" + then->second + " then, " + value + " now)");
  }
  if (!changed.empty())
    throw Error(Fault::usage,
                job.dir + ": step " + to_string(step) + " was done with other options: " + base::join(changed, ", "));
}

bool is_done(DpuStep step, const DpuJob& job, const DpuOptions& options, DpuState& state) {
  if (!has_output(step, job, options)) return false;
  check_same_options(step, job, options, state);
  StepState& one = state.steps[step];
  if (!one.done()) one = {RunState::measured, {}, "elsewhere", options.describe(step), 0};
  return true;
}

std::string broken_rules(const Net& net, const DpuOptions& options) {
  if (options.target == "none") return {};
  const auto found =
      check_dpu(lower(net), {1, net.image_channels, net.image_size, net.image_size}, find_dpu_target(options.target));
  std::vector<std::string> texts;
  for (const auto& violation : found)
    if (!violation.runs_on_cpu) texts.push_back(violation.text);
  if (texts.empty()) return {};
  const std::string more = texts.size() > 1 ? " and " + std::to_string(texts.size() - 1) + " more" : "";
  return "breaks the rules of " + options.target + ": " + texts.front() + more +
         " (hwprof-cli check lists them; --device-option target=none tries nevertheless)";
}

std::string refusal(const DpuJob& job, const DpuOptions& options) {
  const std::string file = at(job.dir, export_file);
  if (base::exists(file)) {
    const auto json = base::JsonReader::load(file);
    (void)json.schema("hwprof.dpu-export", 1);
    if (json.has("refused")) return json["refused"].text();
  }
  const std::string net_file = at(job.dir, "net.yaml");
  return base::exists(net_file) ? broken_rules(load_net(net_file), options) : std::string();
}

}  // namespace hwprof::compiling
