// SPDX-License-Identifier: Apache-2.0
#include "compiler/snpe_options.hpp"

#include "base/text.hpp"
#include "compiler/option_value.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace {

const std::vector<std::string> all_runtimes{"CPU", "GPU", "GPU_FP16", "DSP"};
const std::vector<std::string> all_buffers{"float", "ub_float", "ub_tf8"};
const std::vector<std::string> all_profiles{"balanced",         "default",     "sustained_high_performance",
                                            "high_performance", "power_saver", "system_settings"};

/// Every option, in one place.
const OptionSetters<SnpeOptions>& setters() {
  using O = SnpeOptions;
  using V = const OptionValue&;
  static const OptionSetters<SnpeOptions> all{
      {"runtime", [](O& o, V v) { o.runtimes = v.some_of(all_runtimes); }},
      {"buffer-type", [](O& o, V v) { o.buffers = v.some_of(all_buffers); }},
      {"measurements",
       [](O& o, V v) {
         o.measurements = v.some_of({"timing", "mem"});
       }},
      {"phone", [](O& o, V v) { o.phones = v.list(); }},
      {"perf-profile", [](O& o, V v) { o.perf_profile = v.one_of(all_profiles); }},
      {"profiling-level",
       [](O& o, V v) {
         o.profiling_level = v.one_of({"basic", "detailed"});
       }},
      {"input-type",
       [](O& o, V v) {
         o.input_type = v.one_of({"float32", "uint8"});
       }},
      {"quantize",
       [](O& o, V v) {
         o.quantize = v.one_of({"auto", "yes", "no"});
       }},
      {"latency-key",
       [](O& o, V v) {
         o.key = v.one_of({"total", "forward"});
       }},
      {"cpu-fallback", [](O& o, V v) { o.cpu_fallback = v.truth(); }},
      {"device-path", [](O& o, V v) { o.device_path = v.text; }},
      {"host", [](O& o, V v) { o.host = v.text; }},
      {"sdk", [](O& o, V v) { o.sdk = v.text; }},
      {"container", [](O& o, V v) { o.container = v.text; }},
      {"container-tool", [](O& o, V v) { o.container_tool = v.text; }},
      {"script", [](O& o, V v) { o.script = v.text; }},
      {"runs", [](O& o, V v) { o.runs = v.whole(1, 100000); }},
      {"inputs", [](O& o, V v) { o.inputs = v.whole(1, 100000); }},
      {"tool-timeout", [](O& o, V v) { o.tool_timeout_s = v.seconds(); }},
      {"bench-timeout", [](O& o, V v) { o.bench_timeout_s = v.seconds(); }}};
  return all;
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
  set_options(out, "snpe", options.device_options, setters());
  if (options.batch != 1) throw Error(Fault::usage, "snpe: measures one image at a time; batch must be 1");
  return out;
}

ToolPlace tool_place(const SnpeOptions& options) {
  ToolPlace place;
  if (!options.sdk.empty()) {
    place.folders = {options.sdk + "/bin/x86_64-linux-clang", options.sdk + "/benchmarks"};
    place.environment["SNPE_ROOT"] = options.sdk;
  }
  place.container = options.container;
  place.container_tool = options.container_tool;
  place.container_arguments = {"--privileged", "--user", "0", "--volume", "/dev/bus/usb:/dev/bus/usb"};
  return place;
}

}  // namespace hwprof::compiling
