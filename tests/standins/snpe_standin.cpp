// SPDX-License-Identifier: Apache-2.0
// Stands in for the programs of the SNPE SDK and for adb: behaves as they are documented to, in front of a made-up
// phone whose true cost is known. Acts by the name it is called by. HWPROF_STANDIN names a folder with control.json:
//   {"phones": {"P1": "device"}, "lose": {"P1": 3}, "faults": {"nan": ["4"], …}, "host": "localhost"}
// lose: the phone goes offline in that bench. host: where adb's server is; elsewhere are no phones. faults, by network:
// reject, bad (converter: the latter leaves no DLC but calls it one), half, nan, hang, die, empty (bench), raw
// (quantizer); "absent": runtimes that the phone does not have; "crash": runtimes that end the bench; "awkward": layers
// get names with commas and quotes.
//
// True cost of a layer on the GPU: 3 µs + MACs / 40 G/s (depthwise 12 G/s) + bytes / 20 GB/s; the CPU takes 3 times,
// the DSP half of it. Batch norm and the activation behind a convolution cost nothing: they are fused into it. In a
// network of several convolutions what was just written is still in the cache: its layers take 0.96 of that. A run
// takes 650 µs beside its layers. Every time is off by up to 1 %, each time by the same for the same network.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "hwprof/graph.hpp"

namespace fs = std::filesystem;
using hwprof::Graph;
using hwprof::Op;
using hwprof::OpKind;
using Json = nlohmann::ordered_json;

namespace {

constexpr double launch_us = 650;
constexpr double cached = 0.96;

struct Failed {
  std::string what;
};

std::string folder() {
  const char* dir = std::getenv("HWPROF_STANDIN");
  if (dir == nullptr) throw Failed{"HWPROF_STANDIN is not set"};
  return dir;
}

Json read_json(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw Failed{file + ": cannot be read"};
  return Json::parse(stream);
}

Json control() {
  return read_json(folder() + "/control.json");
}

bool has_fault(const std::string& fault, const std::string& name) {
  const auto all = control();
  if (!all.contains("faults") || !all["faults"].contains(fault)) return false;
  for (const auto& one : all["faults"][fault])
    if (one == name || one == "*") return true;
  return false;
}

/// The value behind an option.
std::string value_of(const std::vector<std::string>& arguments, const std::string& option) {
  const auto at = std::find(arguments.begin(), arguments.end(), option);
  if (at == arguments.end() || at + 1 == arguments.end()) throw Failed{"usage: " + option + " is missing"};
  return *(at + 1);
}

struct DlcLayer {
  std::string name, type, dims;
  double us = 0;
};
struct Dlc {
  std::string input, input_dims;
  bool quantized = false;
  std::vector<DlcLayer> layers;
};

Dlc load_dlc(const std::string& file) {
  const auto json = read_json(file);
  Dlc dlc{json.at("input"), json.at("dims"), json.at("quantized"), {}};
  for (const auto& row : json.at("layers")) dlc.layers.push_back({row.at(0), row.at(1), row.at(2), row.at(3)});
  return dlc;
}

void save_dlc(const std::string& file, const Dlc& dlc) {
  Json json{{"input", dlc.input}, {"dims", dlc.input_dims}, {"quantized", dlc.quantized}, {"layers", Json::array()}};
  for (const auto& layer : dlc.layers) json["layers"].push_back({layer.name, layer.type, layer.dims, layer.us});
  std::ofstream(file) << json;
}

std::string dims_of(const hwprof::Shape& shape) {
  std::ostringstream text;
  text << shape[0] << 'x' << shape[2] << 'x' << shape[3] << 'x' << shape[1];
  return text.str();
}

bool is_activation(OpKind kind) {
  return kind == OpKind::relu || kind == OpKind::relu6 || kind == OpKind::h_swish;
}

/// Whether the op disappears into the convolution before it.
bool is_fused(const Graph& graph, std::size_t i) {
  const Op& op = graph.ops[i];
  if (op.kind == OpKind::dropout || op.kind == OpKind::identity) return true;
  if (op.kind != OpKind::batch_norm && !is_activation(op.kind)) return false;
  const auto before = static_cast<std::size_t>(op.inputs.at(0));
  const OpKind kind = graph.ops[before].kind;
  return kind == OpKind::conv2d || (is_activation(op.kind) && kind == OpKind::batch_norm && is_fused(graph, before));
}

void convert(const std::vector<std::string>& arguments) {
  const std::string file = value_of(arguments, "--input_network");
  const auto net = hwprof::read_onnx(file);
  const Graph& graph = net.graph;
  const auto shapes = hwprof::infer_shapes(graph, net.input);
  const auto work = hwprof::count_work(graph, net.input);
  const std::string id = fs::absolute(file).parent_path().filename().string();
  if (has_fault("reject", id))
    throw Failed{"ERROR_ONNX_NODE_UNSUPPORTED: node " + graph.ops.back().name + ": type not supported"};
  if (has_fault("bad", id)) {
    std::ofstream(value_of(arguments, "--output_path")) << "{}";
    return;
  }
  const bool awkward = has_fault("awkward", id);
  Dlc dlc{graph.ops[0].name, dims_of(net.input), false, {}};
  for (std::size_t i = 1; i < graph.ops.size(); ++i) {
    if (is_fused(graph, i)) continue;
    const Op& op = graph.ops[i];
    const bool conv = op.kind == OpKind::conv2d;
    const bool depthwise = conv && op.groups > 1;
    DlcLayer layer{op.name, conv ? (depthwise ? "convolutional_dw" : "convolutional") : hwprof::to_string(op.kind),
                   dims_of(shapes[i]), 3};
    if (awkward) layer.name += ", \"fused\" (3x3, s=1) Type:odd";
    layer.us += work[i].macs / (depthwise ? 12e3 : 40e3) + (work[i].input_bytes + work[i].output_bytes) / 20e3;
    dlc.layers.push_back(layer);
  }
  const auto convolutions =
      std::count_if(graph.ops.begin(), graph.ops.end(), [](const Op& op) { return op.kind == OpKind::conv2d; });
  if (convolutions > 4)  // more than one block
    for (auto& layer : dlc.layers) layer.us *= cached;
  save_dlc(value_of(arguments, "--output_path"), dlc);
  std::cout << "INFO_CONVERSION_SUCCESS: Conversion completed successfully\n";
}

void print_info(const std::vector<std::string>& arguments) {
  const Dlc dlc = load_dlc(value_of(arguments, "-i"));
  const std::string bar(100, '-');
  std::cout << "DLC info for: " << value_of(arguments, "-i") << "\nModel Version: N/A\n"
            << bar << '\n'
            << "| Id | Name | Type | Inputs | Outputs | Out Dims | Runtimes | Parameters |\n"
            << bar << '\n'
            << "| 0  | " << dlc.input << " | data | " << dlc.input << " | " << dlc.input << " | " << dlc.input_dims
            << " | A D G C | input_preprocessing: passthrough |\n";
  for (std::size_t i = 0; i < dlc.layers.size(); ++i)
    std::cout << "| " << i + 1 << "  | " << dlc.layers[i].name << " | " << dlc.layers[i].type << " | x | y | "
              << dlc.layers[i].dims << " | A D G C | |\n";
  std::cout << bar << "\nTotal parameters: 1\nTraining: no\nConcepts: none\n";
}

/// Throws where adb's server is another one.
void check_host(const std::string& host) {
  if (control().value("host", "localhost") != host) throw Failed{"cannot connect to daemon at " + host};
}

std::string state_of(const std::string& phone) {
  std::ifstream gone(folder() + "/gone-" + phone);
  if (gone) return "offline";
  const auto all = control();
  return all["phones"].contains(phone) ? all["phones"][phone].get<std::string>() : "";
}

void adb(std::vector<std::string> arguments) {
  const bool elsewhere = !arguments.empty() && arguments[0] == "-H";
  check_host(elsewhere ? value_of(arguments, "-H") : "localhost");
  if (elsewhere) arguments.erase(arguments.begin(), arguments.begin() + 2);
  if (!arguments.empty() && arguments[0] == "devices") {
    std::cout << "* daemon not running; starting now at tcp:5037\n* daemon started successfully\n"
              << "List of devices attached\n";
    const auto all = control();
    for (const auto& item : all["phones"].items()) std::cout << item.key() << '\t' << state_of(item.key()) << '\n';
    std::cout << '\n';
    return;
  }
  const std::string phone = value_of(arguments, "-s");
  const std::string state = state_of(phone);
  if (state != "device") throw Failed{"error: device '" + phone + "' " + (state.empty() ? "not found" : state)};
  const std::string last = arguments.back();
  if (last == "get-state") std::cout << "device\n";
  if (last == "ro.product.model") std::cout << "StandIn One\n";
  if (last.find("gpuclk") != std::string::npos) std::cout << "585000000\n";
  if (last.find("thermal") != std::string::npos) std::cout << "36500\n";
}

/// Every file of the list has the size of its input, as 4-byte reals or, where they may be, as bytes.
void check_inputs(const std::string& file, const Dlc& dlc, bool bytes_too) {
  std::int64_t size = 1;
  std::istringstream dims(dlc.input_dims);
  for (std::string side; std::getline(dims, side, 'x');) size *= std::stoll(side);
  std::ifstream list(file);
  int lines = 0;
  for (std::string line; std::getline(list, line); ++lines) {
    const auto mark = line.find(":=");
    if (mark == std::string::npos || line.substr(0, mark) != dlc.input)
      throw Failed{"bad line in the input list: " + line};
    const auto bytes = static_cast<std::int64_t>(fs::file_size(line.substr(mark + 2)));
    if (bytes != 4 * size && !(bytes_too && bytes == size)) throw Failed{"input of a wrong size: " + line};
  }
  if (lines == 0) throw Failed{"no inputs"};
}

void quantize(const std::vector<std::string>& arguments) {
  Dlc dlc = load_dlc(value_of(arguments, "--input_dlc"));
  if (has_fault("raw", fs::current_path().filename().string())) throw Failed{"ERROR: no ranges for layer 3"};
  check_inputs(value_of(arguments, "--input_list"), dlc, false);
  dlc.quantized = true;
  save_dlc(value_of(arguments, "--output_dlc"), dlc);
}

class Noise {
 public:
  explicit Noise(const std::string& text) : rng_(std::hash<std::string>()(text)) {}
  double operator()() { return 1 + 0.01 * (2 * static_cast<double>(rng_() >> 11) * 0x1p-53 - 1); }

 private:
  std::mt19937_64 rng_;
};

Json stats_of(double us) {
  return {{"Avg_Time", std::llround(us)}, {"Max_Time", std::llround(us * 1.08)}, {"Min_Time", std::llround(us * 0.97)}};
}

Json execution(const Dlc& dlc, const std::string& runtime, const std::string& name) {
  const double speed = runtime.rfind("CPU", 0) == 0 ? 3 : runtime.rfind("DSP", 0) == 0 ? 0.5 : 1;
  Noise noise(name + runtime + std::to_string(dlc.layers.size()));
  Json data;
  double sum = 0;
  Json layers;
  layers["layer_000 (Name:" + dlc.input + " Type:data)"] = stats_of(6);
  for (std::size_t i = 0; i < dlc.layers.size(); ++i) {
    const double us = dlc.layers[i].us * speed * noise();
    sum += us;
    std::ostringstream number;
    number.width(3);
    number.fill('0');
    number << i + 1;
    Json row = {{"Avg_Time", us}, {"Max_Time", us * 1.1}, {"Min_Time", us * 0.95}, {"Runtime", runtime}};
    layers["layer_" + number.str() + " (Name:" + dlc.layers[i].name + " Type:" + dlc.layers[i].type + ")"] = row;
  }
  const double total = (launch_us + sum) * noise();
  data["Total Inference Time"] = stats_of(total);
  data["Forward Propagate"] = stats_of(total - 28);
  data["Forward Propagate"]["Runtime"] = runtime;
  data.update(layers);
  return data;
}

/// One bench more on this phone; true when it is the one in which it goes away.
bool goes_away(const std::string& phone) {
  const auto all = control();
  if (!all.contains("lose") || !all["lose"].contains(phone)) return false;
  const std::string file = folder() + "/count-" + phone;
  int count = 0;
  std::ifstream(file) >> count;
  std::ofstream(file) << ++count;
  if (count != all["lose"][phone]) return false;
  std::ofstream(folder() + "/gone-" + phone) << "gone";
  return true;
}

void bench(const std::vector<std::string>& arguments) {
  if (std::find(arguments.begin(), arguments.end(), "-json") == arguments.end()) throw Failed{"usage: no -json"};
  const auto config = read_json(value_of(arguments, "-c"));
  const std::string name = config["Name"];
  const std::string phone = config["Devices"].at(0);
  check_host(config["HostName"]);
  if (state_of(phone) != "device") throw Failed{"device " + phone + " is not available"};
  std::ofstream(folder() + "/benched", std::ios::app) << phone + " " + name + "\n";
  if (goes_away(phone)) throw Failed{"error: device '" + phone + "' not found"};
  if (has_fault("hang", name)) std::this_thread::sleep_for(std::chrono::hours(1));
  if (has_fault("die", name)) {
    std::signal(SIGSEGV, SIG_DFL);  // else a sanitizer turns the signal into an exit
    std::raise(SIGSEGV);
  }
  const Dlc dlc = load_dlc(config["Model"]["Dlc"]);
  check_inputs(config["Model"]["InputList"], dlc, true);
  std::vector<std::string> runtimes;
  Json data = Json::object();
  for (const auto& runtime : config["Runtimes"])
    for (const auto& buffer : config["BufferTypes"]) {
      const std::string key = runtime.get<std::string>() + (buffer == "float" ? "" : "_" + buffer.get<std::string>());
      runtimes.push_back(key);
      if (has_fault("absent", runtime)) continue;
      if (has_fault("crash", runtime)) throw Failed{"error: runtime " + key + " is not available"};
      if (runtime == "DSP" && !dlc.quantized) throw Failed{"the DSP needs a quantised model"};
      data[key] = execution(dlc, key, name);
    }
  std::string names;
  for (const auto& one : runtimes) names += (names.empty() ? "" : ",") + one;
  Json results{{"Architectures", "arm64-v8a"},      {"Devices", phone},  {"Date", "2020-03-20 12:00:00"},
               {"SNPE SDK version:", "0.stand-in"}, {"Runtimes", names}, {"Execution_Data", data}};
  std::string text = results.dump(1);
  if (has_fault("nan", name)) {
    const auto at = text.find("\"Avg_Time\":", text.find("Total Inference Time")) + 12;
    text.replace(at, text.find_first_of(",\n", at) - at, "NaN");
  }
  if (has_fault("half", name)) text.resize(text.size() / 2);
  const fs::path out = config["HostResultsDir"].get<std::string>();
  fs::create_directories(out / "2020-03-20_12:00:00");
  if (!has_fault("empty", name)) std::ofstream(out / "2020-03-20_12:00:00" / "benchmark_stats.json") << text;
  fs::create_directory_symlink("2020-03-20_12:00:00", out / "latest_results");
}

int run(const std::string& name, const std::vector<std::string>& arguments);

/// `docker run … IMAGE TOOL …` runs the tool here; `docker kill` notes it.
int docker(const std::vector<std::string>& arguments) {
  std::ofstream log(folder() + "/docker.log", std::ios::app);
  for (const auto& word : arguments) log << word << '\n';
  log << "--\n";
  log.close();
  if (arguments.empty() || arguments[0] != "run") return 0;
  const auto image = std::find(arguments.begin(), arguments.end(), "snpe:test");
  if (image == arguments.end() || image + 1 == arguments.end()) throw Failed{"docker: no such image"};
  fs::current_path(value_of(arguments, "--workdir"));
  return run(*(image + 1), {image + 2, arguments.end()});
}

int run(const std::string& name, const std::vector<std::string>& arguments) {
  if (name == "snpe-onnx-to-dlc")
    convert(arguments);
  else if (name == "snpe-dlc-info")
    print_info(arguments);
  else if (name == "snpe-dlc-quantize")
    quantize(arguments);
  else if (name == "snpe_bench.py")
    bench(arguments);
  else if (name == "adb")
    adb(arguments);
  else if (name == "docker")
    return docker(arguments);
  else
    throw Failed{"called as " + name};
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(fs::path(argv[0]).filename().string(), {argv + 1, argv + argc});
  } catch (const Failed& failed) {
    std::cerr << failed.what << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
  }
  return 1;
}
