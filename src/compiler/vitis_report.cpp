// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/vitis.hpp"

namespace hwprof {
namespace {

constexpr std::size_t most_lines = 50;
constexpr std::size_t longest_line = 400;
constexpr double mebi = 1024 * 1024;

/// What is known of a message: a piece of it, and what to do.
struct Known {
  const char* piece;
  const char* advice;
};
constexpr std::array known_messages{
    Known{
        "multiple layers with same name existed in deploy.prototxt",
        "the quantised prototxt has a second input layer; an ImageData layer needs include { phase: TRAIN }, then none "
        "arises"},
    Known{"Unrecognized Caffe layer type",
          "the compiler does not know this layer type; hwprof-cli check names such layers"},
    Known{"Unknown layer type", "the quantiser does not know this layer type; hwprof-cli check names such layers"},
    Known{"Only 'SUM' type is supported for Eltwise", "products (squeeze-and-excitation) cannot run on this DPU"},
    Known{"Only 'channel' axis supported on DPU for Concat", "only channels can be concatenated"},
    Known{"group attribute value for current layer",
          "grouped convolutions other than depthwise ones are not supported"},
    Known{"OperatorDptConv.cpp",
          "a depthwise kernel is too large for its buffer: height * width * ceil(channels / 16) "
          "must be at most 2048"},
    Known{"is not supported in DPU, deploy it in CPU instead",
          "the network is cut there and the layer runs on the "
          "processor"},
    Known{"Failed to find parameter for",
          "the caffemodel has no weights of this layer; prototxt and caffemodel do not "
          "belong together"},
    Known{"Duplicate names exist in current layer graph", "two layers have one name"},
    Known{"output blob is all zero",
          "the quantiser saw no images; check the calibration list: two columns, a file and a "
          "number"},
    Known{"has no field named \"follow_data_layer\"", "quantiser and compiler are of different versions of Vitis AI"},
    Known{"has no field named", "a prototxt holds a field that this version of Vitis AI does not know"},
    Known{"No blob named", "layers are joined by a blob that the compiler has renamed"},
    Known{"Could not open or find file", "a calibration image is missing"},
    Known{"out of memory", "the quantiser ran out of memory; give it fewer images at a time"}};

/// A number and its unit: "0.17MB".
struct Quantity {
  double number = 0;
  std::string unit;
};

class Parser {
 public:
  explicit Parser(const std::string& source) : source_(source) {}

  DpuCompilerReport run(std::string_view text) {
    std::size_t begin = 0;
    while (begin < text.size()) {
      const auto end = std::min(text.find('\n', begin), text.size());
      ++line_;
      take(base::trim(text.substr(begin, end - begin)));
      begin = end + 1;
    }
    return std::move(report_);
  }

 private:
  enum class Ports { none, inputs, outputs, input_nodes, output_nodes };

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(Fault::input, source_ + ":" + std::to_string(line_) + ": " + what);
  }

  void take(std::string_view line) {
    if (line.empty()) return;
    note(line);
    if (header(line) || subgraphs(line)) return;
    if (titles(line)) return;
    // Names of tensors have colons, so the value begins behind the last one that stands alone.
    const auto colon = line.rfind(" : ");
    if (colon == std::string_view::npos) {
      if (const auto bare = line.find(" :"); bare != std::string_view::npos && bare + 2 == line.size())
        value(base::trim(line.substr(0, bare)), {});
      return;
    }
    value(base::trim(line.substr(0, colon)), base::trim(line.substr(colon + 3)));
  }

  /// `kernel list info for network "x"`, with "DNNC " or "[VAI_C]" or the like before it.
  bool header(std::string_view line) {
    constexpr std::string_view list = "kernel list info for network";
    constexpr std::string_view topology = "Kernel topology";
    const auto at = line.find(list);
    if (at == std::string_view::npos && !base::starts_with(line, topology)) return false;
    if (at != std::string_view::npos) {
      report_.network = std::string(base::trim(line.substr(at + list.size())));
      if (report_.network.size() >= 2 && report_.network.front() == '"' && report_.network.back() == '"')
        report_.network = report_.network.substr(1, report_.network.size() - 2);
      report_.kernels.clear();  // a log of two calls: the last list counts
      in_kernel_ = false;
    }
    ports_ = Ports::none;
    return true;
  }

  bool subgraphs(std::string_view line) {
    const auto number_behind = [&line](std::string_view words) -> std::optional<std::int64_t> {
      const auto at = line.find(words);
      if (at == std::string_view::npos) return {};
      const auto rest = base::trim(line.substr(at + words.size()));
      return base::to_int(rest.substr(0, rest.find_first_not_of("0123456789")));
    };
    const auto all = number_behind("Total device subgraph number");
    const auto dpu = number_behind("DPU subgraph number");
    if (all) report_.subgraphs = all;
    if (dpu) report_.dpu_subgraphs = dpu;
    return all || dpu;
  }

  /// "Boundary Input Tensor(s)   (H*W*C)": its lines follow.
  bool titles(std::string_view line) {
    if (line.find("(H*W*C)") == std::string_view::npos) return false;
    const bool input = line.find("Input") != std::string_view::npos;
    if (line.find("Tensor(s)") != std::string_view::npos)
      ports_ = input ? Ports::inputs : Ports::outputs;
    else if (line.find("Node(s)") != std::string_view::npos)
      ports_ = input ? Ports::input_nodes : Ports::output_nodes;
    else
      return false;
    return true;
  }

  std::vector<DpuPort>& ports() {
    DpuKernelInfo& kernel = report_.kernels.back();
    switch (ports_) {
      case Ports::outputs:
        return kernel.outputs;
      case Ports::input_nodes:
        return kernel.input_nodes;
      case Ports::output_nodes:
        return kernel.output_nodes;
      case Ports::none:
      case Ports::inputs:
        break;
    }
    return kernel.inputs;
  }

  void value(std::string_view key, std::string_view text) {
    if (key == "Kernel Name") {
      if (text.empty()) fail("a kernel without a name");
      report_.kernels.emplace_back();
      report_.kernels.back().name = std::string(text);
      in_kernel_ = true;
      ports_ = Ports::none;
      return;
    }
    if (!in_kernel_) return;  // the list of ids and names, and what the program says before
    DpuKernelInfo& kernel = report_.kernels.back();
    if (key == "Kernel Type") {
      if (text != "DPUKernel" && text != "CPUKernel")
        fail("a kernel of type DPUKernel or CPUKernel is expected, found " + base::in_quotes(text));
      kernel.on_cpu = text == "CPUKernel";
    } else if (key == "Code Size") {
      kernel.code_bytes = bytes(text);
    } else if (key == "Param Size") {
      kernel.parameter_bytes = bytes(text);
    } else if (key == "IO Memory Space") {
      kernel.io_bytes = bytes(text);
    } else if (key == "Workload MACs") {
      kernel.operations = operations(text);
    } else if (key == "Total Tensor Count" || key == "Tensor Count") {
      kernel.tensors = count(text);
    } else if (key == "Total Node Count" || key == "Node Count") {
      kernel.nodes = count(text);
    } else if (ports_ != Ports::none) {
      if (const auto shape = shape_of(text)) ports().push_back({std::string(key), *shape});
      return;
    } else {
      return;
    }
    ports_ = Ports::none;
  }

  [[nodiscard]] Quantity quantity(std::string_view text) const {
    const auto unit = text.find_first_not_of("0123456789.");
    const auto number = base::to_double(text.substr(0, unit));
    if (!number || !(*number >= 0 && *number <= 1e12))
      fail("a number with a unit is expected, found " + base::in_quotes(text));
    return {*number, std::string(unit == std::string_view::npos ? std::string_view() : base::trim(text.substr(unit)))};
  }
  [[nodiscard]] double bytes(std::string_view text) const {
    const auto [number, unit] = quantity(text);
    if (unit == "MB") return number * mebi;
    if (unit == "KB") return number * 1024;
    if (unit == "GB") return number * mebi * 1024;
    if (unit == "B" || unit.empty()) return number;
    fail("B, KB, MB or GB are expected, found " + base::in_quotes(text));
  }
  [[nodiscard]] double operations(std::string_view text) const {
    const auto [number, unit] = quantity(text);
    if (unit == "MOPS") return number * 1e6;
    if (unit == "GOPS") return number * 1e9;
    if (unit == "KOPS") return number * 1e3;
    if (unit == "OPS" || unit.empty()) return number;
    fail("OPS, KOPS, MOPS or GOPS are expected, found " + base::in_quotes(text));
  }
  [[nodiscard]] std::int64_t count(std::string_view text) const {
    const auto number = base::to_int(text);
    if (!number || *number < 0) fail("a count is expected, found " + base::in_quotes(text));
    return *number;
  }
  /// "224*224*3"; nothing for other text, which programs print in between.
  static std::optional<std::array<std::int64_t, 3>> shape_of(std::string_view text) {
    const auto parts = base::split(text, '*');
    if (parts.size() != 3) return {};
    std::array<std::int64_t, 3> shape{};
    for (std::size_t i = 0; i < 3; ++i) {
      const auto side = base::to_int(base::trim(parts[i]));
      if (!side || *side < 0) return {};
      shape.at(i) = *side;
    }
    return shape;
  }

  /// Glog's lines begin with the severity and the date, "F0607 10:02:11.5".
  static bool is_glog(std::string_view line, char severity) {
    return line.size() > 8 && line[0] == severity && line[5] == ' ' && line[8] == ':' &&
           line.substr(1, 4).find_first_not_of("0123456789") == std::string_view::npos;
  }

  void note(std::string_view line) {
    const auto holds = [&line](const char* piece) { return line.find(piece) != std::string_view::npos; };
    const bool error = holds("][Error]") || holds("][Check Failed") || holds("][FATAL]") || holds("][ERROR]") ||
                       is_glog(line, 'F') || is_glog(line, 'E') || base::starts_with(line, "[libprotobuf ERROR");
    const bool warning = holds("][Warning]") || holds("][WARNING]") || base::starts_with(line, "[DNNDK] Warning");
    auto& lines = error ? report_.errors : report_.warnings;
    if ((error || warning) && lines.size() < most_lines) lines.emplace_back(line.substr(0, longest_line));
    const bool unmarked = holds("output blob is all zero") || holds("out of memory");
    if (!error && !warning && !unmarked) return;
    for (const auto& known : known_messages) {
      if (!holds(known.piece)) continue;
      if (std::find(report_.advice.begin(), report_.advice.end(), known.advice) == report_.advice.end())
        report_.advice.emplace_back(known.advice);
      break;
    }
  }

  const std::string source_;
  std::size_t line_ = 0;
  DpuCompilerReport report_;
  bool in_kernel_ = false;
  Ports ports_ = Ports::none;
};

}  // namespace

DpuCompilerReport parse_compiler_report(std::string_view text, const std::string& source) {
  return Parser(source).run(text);
}

const char* to_string(DpuStep step) noexcept {
  switch (step) {
    case DpuStep::check:
      return "check";
    case DpuStep::quantize:
      return "quantize";
    case DpuStep::compile:
      return "compile";
    case DpuStep::deploy:
      return "deploy";
    case DpuStep::measure:
      break;
  }
  return "measure";
}

}  // namespace hwprof
