// SPDX-License-Identifier: Apache-2.0
// The programs of Vitis AI.
#include "compiler/dpu_steps.hpp"

#include <algorithm>
#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "compiler/dpu_calibration.hpp"
#include "compiler/job_script.hpp"
#include "hwprof/device_log.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace fs = std::filesystem;
namespace {

using Words = std::vector<std::string>;
constexpr std::uint64_t largest_log = std::uint64_t{1} << 26;
constexpr const char* quantized_part = "raw/quantized.part";
constexpr const char* compiled_part = "raw/compiled.part";
constexpr const char* quantize_log = "raw/quantize.log";
constexpr const char* check_log = "raw/check.log";
constexpr const char* check_results = "check_results.txt";  // where it runs, whatever one asks for
constexpr const char* script_failed = "raw/script.failed";

Words quantize_words(const DpuOptions& options) {
  Words words{"quantize",
              "-model",
              calibration_prototxt,
              "-weights",
              caffemodel,
              "-calib_iter",
              std::to_string(options.calib_iter),
              "-method",
              std::to_string(options.method),
              "-output_dir",
              quantized_part};
  if (!options.gpu.empty()) words.insert(words.end(), {"-gpu", options.gpu});
  if (options.keep_fixed_neuron) words.emplace_back("-keep_fixed_neuron");
  return words;
}

Words compile_words(const DpuJob& job, const DpuOptions& options, const std::string& mode, const std::string& model) {
  const std::string out = compiled_part + ("/" + mode);
  if (options.compiler == "vai_c_xir")
    return {"-x", model, "-a", options.arch, "-o", out, "-n", kernel_name(job.id, mode)};
  const std::string quantized = quantized_folder;
  return {"-p",           quantized + "/deploy.prototxt",
          "-c",           quantized + "/deploy.caffemodel",
          "-a",           options.arch,
          "-e",           "{'mode': '" + mode + "'}",
          "--output_dir", out,
          "-n",           kernel_name(job.id, mode)};
}

std::string compile_log(const std::string& mode) {
  return "raw/compile-" + mode + ".log";
}

/// The quantised network that vai_c_xir takes.
std::string quantized_model(const std::string& dir) {
  const std::string folder = (fs::path(dir) / quantized_folder).string();
  if (base::is_folder(folder))
    for (const auto& name : base::list_folder(folder))
      if (base::ends_with(name, ".xmodel")) return quantized_folder + ("/" + name);
  throw Error(Fault::device, folder +
                                 ": vai_c_xir takes a quantised *.xmodel, and there is none. vai_q_caffe leaves a "
                                 "prototxt and a caffemodel, which vai_c_caffe takes in every version (give "
                                 "keep-fixed-neuron=yes from Vitis AI 1.3 on)");
}

/// A line of a log, safe to put into a message.
std::string printable(std::string line) {
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < ' ' || c == 127; }, ' ');
  return line;
}

/// Runs a tool; where it fails, its exit status is joined by what its log says and what is known of that.
DpuCompilerReport run(const Tools& tools, const std::string& tool, const Words& words, const std::string& dir,
                      const std::string& log, double timeout_s) {
  base::make_folder((fs::path(dir) / "raw").string());
  const auto result = tools.attempt(tool, words, dir, log, timeout_s);
  const std::string file = (fs::path(dir) / log).string();
  base::CommandResult said = result;
  said.output = base::read_file(file, largest_log);
  DpuCompilerReport report;
  std::string unread;
  try {
    report = parse_compiler_report(said.output, file);
  } catch (const Error& error) {  // the files that were made count, not what was printed
    unread = error.what();
  }
  if (result.good()) {
    if (!unread.empty()) report.warnings.insert(report.warnings.begin(), unread);
    return report;
  }
  std::string what = tool + ": ";
  if (report.errors.empty()) {
    what += said.describe();
  } else {  // more to the point than its last line
    said.output.clear();
    what += said.describe() + "; it said \"" + printable(report.errors.front()) + "\"";
  }
  what += " (" + file + ")";
  for (const auto& advice : report.advice) what += "; " + advice;
  throw Error(Fault::device, what);
}

/// What a script leaves of a step that failed: which one, and what it was asked.
std::string failure_mark(DpuStep step, const DpuOptions& options) {
  std::string mark = to_string(step);
  for (const auto& [key, value] : options.describe(step)) mark.append(" ").append(key).append("=").append(value);
  return mark;
}

/// The first error that a log tells of, or else its last line.
std::string said_in(const std::string& file) {
  const std::string text = base::read_file(file, largest_log);
  try {
    const auto report = parse_compiler_report(text, file);
    if (!report.errors.empty()) return report.errors.front();
  } catch (const Error&) {
    // what it cannot make out tells nothing of why
  }
  const auto shown = base::trim(text);
  return std::string(base::trim(shown.substr(shown.rfind('\n') + 1)));
}

/// Takes the place of what an earlier call left.
void move_into_place(const std::string& dir, const char* part, const std::string& name) {
  fs::remove_all(fs::path(dir) / name);
  fs::rename(fs::path(dir) / part, fs::path(dir) / name);
}

void describe(const DpuCompilerReport& report, const std::string& mode,
              std::map<std::string, std::string>& environment) {
  std::vector<std::string> on_cpu;
  double operations = 0;
  std::int64_t nodes = 0;
  for (const auto& kernel : report.kernels) {
    if (kernel.on_cpu) on_cpu.push_back(kernel.name);
    operations += kernel.operations.value_or(0);
    nodes += kernel.on_cpu ? 0 : kernel.nodes.value_or(0);
  }
  if (!on_cpu.empty()) environment["kernels_on_cpu"] = base::join(on_cpu, ",");
  if (nodes > 0) environment["compiler_nodes_" + mode] = std::to_string(nodes);
  if (operations > 0) environment["compiler_operations"] = base::format_number(operations);
  if (report.dpu_subgraphs) environment["dpu_subgraphs"] = std::to_string(*report.dpu_subgraphs);
  if (!report.warnings.empty()) environment["compiler_warning"] = report.warnings.front();
}

}  // namespace

std::vector<std::string> tools_of(DpuStep step, const DpuOptions& options) {
  return {step == DpuStep::compile ? options.compiler : "vai_q_caffe"};
}

std::string check_one(const DpuJob& job, const DpuOptions& options, const Tools& tools) {
  const fs::path dir(job.dir);
  fs::remove(dir / check_results);
  (void)run(tools, "vai_q_caffe", {"check", "-model", calibration_prototxt}, job.dir, check_log,
            options.tool_timeout_s);
  if (fs::exists(dir / check_results)) fs::rename(dir / check_results, dir / "raw" / check_results);
  const std::string said = base::read_file((dir / check_log).string(), largest_log);
  std::vector<std::string> refused;
  std::map<std::string, std::size_t> unknown;  // layers by type
  bool passed = false;
  bool failed = false;
  for (const auto& raw : base::split(said, '\n')) {
    const std::string line(base::trim(printable(raw)));
    passed = passed || base::starts_with(line, "Check Passed");
    failed = failed || base::starts_with(line, "Check Failed");
    if (line.find("do not support by") != std::string::npos) refused.push_back(line);
    const auto end = line.find(") is not known by");
    const auto begin = end == std::string::npos ? end : line.rfind('(', end);
    if (begin != std::string::npos) ++unknown[line.substr(begin + 1, end - begin - 1)];
  }
  const std::string log = " (" + (dir / check_log).string() + ")";
  if (failed || !refused.empty()) {
    constexpr std::size_t most = 3;
    const std::string more = refused.size() > most ? " and " + std::to_string(refused.size() - most) + " more" : "";
    if (refused.size() > most) refused.resize(most);
    throw Error(Fault::device, "vai_q_caffe: its check refuses the network: " +
                                   (refused.empty() ? std::string("no layer is named") : base::join(refused, "; ")) +
                                   more + log);
  }
  if (!passed) throw Error(Fault::device, "vai_q_caffe: said neither that its check passed nor that it failed" + log);
  std::vector<std::string> types;
  for (const auto& [type, count] : unknown) types.push_back(type + " (" + std::to_string(count) + ")");
  return types.empty() ? std::string() : "its check does not know these types of layers: " + base::join(types, ", ");
}

void quantize_one(const DpuJob& job, const DpuOptions& options, const Tools& tools,
                  std::map<std::string, std::string>& environment) {
  fs::remove_all(fs::path(job.dir) / quantized_part);
  write_calibration(job.dir, options);
  const auto report = run(tools, "vai_q_caffe", quantize_words(options), job.dir, quantize_log, options.tool_timeout_s);
  for (const char* name : {"deploy.prototxt", "deploy.caffemodel"}) {
    const fs::path file = fs::path(job.dir) / quantized_part / name;
    std::error_code error;
    if (fs::file_size(file, error) == 0 || error)
      throw Error(Fault::device, std::string("vai_q_caffe: left no ") + name + ", though its exit status is 0 (" +
                                     (fs::path(job.dir) / quantize_log).string() + ")" +
                                     (report.errors.empty() ? "" : "; " + base::in_quotes(report.errors.front())));
  }
  move_into_place(job.dir, quantized_part, quantized_folder);
  fs::remove_all(fs::path(job.dir) / calibration_folder);  // drawn or picked anew when needed again
  if (!report.advice.empty()) environment["quantizer_warning"] = report.advice.front();
}

void compile_one(const DpuJob& job, const DpuOptions& options, const Tools& tools,
                 std::map<std::string, std::string>& environment) {
  fs::remove_all(fs::path(job.dir) / compiled_part);
  const std::string model = options.compiler == "vai_c_xir" ? quantized_model(job.dir) : std::string();
  for (const auto& mode : options.modes) {
    base::make_folder((fs::path(job.dir) / compiled_part / mode).string());  // the compiler does not make it
    const auto report = run(tools, options.compiler, compile_words(job, options, mode, model), job.dir,
                            compile_log(mode), options.tool_timeout_s);
    describe(report, mode, environment);
  }
  move_into_place(job.dir, compiled_part, "raw/compiled");
  try {
    for (const auto& binary : find_binaries(job.dir, options)) {
      if (!base::ends_with(binary.file, ".elf")) continue;
      for (const auto& kernel : load_dpu_elf((fs::path(job.dir) / binary.file).string()))
        if (kernel.debug != (binary.mode == "debug"))
          throw Error(Fault::device, binary.file + ": was not compiled in mode " + binary.mode);
    }
  } catch (const Error&) {
    fs::rename(fs::path(job.dir) / "raw/compiled", fs::path(job.dir) / compiled_part);  // not for the next step
    throw;
  }
}

std::string failed_in_script(DpuStep step, const DpuJob& job, const DpuOptions& options) {
  const fs::path dir(job.dir);
  const std::string mark = (dir / script_failed).string();
  if (!base::exists(mark) || base::read_file(mark, 1 << 16) != failure_mark(step, options)) return {};
  std::vector<std::string> logs{quantize_log};
  if (step == DpuStep::compile) {
    logs.clear();
    for (const auto& mode : options.modes) logs.push_back(compile_log(mode));
  }
  std::string why = tools_of(step, options).front() + ": failed in the script";
  for (auto log = logs.rbegin(); log != logs.rend(); ++log) {
    const std::string file = (dir / *log).string();
    if (!base::exists(file)) continue;
    const std::string said = printable(said_in(file));
    return why + (said.empty() ? "" : "; it said \"" + said.substr(0, 400) + "\"") + " (" + file + ")";
  }
  return why + " (" + (dir / "raw/script.log").string() + ")";
}

void write_tool_script(const std::vector<DpuJob>& jobs, const DpuOptions& options, const Tools& tools) {
  constexpr const char* about =
      "# Written by hwprof: quantises and compiles networks with Vitis AI. Make this file's folder visible in the\n"
      "# vendor's container under any name, activate its Caffe environment (conda activate vitis-ai-caffe), run this "
      "file\n"
      "# there, and give hwprof the same command again (profile: --resume).\n";
  std::vector<ScriptJob> scripts;
  for (const auto& job : jobs) {
    const auto begin = [&options](DpuStep step) { return "now=" + shell_word(failure_mark(step, options)) + "\n"; };
    std::string steps = "rm -f " + std::string(script_failed) + "\n" + begin(DpuStep::quantize) +
                        "trap '[ $? = 0 ] || printf %s \"$now\" >" + script_failed + "' EXIT\n";
    if (!has_output(DpuStep::quantize, job, options)) {
      write_calibration(job.dir, options);
      steps += "if [ ! -d " + std::string(quantized_folder) + " ]; then\nrm -rf " + quantized_part + "\n" +
               script_line(tools, "vai_q_caffe", quantize_words(options)) + " >" + quantize_log + " 2>&1\n[ -s " +
               quantized_part + "/deploy.prototxt ]\n[ -s " + quantized_part + "/deploy.caffemodel ]\nmv " +
               quantized_part + " " + quantized_folder + "\nfi\n";
    }
    steps += begin(DpuStep::compile) + "if [ ! -d raw/compiled ]; then\nrm -rf " + std::string(compiled_part) + "\n";
    const std::string model = options.compiler == "vai_c_xir" ? quantized_model(job.dir) : std::string();
    for (const auto& mode : options.modes)
      steps += "mkdir -p " + std::string(compiled_part) + "/" + mode + "\n" +
               script_line(tools, options.compiler, compile_words(job, options, mode, model)) + " >" +
               compile_log(mode) + " 2>&1\nls " + compiled_part + "/" + mode + "/*." +
               (options.compiler == "vai_c_xir" ? "xmodel" : "[ex]*") + "\n";
    steps += "mv " + std::string(compiled_part) + " raw/compiled\nfi\n";
    scripts.push_back({job.id, job.dir, steps});
  }
  write_job_script(options.script, about, scripts);
}

}  // namespace hwprof::compiling
