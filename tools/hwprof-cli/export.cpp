// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <set>

#include "cli.hpp"
#include "export_model.hpp"
#include "export_net.hpp"
#include "hwprof/error.hpp"
#include "hwprof/modules.hpp"
#include "hwprof/net.hpp"
#include "hwprof/run.hpp"
#include "hwprof/space.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

using hwprof::Error;
using hwprof::Fault;
namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> inputs, scripts, archs;
  std::string hardware, format = "onnx", per = "primitive", dir;
  std::vector<std::int64_t> script_input{1, 3, 224, 224};
  int image_size = 0;
  std::size_t sample = 0;
  std::uint64_t seed = 0;
  NetFormat net;
  bool force = false;
};

/// One file to write: a primitive, or a network.
struct Item {
  std::string stem;  ///< of the file's name
  hwprof::Graph graph;
  hwprof::Shape input{};
  Json about;
};

/// Letters, digits, '_' and '-' of a name, and not many.
std::string safe(const std::string& name) {
  constexpr std::size_t most = 40;
  std::string out;
  for (const char c : name.substr(0, most)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    out += plain ? c : '_';
  }
  return out;
}

std::string number(std::size_t i) {
  char text[32];
  std::snprintf(text, sizeof text, "%04zu", i);
  return text;
}

Item item_of(const hwprof::Prim& prim, std::size_t i) {
  char hash[32];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(hwprof::hash(prim)));
  Item item;
  item.stem = number(i) + "-" + safe(prim.prim_type) + "-" + hash;
  item.graph = hwprof::lower(prim);
  item.graph.name = hwprof::to_string(prim);
  item.input = {1, prim.C, prim.spatial_size, prim.spatial_size};
  item.about["prim"] = item.graph.name;
  item.about["module_uid"] = hwprof::to_module_uid(prim);
  return item;
}

Item item_of(hwprof::Net net, std::size_t i) {
  if (net.id.empty()) net.id = "net";
  Item item;
  item.stem = number(i) + "-" + safe(net.id);
  item.graph = hwprof::lower(net);
  item.input = {1, net.image_channels, net.image_size, net.image_size};
  item.about["net"] = net.id;
  if (!net.arch.empty()) item.about["arch"] = net.arch;
  auto& layers = item.about["layers"] = Json::array();
  for (const auto& layer : net.layers) layers.push_back(hwprof::to_string(layer.prim));
  return item;
}

Item item_of(const std::string& file, hwprof::OnnxNet net, std::size_t i) {
  Item item;
  item.stem = number(i) + "-" + safe(fs::path(file).stem().string());
  item.graph = std::move(net.graph);
  item.input = net.input;
  item.about["source"] = file;
  if (!net.notes.empty()) item.about["notes"] = net.notes;
  return item;
}

/// A network that load_net() takes, or nothing: then it is a space or nothing that hwprof knows.
std::optional<hwprof::Net> net_in(const std::string& name) {
  std::error_code ignored;
  if (!fs::is_regular_file(name, ignored)) return {};
  try {
    return hwprof::load_net(name);
  } catch (const Error&) {
    return {};
  }
}

/// What the space's primitives consist of, each module once.
std::vector<hwprof::Prim> modules_of(const std::vector<hwprof::Prim>& prims, hwprof::Notes& notes) {
  std::set<hwprof::Prim> modules;
  std::map<std::string, std::size_t> rest;
  for (const auto& prim : prims) {
    auto parts = hwprof::split_modules(hwprof::lower(prim), {1, prim.C, prim.spatial_size, prim.spatial_size});
    modules.insert(parts.prims.begin(), parts.prims.end());
    for (const auto& kind : parts.rest) ++rest[kind];
  }
  for (const auto& [kind, n] : rest)
    notes.push_back(kind + ": is no module of its own; " + count(n, "op") + " of the primitives have no file");
  return {modules.begin(), modules.end()};
}

std::vector<Item> items_of(const Options& options, hwprof::Notes& notes) {
  constexpr std::size_t most = 100000;
  if (options.sample > most) throw Error(Fault::usage, "--sample must be at most " + std::to_string(most));
  std::vector<Item> items;
  hwprof::Shape shape{};
  std::copy(options.script_input.begin(), options.script_input.end(), shape.begin());
  for (const auto& file : options.scripts) items.push_back(item_of(file, read_script(file, shape), items.size()));
  for (const auto& input : options.inputs) {
    const auto check_per = [&] {
      if (options.per == "module")
        throw Error(Fault::usage, input + ": is a network; --per module is of a space's primitives");
    };
    if (fs::path(input).extension() == ".onnx") {
      check_per();
      items.push_back(item_of(input, hwprof::read_onnx(input), items.size()));
      continue;
    }
    if (auto net = net_in(input)) {
      check_per();
      if (!options.archs.empty() || options.sample > 0)
        throw Error(Fault::usage, input + ": is a network; --arch and --sample take a space");
      items.push_back(item_of(std::move(*net), items.size()));
      continue;
    }
    const auto file = hwprof::load_space(input, options.hardware, options.image_size);
    const auto add = [&](const hwprof::Arch& arch) {
      hwprof::Net net = file.space->network(arch);
      net.id = "arch";
      net.arch = hwprof::to_string(arch);
      items.push_back(item_of(std::move(net), items.size()));
    };
    for (const auto& text : options.archs) add(hwprof::parse_arch(*file.space, text));
    const auto drawn = hwprof::draw_networks(*file.space, options.seed, options.sample);
    for (auto net : drawn) {
      net.id = "arch";
      items.push_back(item_of(std::move(net), items.size()));
    }
    if (drawn.size() < options.sample)
      notes.push_back(input + ": the space has only " + count(drawn.size(), "distinct network") + " where " +
                      std::to_string(options.sample) + " were asked for");
    if (!options.archs.empty() || options.sample > 0) continue;
    auto prims = file.space->generate_profiling_primitives();
    if (options.per == "module") prims = modules_of(prims, notes);
    for (const auto& prim : prims) items.push_back(item_of(prim, items.size()));
  }
  return items;
}

void export_models(const Cli& cli, const Options& options) {
  const std::vector<std::string> formats{"onnx", "caffe", "ofa", "model"};
  if (std::find(formats.begin(), formats.end(), options.format) == formats.end())
    throw Error(Fault::usage, "no format '" + options.format + "'" + hwprof::did_you_mean(options.format, formats));
  if (options.format == "ofa" || options.format == "model") {
    if (options.inputs.size() != 1 || !options.archs.empty() || options.sample > 0 || !options.scripts.empty())
      throw Error(Fault::usage, "--format " + options.format + " takes one INPUT, a model file or a run folder");
    if (options.per == "module") throw Error(Fault::usage, "--per module does not go with --format " + options.format);
    return export_model(cli, options.inputs.front(), options.format, options.dir, options.force);
  }
  if (options.per == "module" && (!options.archs.empty() || options.sample > 0 || !options.scripts.empty()))
    throw Error(Fault::usage,
                "--per module is of a space's primitives; --arch, --sample and --torchscript write whole networks");
  if (options.inputs.empty() && options.scripts.empty())
    throw Error(Fault::usage, "INPUT or --torchscript is expected; see hwprof-cli export --help");
  NetFormat format = options.net;
  format.name = options.format;
  const fs::path index_file = fs::path(options.dir) / "index.json";
  check_new_file(index_file.string(), options.force);
  hwprof::Notes notes;
  const auto items = items_of(options, notes);
  prepare_images(format, options.dir, options.force);
  Json index = describe(format);
  if (!notes.empty()) index["notes"] = notes;
  auto& files = index["files"] = Json::array();
  for (const auto& item : items) {
    Json row = write_net(format, options.dir, item.stem, item.graph, item.input, options.force);
    row.update(item.about);
    files.push_back(std::move(row));
  }
  write_file(index_file.string(), index.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  if (cli.json) print_json(index);
  if (cli.json || cli.quiet) return;
  std::cout << count(items.size(), "network") << " and index.json in " << options.dir << '\n';
  for (const auto& note : notes) print_row("note", note);
}

}  // namespace

void add_export(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = add_verb(cli, "export", "Write primitives, networks or a model in another tool's format",
                            [&cli, options] { export_models(cli, *options); });
  verb->add_option("INPUT", options->inputs, "Search spaces or networks, as YAML or ONNX; or a model");
  add_repeatable(verb, "--torchscript", options->scripts, "A traced or scripted network");
  verb->add_option("--input", options->script_input, "Input of the TorchScript networks, N,C,H,W")
      ->delimiter(',')
      ->expected(4)
      ->check(positive_number());
  verb->add_option("--out", options->dir, "Folder to write into; the file, of a model")->required();
  verb->add_option("--format", options->format, "onnx, caffe, ofa or model");
  add_repeatable(verb, "--arch", options->archs, "Write this architecture of the space");
  verb->add_option("--sample", options->sample, "Write so many random architectures")->check(number_from_zero());
  verb->add_option("--per", options->per, "primitive, or module: each of the ops that they consist of")
      ->check(CLI::IsMember({"primitive", "module"}));
  verb->add_option("--seed", options->seed, "Seed of --sample")->check(number_from_zero());
  verb->add_option("--opset", options->net.onnx.opset, "ONNX opset");
  verb->add_option("--weights-seed", options->net.onnx.seed, "Seed of the weights")->check(number_from_zero());
  add_caffe_options(verb, options->net);
  verb->add_flag("--check", options->net.check, "Read what was written and compute with it");
  verb->add_option("--hardware", options->hardware, "aw_nas' second file");
  verb->add_option("--image-size", options->image_size, "Height and width of the input")->check(positive_number());
  verb->add_flag("--force", options->force, "Replace files that are there");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
