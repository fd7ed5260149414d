// SPDX-License-Identifier: Apache-2.0
#include "compiler/dpu_options.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "compiler/option_value.hpp"
#include "hwprof/dpu.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace {

constexpr const char* path_characters = "._-/+@";

/// Every option, in one place.
const OptionSetters<DpuOptions>& setters() {
  using O = DpuOptions;
  using V = const OptionValue&;
  static const OptionSetters<DpuOptions> all{
      {"target",
       [](O& o, V v) {
         if (v.text != "none") (void)find_dpu_target(v.text);
         o.target = v.text;
       }},
      {"images", [](O& o, V v) { o.images = v.text; }},
      {"calib-iter", [](O& o, V v) { o.calib_iter = v.whole(1, 10000); }},
      {"method", [](O& o, V v) { o.method = v.whole(0, 1); }},
      {"gpu", [](O& o, V v) { o.gpu = std::to_string(v.whole(0, 64)); }},
      {"keep-fixed-neuron", [](O& o, V v) { o.keep_fixed_neuron = v.truth(); }},
      {"arch", [](O& o, V v) { o.arch = v.plain(path_characters); }},
      {"compiler",
       [](O& o, V v) {
         o.compiler = v.one_of({"vai_c_caffe", "vai_c_xir"});
       }},
      {"modes",
       [](O& o, V v) {
         o.modes = v.some_of({"debug", "normal"});
       }},
      {"latency",
       [](O& o, V v) {
         o.latency = v.one_of({"auto", "debug", "normal"});
       }},
      {"jobs", [](O& o, V v) { o.jobs = v.whole(1, 256); }},
      {"tool-timeout", [](O& o, V v) { o.tool_timeout_s = v.seconds(); }},
      {"container", [](O& o, V v) { o.container = v.plain("._-/:@"); }},
      {"container-tool", [](O& o, V v) { o.container_tool = v.plain(path_characters); }},
      {"launcher",
       [](O& o, V v) {
         for (const auto& word : base::split(v.text, ' '))
           if (!word.empty()) o.launcher.push_back(word);
         if (o.launcher.empty()) v.refuse("a program and its arguments are expected");
       }},
      {"script", [](O& o, V v) { o.script = v.text; }},
      {"runs", [](O& o, V v) { o.runs = v.whole(1, 1000000); }},
      {"warm-up", [](O& o, V v) { o.warmup = v.whole(0, 1000000); }},
      {"measure-timeout", [](O& o, V v) { o.measure_timeout_s = v.seconds(); }},
      {"server", [](O& o, V v) { o.server = v.text; }},
      {"token-file", [](O& o, V v) { o.token_file = v.text; }},
      {"ca-file", [](O& o, V v) { o.ca_file = v.text; }},
      {"attempts", [](O& o, V v) { o.attempts = v.whole(1, 20); }},
      {"host", [](O& o, V v) { o.host = v.plain("._-@"); }},
      {"port", [](O& o, V v) { o.port = v.whole(1, 65535); }},
      {"identity", [](O& o, V v) { o.identity = v.text; }},
      {"folder", [](O& o, V v) { o.folder = v.plain("._-/"); }},
      {"board", [](O& o, V v) { o.board = v.text; }}};
  return all;
}

const std::set<std::string>& lasting_names() {
  static const std::set<std::string> names{"target", "images", "calib-iter", "method",  "keep-fixed-neuron", "arch",
                                           "modes",  "runs",   "warm-up",    "latency", "compiler"};
  return names;
}

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Fault::usage, "dpu: " + what);
}

void check(const DpuOptions& options) {
  if (!options.script.empty() && !options.container.empty())
    refuse("script and container exclude each other; run the script inside the container");
  int ways = 0;
  for (const auto* way : {&options.server, &options.host, &options.board}) ways += way->empty() ? 0 : 1;
  if (ways > 1) refuse("of server, host and board one is expected");
  const bool normal = std::find(options.modes.begin(), options.modes.end(), "normal") != options.modes.end();
  if (!options.server.empty() && normal) refuse("a server measures in mode debug alone; give modes=debug");
  if (options.latency != "auto" &&
      std::find(options.modes.begin(), options.modes.end(), options.latency) == options.modes.end())
    refuse("latency=" + options.latency + " is not among the modes that are measured");
  if (options.compiler == "vai_c_xir" && (!options.host.empty() || !options.board.empty()))
    refuse(
        "what vai_c_xir makes runs under VART, not under DNNDK; a server can take it, and results of vaitrace can be "
        "put into raw/<id>.latency.txt");
}

}  // namespace

std::map<std::string, std::string> DpuOptions::describe(DpuStep step) const {
  switch (step) {
    case DpuStep::quantize:
      return {{"images", images.empty() ? "made up, seed " + std::to_string(seed) : images},
              {"calib_iter", std::to_string(calib_iter)},
              {"method", std::to_string(method)},
              {"keep_fixed_neuron", keep_fixed_neuron ? "yes" : "no"}};
    case DpuStep::compile:
      return {{"arch", arch}, {"compiler", compiler}, {"modes", base::join(modes, ",")}};
    case DpuStep::check:
    case DpuStep::deploy:
      return {};
    case DpuStep::measure:
      break;
  }
  return {{"runs", std::to_string(runs)}, {"warm_up", std::to_string(warmup)}};
}

DpuOptions read_dpu_options(const MeasureOptions& options) {
  DpuOptions out;
  out.seed = options.seed;
  if (options.device_options.count("token") != 0)
    refuse("a token on the command line can be seen by others; put it into a file and give token-file=FILE");
  set_options(out, "dpu", options.device_options, setters());
  if (options.batch != 1) refuse("measures one image at a time; batch must be 1");
  check(out);
  return out;
}

ToolPlace tool_place(const DpuOptions& options) {
  ToolPlace place;
  place.launcher = options.launcher;
  place.container = options.container;
  place.container_tool = options.container_tool;
  return place;
}

std::map<std::string, std::string> lasting_dpu_options(const std::map<std::string, std::string>& options) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : options)
    if (lasting_names().count(name) != 0) out[name] = value;
  return out;
}

}  // namespace hwprof::compiling
