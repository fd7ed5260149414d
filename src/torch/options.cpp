// SPDX-License-Identifier: Apache-2.0
#include "torch/options.hpp"

#include <cmath>
#include <functional>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& expected, const std::string& text) {
  throw Error(Fault::usage, "device option " + name + ": " + expected + " is expected, found " + base::in_quotes(text));
}

double number(const std::string& name, const std::string& text, double below) {
  const auto value = base::to_double(text);
  if (!value || !(*value >= 0 && *value < below))
    refuse(name, "a number from 0 to below " + base::format_number(below), text);
  return *value;
}

bool flag(const std::string& name, const std::string& text) {
  if (text == "yes" || text == "true" || text == "1") return true;
  if (text != "no" && text != "false" && text != "0") refuse(name, "yes or no", text);
  return false;
}

/// 1000000, 512MB, 1.5GiB.
double bytes(const std::string& name, const std::string& text) {
  static const std::map<std::string, double> units{
      {"", 1},     {"B", 1},       {"kB", 1e3},       {"MB", 1e6},
      {"GB", 1e9}, {"KiB", 1024.}, {"MiB", 1048576.}, {"GiB", 1073741824.}};
  const auto end = text.find_first_not_of("0123456789.");
  const auto unit = units.find(end == std::string::npos ? "" : text.substr(end));
  const auto value = base::to_double(text.substr(0, end));
  constexpr double most = 1e15;
  if (unit == units.end() || !value || !(*value * unit->second >= 1) || *value * unit->second > most)
    refuse(name, "a size such as 512MB", text);
  return *value * unit->second;
}

}  // namespace

std::string TorchOptions::optimizer() const {
  return "sgd, learning rate " + base::format_number(learning_rate) + ", momentum " + base::format_number(momentum) +
         (nesterov ? " (Nesterov)" : "") + ", weight decay " + base::format_number(weight_decay);
}

TorchOptions read_torch_options(const std::string& device, const MeasureOptions& options) {
  TorchOptions out;
  const std::map<std::string, std::function<void(const std::string&, const std::string&)>> readers{
      {"learning-rate", [&](const auto& name, const auto& text) { out.learning_rate = number(name, text, 1e6); }},
      {"momentum", [&](const auto& name, const auto& text) { out.momentum = number(name, text, 1); }},
      {"weight-decay", [&](const auto& name, const auto& text) { out.weight_decay = number(name, text, 1e6); }},
      {"nesterov", [&](const auto& name, const auto& text) { out.nesterov = flag(name, text); }},
      {"memory-limit", [&](const auto& name, const auto& text) { out.memory_limit_bytes = bytes(name, text); }},
      {"cudnn-benchmark", [&](const auto& name, const auto& text) { out.cudnn_benchmark = flag(name, text); }},
      {"tf32", [&](const auto& name, const auto& text) { out.tf32 = flag(name, text); }},
      {"cuda-graph", [&](const auto& name, const auto& text) { out.cuda_graph = flag(name, text); }},
      {"energy-seconds", [&](const auto& name, const auto& text) { out.energy_s = number(name, text, 3600); }}};
  std::vector<std::string> names;
  for (const auto& reader : readers) names.push_back(reader.first);
  for (const auto& [name, text] : options.device_options) {
    const auto reader = readers.find(name);
    if (reader == readers.end())
      throw Error(Fault::usage, device + ": takes no option " + base::in_quotes(name) + base::suggest(name, names));
    reader->second(name, text);
  }
  if (out.nesterov && !(out.momentum > 0)) throw Error(Fault::usage, "device option nesterov: needs momentum above 0");
  const bool cuda = base::starts_with(device, "cuda");
  for (const char* name : {"cudnn-benchmark", "tf32", "cuda-graph"})
    if (!cuda && options.device_options.count(name) != 0)
      throw Error(Fault::usage, device + ": the option '" + name + "' is one of cuda");
  if (cuda && out.memory_limit_bytes > 0)
    throw Error(Fault::usage, device + ": the option 'memory-limit' is one of cpu");
  return out;
}

int batch_of(const Net& net, const MeasureOptions& options) {
  return net.batch > 0 ? net.batch : options.batch;
}

bool is_train(const Net& net, const MeasureOptions& options) {
  return (net.mode.empty() ? options.mode : net.mode) == "train";
}

}  // namespace hwprof
