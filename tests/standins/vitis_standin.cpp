// SPDX-License-Identifier: Apache-2.0
// Stands in for vai_q_caffe, vai_c_caffe and vai_c_xir: takes the arguments that they are documented to take, reads the
// files that they would read, prints what they print, and leaves files of the same names and formats. HWPROF_STANDIN
// names a folder with control.json (may be absent):
//   {"faults": {"reject": ["3"], …}}
// faults, by network (name of the folder it runs in): mute (check); die (both); reject, hang, empty (quantiser);
// c_reject, c_empty, cut, torn (compiler). Fusion as a DPU's compiler has it: batch norm is gone after quantising;
// activations, additions, dropout, slices and global pools run in the node before them, and so does a depthwise
// convolution, one per node.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "dpu_logs.hpp"
#include "prototxt.hpp"
#include "vitis_network.hpp"

namespace fs = std::filesystem;
using hwprof_test::Failed;
using hwprof_test::Fusing;
using hwprof_test::Message;
using hwprof_test::Node;
using hwprof_test::Size;
using Words = std::vector<std::string>;

namespace {

std::string read_all(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Failed{"Could not open or find file " + file.string()};
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

Message read_prototxt(const std::string& file) {
  const std::string text = read_all(file);
  return hwprof_test::MessageReader(text).read();
}

std::string here() {
  return fs::current_path().filename().string();
}

/// Notes that a program ran for this network, and says whether it is to go wrong.
bool has_fault(const std::string& fault) {
  const char* dir = std::getenv("HWPROF_STANDIN");
  if (dir == nullptr || !fs::exists(fs::path(dir) / "control.json")) return false;
  const auto control = nlohmann::json::parse(read_all(fs::path(dir) / "control.json"));
  if (!control.contains("faults") || !control["faults"].contains(fault)) return false;
  for (const auto& one : control["faults"][fault])
    if (one == here() || one == "*") return true;
  return false;
}

void note(const std::string& program, const Words& words) {
  const char* dir = std::getenv("HWPROF_STANDIN");
  if (dir == nullptr) return;
  std::string line = program + " " + here();
  for (const auto& word : words) line += " [" + word + "]";
  std::ofstream(fs::path(dir) / "vitis.log", std::ios::app) << line + "\n";
}

/// Values of options; each may be spelled in several ways. Anything that is not known is refused, as the programs do.
class Arguments {
 public:
  Arguments(const Words& words, std::size_t first, const std::map<std::string, std::string>& names) {
    for (std::size_t i = first; i < words.size(); ++i) {
      std::string word = words[i];
      if (word.rfind("--", 0) == 0 && names.count(word) == 0) word.erase(0, 1);
      const auto name = names.find(word);
      if (name == names.end()) throw Failed{"ERROR: unknown command line flag '" + words[i] + "'"};
      if (name->second.front() == '!') {
        values_[name->second.substr(1)] = "true";
      } else {
        if (i + 1 == words.size()) throw Failed{"ERROR: flag '" + words[i] + "' is missing its argument"};
        values_[name->second] = words[++i];
      }
    }
  }
  [[nodiscard]] std::string get(const std::string& name) const {
    const auto at = values_.find(name);
    if (at == values_.end()) throw Failed{"ERROR: " + name + " is needed"};
    return at->second;
  }
  [[nodiscard]] std::string get(const std::string& name, const std::string& otherwise) const {
    const auto at = values_.find(name);
    return at == values_.end() ? otherwise : at->second;
  }

 private:
  std::map<std::string, std::string> values_;
};

/// The images of a calibration list, checked as ImageData would read them. Returns how many.
int check_images(const Message& data) {
  const Message* source = data.find("image_data_param");
  if (source == nullptr) throw Failed{"F0101 10:00:00.000000 1 image_data_layer.cpp:30] no image_data_param"};
  if ((source->number("new_height", 0) > 0) != (source->number("new_width", 0) > 0))
    throw Failed{"F0101 10:00:00.000000 1 image_data_layer.cpp:34] Check failed: new_height and new_width"};
  const std::string root = source->text("root_folder");
  if (!root.empty() && root.back() != '/') throw Failed{"Could not open or find file " + root + "0.bmp"};
  std::istringstream lines(read_all(source->text("source")));
  int images = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto gap = line.rfind(' ');
    if (gap == std::string::npos) continue;  // one column: no image
    const std::string bytes = read_all(root + line.substr(0, gap));
    if (bytes.compare(0, 2, "BM") != 0 && bytes.compare(0, 2, "\xff\xd8") != 0)
      throw Failed{"Could not open or find file " + root + line.substr(0, gap)};
    ++images;
  }
  if (images == 0) throw Failed{"", 139};  // the real one crashes
  return images;
}

void die_if_asked() {
  if (!has_fault("die")) return;
  std::signal(SIGSEGV, SIG_DFL);  // else a sanitizer turns the signal into an exit
  std::raise(SIGSEGV);
}

/// Looks at types of layers only. Its exit status says nothing.
void check(const Words& words) {
  const Arguments arguments(words, 1, {{"-model", "model"}, {"-weights", "weights"}});
  const std::map<std::string, int> known{
      {"LRN", 0},   {"Softmax", 0}, {"Upsample", 0}, {"Convolution", 1}, {"Deconvolution", 1}, {"InnerProduct", 1},
      {"ReLU", 1},  {"Eltwise", 1}, {"Pooling", 1},  {"Concat", 1},      {"BatchNorm", 2},     {"Scale", 2},
      {"Slice", 3}, {"Flatten", 3}, {"Dropout", 3},  {"ImageData", 2}};
  const Message net = read_prototxt(arguments.get("model"));
  die_if_asked();
  if (has_fault("mute")) return;
  bool passed = true;
  std::ofstream results("check_results.txt");
  std::size_t i = 0;
  for (const Message* layer : net.all("layer")) {
    const std::string name = layer->text("name");
    const std::string type = layer->text("type");
    const auto at = known.find(type);
    if (at == known.end()) {
      std::cout << i << ". " << name << " (" << type << ") is not known by DNNDK and may raise some error\n";
    } else if (at->second == 0) {
      std::cout << i << ". " << name << " (" << type << ") do not support by Deephi DPU. \n";
      passed = false;
    }
    if (at != known.end() && at->second != 1)
      results << i << ' ' << name << ' ' << type << ' ' << at->second << " \"\"\n";
    ++i;
  }
  std::cout << (passed ? "Check Passed!" : "Check Failed, Please check the results file: check_results.txt.") << '\n';
}

void quantize(const Words& words) {
  if (!words.empty() && words[0] == "check") return check(words);
  if (words.empty() || words[0] != "quantize") throw Failed{"usage: vai_q_caffe <command> <args>"};
  const Arguments arguments(words, 1,
                            {{"-model", "model"},
                             {"-weights", "weights"},
                             {"-calib_iter", "calib_iter"},
                             {"-method", "method"},
                             {"-output_dir", "output_dir"},
                             {"-gpu", "gpu"},
                             {"-keep_fixed_neuron", "!keep_fixed_neuron"}});
  const Message net = read_prototxt(arguments.get("model"));
  const std::string weights = read_all(arguments.get("weights"));
  if (has_fault("hang")) std::this_thread::sleep_for(std::chrono::hours(1));
  die_if_asked();
  if (has_fault("reject"))
    throw Failed{
        "F1125 21:00:00.000000 7 layer_factory.hpp:81] Check failed: registry.count(type) == 1 (0 vs. 1) "
        "Unknown layer type: Odd (known types: AbsVal)",
        134};
  const int iterations = std::stoi(arguments.get("calib_iter", "100"));
  Message out;
  std::map<std::string, std::string> same_as;  // blobs of layers that are folded away
  int images = 0;
  out.fields.push_back({"name", net.text("name"), {}});
  for (const Message* layer : net.all("layer")) {
    const std::string type = layer->text("type");
    const std::string name = layer->text("name");
    const std::set<std::string> known{"ImageData", "Convolution", "InnerProduct", "Pooling",      "Eltwise",
                                      "ReLU",      "ReLU6",       "Concat",       "BatchNorm",    "Scale",
                                      "Flatten",   "Dropout",     "Slice",        "Deconvolution"};
    if (known.count(type) == 0)
      throw Failed{"F1125 21:00:00.000000 7 layer_factory.hpp:81] Unknown layer type: " + type, 134};
    if ((type == "Convolution" || type == "InnerProduct") && weights.find(name) == std::string::npos)
      throw Failed{"Failed to find parameter for [" + name + "] in caffemodel"};
    const auto bottoms = layer->texts("bottom");
    const auto through = [&same_as](const std::string& blob) {
      const auto at = same_as.find(blob);
      return at == same_as.end() ? blob : at->second;
    };
    if (type == "ImageData") {
      images = check_images(*layer);
      const Message* rule = layer->find("include");
      const Message* source = layer->find("image_data_param");
      Message input;
      Message shape;
      for (const std::string& dim : {std::string("1"), std::string(source->text("is_color") == "false" ? "1" : "3"),
                                     source->text("new_height"), source->text("new_width")})
        shape.fields.push_back({"dim", dim, {}});
      input.fields = {{"name", layer->text("top"), {}}, {"type", "Input", {}}};
      input.fields[0].text = layer->texts("top").front();
      input.fields.push_back({"top", layer->texts("top").front(), {}});
      input.fields.push_back({"input_param", {}, {Message{{{"shape", {}, {shape}}}}}});
      out.fields.push_back({"layer", {}, {input}});
      // What is left of a data layer without a phase is the guide's redundant input.
      if (rule == nullptr || rule->text("phase") != "TRAIN") out.fields.push_back({"layer", {}, {*layer}});
      continue;
    }
    if (type == "BatchNorm" || type == "Scale" || type == "Dropout") {
      same_as[layer->text("top")] = through(bottoms.at(0));
      continue;
    }
    Message kept = *layer;
    for (auto& field : kept.fields) {
      if (field.name == "bottom") field.text = through(field.text);
      if (field.name == "top" && std::find(bottoms.begin(), bottoms.end(), field.text) != bottoms.end())
        field.text = through(field.text);
    }
    if (type != "ReLU" && type != "ReLU6") same_as.erase(layer->text("top"));
    out.fields.push_back({"layer", {}, {kept}});
  }
  if (images == 0) throw Failed{"Layer data's output blob is all zero, this may cause error for DNNC compiler"};
  std::cerr << "I1125 21:00:00.000000 7 vai_q.cpp:182] Start Calibration\n";
  for (int i = 1; i <= iterations; ++i)
    std::cerr << "I1125 21:00:00.000000 7 vai_q.cpp:206] Calibration iter: " << i << "/" << iterations << " ,loss: 0\n";
  std::cerr << "I1125 21:00:00.000000 7 vai_q.cpp:213] Calibration Done!\nI1125 Start Deploy\nI1125 Deploy Done!\n"
            << std::string(50, '-') << '\n';
  if (has_fault("empty")) return;
  const fs::path dir = arguments.get("output_dir", "./quantize_results");
  fs::create_directories(dir);
  std::ofstream(dir / "deploy.prototxt") << hwprof_test::write_message(out);
  std::ofstream(dir / "deploy.caffemodel", std::ios::binary) << weights;
  std::cout << "Output Deploy Weights: \"" << (dir / "deploy.caffemodel").string() << "\"\nOutput Deploy Model:   \""
            << (dir / "deploy.prototxt").string() << "\"\n";
}

void print_list(const std::string& name, const std::string& kernel, const Fusing& net) {
  double macs = 0, weights = 0;
  for (const auto& node : net.nodes) {
    macs += node.macs;
    weights += node.weights;
  }
  using hwprof_test::DpuTable;
  const auto row = [](const char* key, const std::string& value) {
    std::cout << DpuTable::line("%40s : %s\n", key, value.c_str());
  };
  const auto dims = [](const Size& size) {
    return std::to_string(size.h) + "*" + std::to_string(size.w) + "*" + std::to_string(size.c);
  };
  const Node& last = net.nodes.back();
  std::cout << "\nkernel list info for network \"" << name << "\"\n";
  row("Kernel ID", "Name");
  row("0", kernel);
  for (std::size_t i = 0; i < net.on_cpu.size(); ++i)
    row(std::to_string(i + 1).c_str(), name + "_" + std::to_string(i + 1));
  std::cout << '\n';
  row("Kernel Name", kernel);
  std::cout << std::string(80, '-') << '\n';
  row("Kernel Type", "DPUKernel");
  row("Code Size", DpuTable::line("%.2fMB", 1000.0 * static_cast<double>(net.nodes.size()) / 1048576));
  row("Param Size", DpuTable::line("%.2fMB", weights / 1048576));
  row("Workload MACs", DpuTable::line("%.2fMOPS", 2 * macs * 1e-6));
  row("IO Memory Space", "0.34MB");
  row("Mean Value", "0, 0, 0, ");
  row("Total Tensor Count", std::to_string(net.nodes.size() + 1));
  std::cout << DpuTable::line("%40s   (H*W*C)\n", "Boundary Input Tensor(s)");
  row("data:0(0)", dims(net.input));
  std::cout << '\n' << DpuTable::line("%40s   (H*W*C)\n", "Boundary Output Tensor(s)");
  row((last.name + ":0(0)").c_str(), dims(last.out));
  std::cout << '\n';
  row("Total Node Count", std::to_string(net.nodes.size()));
  std::cout << DpuTable::line("%40s   (H*W*C)\n", "Input Node(s)");
  row((net.nodes.front().name + "(0)").c_str(), dims(net.input));
  for (std::size_t i = 0; i < net.on_cpu.size(); ++i) {
    std::cout << "\n\n";
    row("Kernel Name", name + "_" + std::to_string(i + 1));
    std::cout << std::string(80, '-') << '\n';
    row("Kernel Type", "CPUKernel");
    std::cout << DpuTable::line("%40s   (H*W*C)\n", "Boundary Input Tensor(s)");
    row((net.on_cpu[i] + ":0(0)").c_str(), dims(last.out));
  }
  std::cout << "\n**************************************************\n* VITIS_AI Compilation - Xilinx Inc.\n"
            << "**************************************************\n";
}

void compile(const Words& words) {
  const Arguments arguments(words, 0,
                            {{"-p", "prototxt"},
                             {"-prototxt", "prototxt"},
                             {"-c", "caffemodel"},
                             {"-caffemodel", "caffemodel"},
                             {"-a", "arch"},
                             {"-arch", "arch"},
                             {"-o", "output_dir"},
                             {"-output_dir", "output_dir"},
                             {"-n", "net_name"},
                             {"-net_name", "net_name"},
                             {"-e", "options"},
                             {"-options", "options"}});
  const std::string name = arguments.get("net_name");
  const fs::path dir = arguments.get("output_dir");
  (void)arguments.get("arch");
  (void)read_all(arguments.get("caffemodel"));
  const Message prototxt = read_prototxt(arguments.get("prototxt"));
  if (!fs::is_directory(dir)) throw Failed{"[VAI_C][Error] Output folder " + dir.string() + " does not exist."};
  if (has_fault("c_reject")) throw Failed{"[VAI_C][Error] Unrecognized Caffe layer type [Power]."};
  Fusing net(prototxt);
  if (net.nodes.empty()) throw Failed{"[VAI_C][Error] No node."};
  const bool debug = arguments.get("options", "") == "{'mode': 'debug'}";
  if (!debug && arguments.get("options", "{'mode': 'normal'}") != "{'mode': 'normal'}")
    throw Failed{"[VAI_C][Error] options"};
  if (!debug) {  // one node that does all
    Node all;
    all.name = "super_" + net.nodes.front().name;
    for (const auto& node : net.nodes) {
      all.macs += node.macs;
      all.weights += node.weights;
    }
    all.out = net.nodes.back().out;
    all.inputs = {0};
    net.nodes = {all};
  }
  for (const auto& layer : net.on_cpu)
    std::cout << "[VAI_C][Warning] layer [" << layer
              << "] (type: Softmax) is not supported in DPU, deploy it in CPU instead.\n";
  const bool several = !net.on_cpu.empty();
  const std::string kernel = several ? name + "_0" : name;
  print_list(name, kernel, net);
  if (has_fault("c_empty")) return;
  std::string elf = hwprof_test::elf_of(kernel, net, debug);
  if (has_fault("torn")) elf.resize(elf.size() / 2);
  std::ofstream(dir / ("dpu_" + kernel + ".elf"), std::ios::binary) << elf;
  if (has_fault("cut"))
    std::ofstream(dir / ("dpu_" + name + "_2.elf"), std::ios::binary) << hwprof_test::elf_of(name + "_2", net, debug);
}

void compile_xir(const Words& words) {
  const Arguments arguments(
      words, 0, {{"-x", "xmodel"}, {"-a", "arch"}, {"-o", "output_dir"}, {"-n", "net_name"}, {"-options", "options"}});
  const std::string name = arguments.get("net_name");
  const fs::path dir = arguments.get("output_dir");
  std::cout
      << "[UNILOG][INFO] Compile mode: dpu\n[UNILOG][INFO] Debug mode: function\n"
      << "[UNILOG][INFO] Begin to compile...\n[UNILOG][INFO] Total device subgraph number 3, DPU subgraph number 1\n"
      << "[UNILOG][INFO] Compile done.\n";
  const std::string model = read_all(arguments.get("xmodel"));
  std::ofstream(dir / (name + ".xmodel"), std::ios::binary) << model;
  std::ofstream(dir / "meta.json") << "{}";
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = fs::path(argv[0]).filename().string();
  const Words words(argv + 1, argv + argc);
  try {
    note(name, words);
    if (name == "vai_q_caffe") quantize(words);
    if (name == "vai_c_caffe") compile(words);
    if (name == "vai_c_xir") compile_xir(words);
    return 0;
  } catch (const Failed& failed) {
    std::cerr << failed.what << '\n';
    return failed.status;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
  }
  return 1;
}
