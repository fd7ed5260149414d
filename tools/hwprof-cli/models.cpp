// SPDX-License-Identifier: Apache-2.0
#include "models.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "hwprof/run.hpp"

namespace hwprof_cli {
namespace fs = std::filesystem;
namespace {

using hwprof::Error;
using hwprof::Fault;

constexpr const char* model_name = "model.onnx";
constexpr const char* index_name = "index.json";

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

std::vector<std::string> folders_of(const std::string& dir, const std::string& wanted) {
  const auto compiler = [](const std::string& path) {
    const auto name = fs::path(path).filename().string();
    const auto dash = name.find('-');
    return dash == std::string::npos || !is_number(name.substr(0, dash)) ? std::string() : name.substr(dash + 1);
  };
  const fs::path plain = fs::path(dir).lexically_normal();
  auto folders = hwprof::compiler_dirs(dir);
  const std::string own = plain.has_filename() ? plain.string() : plain.parent_path().string();
  if (folders.empty() && !compiler(own).empty()) folders.push_back(own);
  std::vector<std::string> found;
  std::string others;
  for (const auto& folder : folders)
    if (const auto name = compiler(folder); name.substr(0, name.find(':')) == wanted)
      found.push_back(folder);
    else
      others += (others.empty() ? "" : ", ") + compiler(folder);
  if (found.empty() && !others.empty())
    throw Error(Fault::usage, dir + ": was compiled for " + others + ", not for " + wanted);
  return found;
}

std::vector<std::string> names_in(const std::string& dir) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(dir, ignored)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    const bool numbers = is_number(a) && is_number(b);
    return numbers && a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  return names;
}

namespace {

/// File (without .onnx) to module, as `export` lists them; empty without an index.
std::map<std::string, std::string> read_index(const std::string& dir) {
  std::map<std::string, std::string> uids;
  std::ifstream stream(fs::path(dir) / index_name);
  if (!stream) return uids;
  const auto json = nlohmann::json::parse(stream, nullptr, false);
  if (!json.is_object() || !json.contains("files") || !json["files"].is_array())
    throw Error(Fault::input, dir + "/" + index_name + ": a list `files` is expected, as `export` writes it");
  for (const auto& one : json["files"]) {
    if (!one.is_object() || !one.contains("file") || !one["file"].is_string()) continue;
    if (!one.contains("module_uid") || !one["module_uid"].is_string()) continue;  // a whole network
    uids[fs::path(one["file"].get<std::string>()).stem().string()] = one["module_uid"];
  }
  return uids;
}

}  // namespace

BenchNets compiled_nets(const std::string& dir) {
  BenchNets nets;
  for (const auto& folder : folders_of(dir, "snpe"))
    for (const auto& name : names_in(folder)) {
      if (!is_number(name)) continue;
      const auto artifact = hwprof::BaseHardwareCompiler::open((fs::path(folder) / name).string());
      const auto& net = artifact.net;
      nets.jobs.push_back({net.id, artifact.dir, "image", {1, net.image_channels, net.image_size, net.image_size}});
      nets.uids.push_back(net.layers.size() == 1 ? hwprof::to_module_uid(net.layers[0].prim) : "net-" + net.id);
    }
  return nets;
}

BenchNets benched_nets(const std::string& dir) {
  BenchNets nets;
  const auto uids = read_index(dir);
  for (const auto& name : names_in(dir)) {
    const fs::path folder = fs::path(dir) / name;
    if (!fs::exists(folder / model_name)) continue;
    nets.jobs.push_back({name, folder.string(), {}, {}});
    const auto uid = uids.find(name);
    nets.uids.push_back(uid == uids.end() ? name : uid->second);
  }
  return nets;
}

BenchNets copied_nets(const std::string& models, const std::string& out) {
  BenchNets nets;
  const auto uids = read_index(models);
  for (const auto& name : names_in(models)) {
    const fs::path file = fs::path(models) / name;
    if (file.extension() != ".onnx") continue;
    const std::string id = file.stem().string();
    if (id.empty() || id == "." || id == "..")
      throw Error(Fault::input, file.string() + ": '" + id + "' is no name for the folder of its results");
    const fs::path folder = fs::path(out) / id;
    fs::create_directories(folder);
    fs::copy_file(file, folder / model_name, fs::copy_options::overwrite_existing);
    const auto uid = uids.find(id);
    nets.uids.push_back(uid == uids.end() ? id : uid->second);
    nets.jobs.push_back({id, folder.string(), {}, {}});
  }
  if (nets.jobs.empty())
    throw Error(Fault::input, models + ": holds no .onnx file, and is no run or compiler folder of snpe");
  if (!uids.empty())
    fs::copy_file(fs::path(models) / index_name, fs::path(out) / index_name, fs::copy_options::overwrite_existing);
  return nets;
}

}  // namespace hwprof_cli
