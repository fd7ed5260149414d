// SPDX-License-Identifier: Apache-2.0
#include "cli.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "hwprof/error.hpp"

#ifdef HWPROF_HAVE_TORCH
#include "hwprof/torch.hpp"
#endif
#ifdef HWPROF_HAVE_OPENCV
#include "hwprof/opencv.hpp"
#endif

namespace hwprof_cli {

CLI::App* add_verb(Cli& cli, const std::string& name, const std::string& description, std::function<void()> action) {
  CLI::App* verb = cli.app.add_subcommand(name, description);
  verb->set_help_flag("-h,--help", "Print the page of this verb");
  verb->callback([&cli, action = std::move(action)] { cli.action = action; });
  return verb;
}

void add_output_options(CLI::App* verb, Cli& cli) {
  verb->add_flag("--json", cli.json, "Print one JSON document");
  verb->add_flag("--quiet", cli.quiet, "Print nothing but errors");
}

CLI::Option* add_repeatable(CLI::App* verb, const std::string& name, std::vector<std::string>& values,
                            const std::string& description) {
  return verb->add_option(name, values, description)->allow_extra_args(false);
}

namespace {

CLI::Validator bound(const char* what, bool with_zero) {
  return {[what, with_zero](std::string& text) {
            double value = 0;
            const bool good = CLI::detail::lexical_cast(text, value) && (value > 0 || (with_zero && value == 0));
            return good ? std::string() : std::string(what) + " is expected, found '" + text + "'";
          },
          ""};
}

}  // namespace

CLI::Validator positive_number() {
  return bound("a number above 0", false);
}

CLI::Validator number_from_zero() {
  return bound("0 or a number above it", true);
}

void add_plugin_option(CLI::App* verb, Cli& cli) {
  add_repeatable(verb, "--plugin", cli.plugins, "Shared library that adds compilers or spaces");
}

namespace {

/// NAME=VALUE into the device's options.
void put_device_option(hwprof::MeasureOptions& options, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw hwprof::Error(hwprof::Fault::usage, "--device-option takes NAME=VALUE, found '" + text + "'");
  if (!options.device_options.emplace(text.substr(0, equals), text.substr(equals + 1)).second)
    throw hwprof::Error(hwprof::Fault::usage, "device option '" + text.substr(0, equals) + "' is given twice");
}

/// An option of its own for what devices are asked most; values given several times are joined by commas.
void add_device_option(CLI::App* verb, hwprof::MeasureOptions& options, const std::string& name,
                       const std::string& description) {
  const auto put = [&options, name](const std::vector<std::string>& values) {
    std::string text;
    for (const auto& value : values) text += (text.empty() ? "" : ",") + value;
    put_device_option(options, name + "=" + text);
  };
  verb->add_option_function<std::vector<std::string>>("--" + name, put, description)->allow_extra_args(false);
}

}  // namespace

void add_device_options(CLI::App* verb, hwprof::MeasureOptions& options) {
  add_device_option(verb, options, "runtime", "Runtime of the device, e.g. GPU");
  add_device_option(verb, options, "phone", "Serial number of an attached phone");
  add_device_option(verb, options, "perf-profile", "Performance profile of the device");
  add_device_option(verb, options, "runs", "Runs of each network");
  add_device_option(verb, options, "inputs", "Random inputs of each run");
  const auto put = [&options](const std::vector<std::string>& values) {
    for (const auto& value : values) put_device_option(options, value);
  };
  verb->add_option_function<std::vector<std::string>>("--device-option", put, "NAME=VALUE, an option of the device")
      ->allow_extra_args(false);
}

void add_measure_options(CLI::App* verb, hwprof::MeasureOptions& options) {
  verb->add_option("--batch", options.batch, "Images per forward");
  verb->add_option("--threads", options.threads, "Threads of the device library");
  verb->add_flag("--channels-last", options.channels_last, "NHWC memory layout");
  verb->add_option("--budget", options.budget_s, "Seconds of measuring");
  verb->add_option("--ci", options.max_rel_ci, "Relative confidence interval at which a network is done");
  add_device_options(verb, options);
}

void add_training_options(CLI::App* verb, hwprof::MeasureOptions& options) {
  verb->add_option("--mode", options.mode, "inference or train");
  verb->add_flag("--till-first-fail", options.till_first_fail, "No larger batch after one that ran out of memory");
  add_device_option(verb, options, "memory-limit", "Bytes that a network may take");
}

void add_fit_options(CLI::App* verb, hwprof::FitOptions& options) {
  verb->add_flag("--num-blocks", options.num_blocks, "Use the number of blocks as a second variable");
  verb->add_option("--ridge", options.ridge, "Ridge penalty");
  verb->add_flag("--huber", options.huber, "Weigh outlying networks down");
  verb->add_flag("--nonnegative", options.nonnegative, "No coefficient below 0");
  verb->add_flag("--per-class", options.per_class, "A scale for each primitive type");
}

namespace {

/// Devices of libtorch; none in a build without it.
std::vector<std::string> torch_devices() {
#ifdef HWPROF_HAVE_TORCH
  return hwprof::list_torch_devices();
#else
  return {};
#endif
}

/// Compiler names that libtorch gives; -1 is aw_nas' name of the CPU.
bool is_torch(const std::string& name) {
  return name == "cpu" || name == "cuda" || name == "-1";
}

bool contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

bool has_torch() noexcept {
#ifdef HWPROF_HAVE_TORCH
  return true;
#else
  return false;
#endif
}

std::vector<std::string> devices() {
  std::vector<std::string> out = torch_devices();
  for (const auto& name : hwprof::list_compilers())
    if (!is_torch(name) || !has_torch()) out.push_back(name);
  return out;
}

void prepare_models() {
#ifdef HWPROF_HAVE_TORCH
  hwprof::register_torch_models();
#endif
}

void prepare_training() {
#ifdef HWPROF_HAVE_TORCH
  hwprof::register_torch_trainer();
#endif
}

void prepare_compilers(const Cli& cli) {
#ifdef HWPROF_HAVE_TORCH
  hwprof::register_torch_compilers();
#endif
#ifdef HWPROF_HAVE_OPENCV
  hwprof::register_opencv_compiler();
#endif
  for (const auto& library : cli.plugins) hwprof::load_plugin(library);
}

void check_device(const std::string& device) {
  using hwprof::Error;
  using hwprof::Fault;
  const std::string name = device.substr(0, device.find(':'));
  if (name == "opencv" && !contains(hwprof::list_compilers(), name))
    throw Error(Fault::unsupported,
                "device 'opencv' needs OpenCV's DNN module, which this build is without; install it (Debian: "
                "libopencv-dev) and configure with -DHWPROF_OPENCV=ON");
  if (!is_torch(name)) return;
  if (!has_torch()) {
    if (contains(hwprof::list_compilers(), name)) return;
    throw Error(Fault::unsupported, "device '" + device +
                                        "' needs libtorch, which this build is without; install libtorch (Debian: "
                                        "libtorch-dev) and configure with -DHWPROF_TORCH=ON");
  }
  const auto known = torch_devices();
  if (name != "cuda" || contains(known, device == name ? "cuda:0" : device)) return;
  std::string list;
  for (const auto& one : known) list += (list.empty() ? "" : ", ") + one;
  throw Error(Fault::unsupported, "device '" + device + "': libtorch has " + list +
                                      " here; for others build with a libtorch that has CUDA (CMAKE_PREFIX_PATH)");
}

hwprof::OnnxNet read_script(const std::string& file, const hwprof::Shape& input) {
#ifdef HWPROF_HAVE_TORCH
  return hwprof::read_torchscript(file, input);
#else
  (void)input;
  throw hwprof::Error(hwprof::Fault::unsupported,
                      file + ": TorchScript is read with libtorch, which this build is without (-DHWPROF_TORCH=ON)");
#endif
}

double difference(const hwprof::Graph& a, const hwprof::Graph& b, const hwprof::Shape& input) {
#ifdef HWPROF_HAVE_TORCH
  return hwprof::output_difference(a, b, input);
#else
  (void)a;
  (void)b;
  (void)input;
  throw hwprof::Error(hwprof::Fault::unsupported,
                      "--check computes with libtorch, which this build is without (-DHWPROF_TORCH=ON)");
#endif
}

void check_new_file(const std::string& file, bool force) {
  std::error_code ignored;
  if (!force && std::filesystem::exists(file, ignored))
    throw hwprof::Error(hwprof::Fault::usage, file + ": is there already; --force replaces it");
}

}  // namespace hwprof_cli
