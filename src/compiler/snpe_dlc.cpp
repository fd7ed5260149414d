// SPDX-License-Identifier: Apache-2.0
#include "compiler/snpe_dlc.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/files.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace {

constexpr std::int64_t most_values = std::int64_t{1} << 26;
constexpr const char* inputs_folder = "raw/random_inputs";

/// "1x32x32x3" or "1,32,32,3", in brackets or not; nothing when it is no list of sizes.
std::vector<std::int64_t> sizes_of(std::string_view text) {
  std::string plain;
  for (const char c : text)
    if (c != '[' && c != ']' && c != ' ') plain += c == 'x' ? ',' : c;
  std::vector<std::int64_t> sizes;
  for (const auto& part : base::split(plain, ',')) {
    const auto size = base::to_int(part);
    if (!size || *size < 1 || *size > most_values) return {};
    sizes.push_back(*size);
  }
  return sizes;
}

std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  for (const auto& cell : base::split(line, '|')) cells.emplace_back(base::trim(cell));
  return cells;
}

void add(std::vector<DlcInput>& inputs, const std::string& name, const std::string& shape, const std::string& place) {
  DlcInput input{name, sizes_of(shape)};
  if (name.empty()) throw Error(Fault::input, place + ": an input without a name");
  std::int64_t product = 1;
  for (const auto size : input.shape) product = product > most_values ? product : product * size;
  if (input.shape.empty() || input.shape.size() > 8 || product > most_values)
    throw Error(Fault::input, place + ": sizes such as 1x32x32x3 are expected for input " + base::in_quotes(name) +
                                  ", found " + base::in_quotes(shape));
  const auto same = [&name](const DlcInput& other) { return other.name == name; };
  if (std::none_of(inputs.begin(), inputs.end(), same)) inputs.push_back(std::move(input));
}

/// A name that is one word of a list's line and safe in a file's name.
std::string file_word(const std::string& name, std::size_t index) {
  std::string word;
  for (const char c : name.substr(0, 60)) {
    const bool plain =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    word += plain ? c : '_';
  }
  return word == name ? word : word + "-" + std::to_string(index);
}

std::string random_bytes(std::int64_t size, bool bytes, std::mt19937_64& rng) {
  std::string out;
  const auto count = static_cast<std::size_t>(size);
  if (bytes) {
    out.resize(count);
    for (auto& byte : out) byte = static_cast<char>(base::draw_below(rng, 256));
    return out;
  }
  out.resize(count * sizeof(float));
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<float>(2 * base::draw_unit(rng) - 1);
    std::memcpy(&out[i * sizeof(float)], &value, sizeof(float));  // the phones are little-endian, as this host is
  }
  return out;
}

std::string write_raw(const std::string& dir, const std::string& folder, const std::vector<DlcInput>& inputs,
                      const SnpeOptions& options, bool bytes) {
  for (const auto& input : inputs)
    if (input.name.find_first_of(" \t\r\n") != std::string::npos || input.name.find(":=") != std::string::npos)
      throw Error(Fault::unsupported,
                  "input " + base::in_quotes(input.name) + ": a name that a list of inputs cannot hold");
  std::mt19937_64 rng(options.seed);
  std::string list;
  for (int i = 0; i < options.inputs; ++i) {
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const std::string file = folder + "/random_" + file_word(inputs[k].name, k) + "_" + std::to_string(i) + ".raw";
      base::write_file(dir + "/" + file, random_bytes(inputs[k].size(), bytes, rng));
      list += (k == 0 ? "" : " ") + inputs[k].name + ":=" + file;
    }
    list += "\n";
  }
  const std::string file = folder + "/random_raw_list.txt";
  base::write_file(dir + "/" + file, list);
  return file;
}

}  // namespace

std::int64_t DlcInput::size() const {
  std::int64_t product = 1;
  for (const auto side : shape) product *= side;
  return product;
}

std::vector<DlcInput> parse_dlc_info(std::string_view text, const std::string& source) {
  std::vector<DlcInput> inputs;
  bool input_table = false;
  std::size_t number = 0;
  for (const auto& line : base::split(text, '\n')) {
    const std::string place = source + ":" + std::to_string(++number);
    const auto cells = cells_of(line);
    if (cells.size() < 4) {
      if (input_table && base::trim(line).empty()) input_table = false;
      continue;
    }
    if (cells[1] == "Input Name" && cells[2] == "Dimensions") {
      input_table = true;
    } else if (cells[1] == "Id" || cells[1] == "Output Name") {
      input_table = false;
    } else if (input_table) {
      add(inputs, cells[1], cells[2], place);
    } else if (cells.size() > 6 && cells[3] == "data") {
      add(inputs, cells[2], cells[6], place);
    }
  }
  if (inputs.empty()) throw Error(Fault::input, source + ": snpe-dlc-info names no input (no layer of type data)");
  return inputs;
}

std::string write_inputs(const std::string& dir, const std::vector<DlcInput>& inputs, const SnpeOptions& options) {
  return write_raw(dir, inputs_folder, inputs, options, options.input_type == "uint8");
}

std::string quantize_list(const std::string& dir, const std::vector<DlcInput>& inputs, const SnpeOptions& options,
                          const std::string& list) {
  return options.input_type == "float32" ? list : write_raw(dir, "raw/quantize_inputs", inputs, options, false);
}

base::Json bench_config(const std::string& name, const std::string& dlc, const std::string& list,
                        const std::string& results, const std::vector<std::string>& runtimes,
                        const std::vector<std::string>& phones, const SnpeOptions& options) {
  base::Json config{
      {"Name", name},      {"HostRootPath", ""},       {"HostResultsDir", results}, {"DevicePath", options.device_path},
      {"Devices", phones}, {"HostName", options.host}, {"Runs", options.runs}};
  config["Model"] = {{"Name", name}, {"Dlc", dlc}, {"Data", {inputs_folder}}, {"InputList", list}};
  config["Runtimes"] = runtimes;
  config["Measurements"] = options.measurements;
  config["PerfProfile"] = options.perf_profile;
  config["ProfilingLevel"] = options.profiling_level;
  config["BufferTypes"] = options.buffers;
  if (options.cpu_fallback) config["CpuFallback"] = true;
  return config;
}

}  // namespace hwprof::compiling
