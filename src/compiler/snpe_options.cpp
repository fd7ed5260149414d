// SPDX-License-Identifier: Apache-2.0
#include "compiler/snpe_options.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace {

using base::in_quotes;

const std::vector<std::string> all_runtimes{"CPU", "GPU", "GPU_FP16", "DSP"};
const std::vector<std::string> all_buffers{"float", "ub_float", "ub_tf8"};
const std::vector<std::string> all_profiles{"balanced",         "default",     "sustained_high_performance",
                                            "high_performance", "power_saver", "system_settings"};

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw Error(Fault::usage, "snpe: option " + in_quotes(name) + ": " + what);
}

std::string one_of(const std::string& name, const std::string& value, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), value) == known.end())
    refuse(name, in_quotes(value) + " is not known" + base::suggest(value, known));
  return value;
}

std::vector<std::string> list_of(const std::string& name, const std::string& value) {
  std::vector<std::string> out;
  for (const auto& part : base::split(value, ',')) {
    std::string one(base::trim(part));
    if (one.empty()) refuse(name, "a list with commas is expected, found " + in_quotes(value));
    if (std::find(out.begin(), out.end(), one) == out.end()) out.push_back(std::move(one));
  }
  return out;
}

std::vector<std::string> some_of(const std::string& name, const std::string& value,
                                 const std::vector<std::string>& known) {
  auto out = list_of(name, value);
  for (const auto& one : out) (void)one_of(name, one, known);
  return out;
}

int whole(const std::string& name, const std::string& value, int most) {
  const auto number = base::to_int(value);
  if (!number || *number < 1 || *number > most)
    refuse(name, "a whole number within 1 to " + std::to_string(most) + " is expected, found " + in_quotes(value));
  return static_cast<int>(*number);
}

double seconds(const std::string& name, const std::string& value) {
  const auto number = base::to_double(value);
  if (!number || !(*number > 0 && *number <= 1e6))
    refuse(name, "seconds above 0 are expected, found " + in_quotes(value));
  return *number;
}

bool truth(const std::string& name, const std::string& value) {
  return one_of(name, value, {"yes", "no"}) == "yes";
}

using Setter = std::function<void(SnpeOptions&, const std::string& name, const std::string& value)>;

/// Every option, in one place.
const std::map<std::string, Setter>& setters() {
  using O = SnpeOptions;
  using S = const std::string&;
  static const std::map<std::string, Setter> all{
      {"runtime", [](O& o, S n, S v) { o.runtimes = some_of(n, v, all_runtimes); }},
      {"buffer-type", [](O& o, S n, S v) { o.buffers = some_of(n, v, all_buffers); }},
      {"measurements",
       [](O& o, S n, S v) {
         o.measurements = some_of(n, v, {"timing", "mem"});
       }},
      {"phone", [](O& o, S n, S v) { o.phones = list_of(n, v); }},
      {"perf-profile", [](O& o, S n, S v) { o.perf_profile = one_of(n, v, all_profiles); }},
      {"profiling-level",
       [](O& o, S n, S v) {
         o.profiling_level = one_of(n, v, {"basic", "detailed"});
       }},
      {"input-type",
       [](O& o, S n, S v) {
         o.input_type = one_of(n, v, {"float32", "uint8"});
       }},
      {"quantize",
       [](O& o, S n, S v) {
         o.quantize = one_of(n, v, {"auto", "yes", "no"});
       }},
      {"latency-key",
       [](O& o, S n, S v) {
         o.key = one_of(n, v, {"total", "forward"});
       }},
      {"cpu-fallback", [](O& o, S n, S v) { o.cpu_fallback = truth(n, v); }},
      {"device-path", [](O& o, S, S v) { o.device_path = v; }},
      {"host", [](O& o, S, S v) { o.host = v; }},
      {"sdk", [](O& o, S, S v) { o.sdk = v; }},
      {"container", [](O& o, S, S v) { o.container = v; }},
      {"container-tool", [](O& o, S, S v) { o.container_tool = v; }},
      {"script", [](O& o, S, S v) { o.script = v; }},
      {"runs", [](O& o, S n, S v) { o.runs = whole(n, v, 100000); }},
      {"inputs", [](O& o, S n, S v) { o.inputs = whole(n, v, 100000); }},
      {"tool-timeout", [](O& o, S n, S v) { o.tool_timeout_s = seconds(n, v); }},
      {"bench-timeout", [](O& o, S n, S v) { o.bench_timeout_s = seconds(n, v); }}};
  return all;
}

std::string fresh_container_name() {
  static std::atomic<int> count{0};
  return "hwprof-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

}  // namespace

std::string SnpeOptions::result_name(const std::string& runtime, const std::string& buffer) {
  return buffer == "float" ? runtime : runtime + "_" + buffer;
}

std::map<std::string, std::string> SnpeOptions::describe() const {
  return {{"runtimes", base::join(runtimes, ",")},
          {"buffer_types", base::join(buffers, ",")},
          {"perf_profile", perf_profile},
          {"profiling_level", profiling_level},
          {"input_type", input_type},
          {"quantize", quantize},
          {"cpu_fallback", cpu_fallback ? "yes" : "no"},
          {"latency_key", key},
          {"measurements", base::join(measurements, ",")},
          {"runs", std::to_string(runs)},
          {"inputs", std::to_string(inputs)}};
}

SnpeOptions read_snpe_options(const MeasureOptions& options) {
  SnpeOptions out;
  out.seed = options.seed;
  std::vector<std::string> names;
  for (const auto& [name, set] : setters()) names.push_back(name);
  for (const auto& [name, value] : options.device_options) {
    const auto set = setters().find(name);
    if (set == setters().end()) refuse(name, "is not known" + base::suggest(name, names));
    if (value.empty()) refuse(name, "a value is expected");
    set->second(out, name, value);
  }
  if (options.batch != 1) throw Error(Fault::usage, "snpe: measures one image at a time; batch must be 1");
  return out;
}

std::string SnpeTools::path() const {
  const char* ours = std::getenv("PATH");
  std::string path = ours == nullptr ? "/usr/bin:/bin" : ours;
  if (!options_.sdk.empty()) path = options_.sdk + "/bin/x86_64-linux-clang:" + options_.sdk + "/benchmarks:" + path;
  return path;
}

std::vector<std::string> SnpeTools::argv(const std::string& tool, const std::vector<std::string>& arguments,
                                         const std::string& dir, const std::string& container_name) const {
  std::vector<std::string> out;
  if (!options_.container.empty()) {
    const std::string folder = std::filesystem::absolute(dir).lexically_normal().string();
    out = {options_.container_tool,
           "run",
           "--rm",
           "--init",
           "--name",
           container_name,
           "--privileged",
           "--user",
           "0",
           "--volume",
           "/dev/bus/usb:/dev/bus/usb",
           "--volume",
           folder + ":" + folder,
           "--workdir",
           folder};
    for (const char* proxy : {"http_proxy", "https_proxy"})
      if (std::getenv(proxy) != nullptr) out.insert(out.end(), {"--env", proxy});
    out.push_back(options_.container);
  }
  out.push_back(tool);
  out.insert(out.end(), arguments.begin(), arguments.end());
  return out;
}

base::CommandResult SnpeTools::attempt(const std::string& tool, const std::vector<std::string>& arguments,
                                       const std::string& dir, const std::string& log, double timeout_s) const {
  const std::string name = options_.container.empty() ? std::string() : fresh_container_name();
  base::Command command;
  command.argv = argv(tool, arguments, dir, name);
  command.directory = dir;
  command.timeout_s = timeout_s;
  command.stop = stop_;
  if (options_.container.empty()) command.environment = {{"PATH", path()}};
  if (!options_.sdk.empty() && options_.container.empty()) command.environment["SNPE_ROOT"] = options_.sdk;
  if (!log.empty()) command.output_file = (std::filesystem::path(dir) / log).string();
  const auto result = base::run_command(command);
  if (!name.empty() && (result.timed_out || result.stopped)) {
    // What was ended is the client; the container itself runs on.
    base::Command kill;
    kill.argv = {options_.container_tool, "kill", name};
    kill.timeout_s = 30;
    (void)base::run_command(kill);
  }
  if (result.stopped) throw Error(Fault::interrupted, tool + ": stopped on request");
  return result;
}

base::CommandResult SnpeTools::run(const std::string& tool, const std::vector<std::string>& arguments,
                                   const std::string& dir, const std::string& log, double timeout_s) const {
  auto result = attempt(tool, arguments, dir, log, timeout_s);
  if (result.good()) return result;
  std::string what = tool + ": " + result.describe();
  if (!log.empty()) {
    const std::string file = (std::filesystem::path(dir) / log).string();
    base::CommandResult said = result;
    said.output = base::read_file(file, std::uint64_t{1} << 26);
    what = tool + ": " + said.describe() + " (" + file + ")";
  }
  throw Error(Fault::device, what);
}

}  // namespace hwprof::compiling
