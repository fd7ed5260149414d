// SPDX-License-Identifier: Apache-2.0
#include "nets.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>

#include "hwprof/error.hpp"

namespace hwprof_cli {
namespace fs = std::filesystem;

std::vector<hwprof::CostedNet> load_costed_nets(const std::vector<std::string>& paths) {
  constexpr std::size_t most = 100000;
  std::vector<std::string> files;
  for (const auto& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    const std::size_t before = files.size();
    for (fs::recursive_directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
      const auto kind = at->path().extension();
      if (kind == ".yaml" || kind == ".yml" || kind == ".onnx") files.push_back(at->path().string());
      if (files.size() > most) throw hwprof::Error(hwprof::Fault::input, path + ": more than 100000 networks");
    }
    if (files.size() == before)
      throw hwprof::Error(hwprof::Fault::input, path + ": no networks (.yaml, .yml, .onnx) in this folder");
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  std::vector<hwprof::CostedNet> nets;
  std::set<std::string> jobs;  // of a run, where a network stands once for every batch size and mode
  for (const auto& file : files) {
    auto net = hwprof::load_costed_net(file);
    const bool job = net.id != fs::path(file).stem().string();
    if (!job || jobs.insert(net.id).second) nets.push_back(std::move(net));
  }
  return nets;
}

bool is_fingerprint(const std::string& file) {
  std::array<char, 256> head{};
  std::ifstream in(file, std::ios::binary);
  in.read(head.data(), head.size() - 1);
  return std::string(head.data()).find("\"hwprof.fingerprint/") != std::string::npos;
}

std::string cost_name(hwprof::Stage stage, hwprof::Metric quantity) {
  return std::string(hwprof::to_string(stage)) + " " + hwprof::to_string(quantity);
}

}  // namespace hwprof_cli
