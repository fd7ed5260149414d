// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>

#include "cli.hpp"
#include "hwprof/caffe.hpp"
#include "hwprof/modules.hpp"
#include "hwprof/run.hpp"
#include "inputs.hpp"
#include "nets.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  std::string model;
  SpaceChoice space;
  std::vector<std::string> archs, prims, nets, onnx, caffe;
  std::size_t sample = 0;
  std::uint64_t seed = 0;
  CostRequest costs;  ///< what only a fingerprint model takes
};

/// A network to predict: what it is called in the answer, and what it is made of.
struct Item {
  std::string key, name;  // "arch", "prims", "net", "onnx" or "caffe"
  std::vector<hwprof::Prim> prims;
  hwprof::Arch arch;                          ///< for a model that goes by architectures
  std::optional<hwprof::OnnxNet> graph = {};  // instead of primitives
};

/// An architecture as numbers, for a model that needs no space to predict it.
hwprof::Arch arch_of(const std::string& text, const hwprof::Model& model) {
  hwprof::Arch arch;
  std::size_t begin = 0;
  for (std::size_t d = 0; d < model.arch_options().size(); ++d) {
    std::size_t used = 0;
    unsigned long number = 65536;
    if (begin < text.size() && text[begin] >= '0' && text[begin] <= '9')
      number = std::stoul(text.substr(begin, 6), &used);
    begin += used + 1;
    const bool last = d + 1 == model.arch_options().size();
    if (number > 65535 || (last ? begin != text.size() + 1 : begin > text.size() || text[begin - 1] != '.'))
      throw hwprof::Error(hwprof::Fault::usage, "'" + text + "' is no architecture of the model's space: " +
                                                    std::to_string(model.arch_options().size()) +
                                                    " numbers joined by dots are expected (names need --space)");
    arch.push_back(static_cast<std::uint16_t>(number));
  }
  return arch;
}

std::vector<Item> items_of(const Options& options, const ModelChoice& choice, const hwprof::Model& model) {
  using hwprof::Error;
  using hwprof::Fault;
  constexpr std::size_t most = 10000000;
  if (options.archs.empty() && options.prims.empty() && options.nets.empty() && options.onnx.empty() &&
      options.caffe.empty() && options.sample == 0)
    throw Error(Fault::usage,
                "what to predict is expected: architectures, --prims, --net, --onnx, --caffe or --sample; see "
                "hwprof-cli predict --help");
  if (options.sample > most) throw Error(Fault::usage, "--sample must be at most " + std::to_string(most));
  std::vector<Item> items;
  for (const auto& file : options.prims) {
    items.push_back({"prims", file, hwprof::load_prims(file), {}});
    if (items.back().prims.empty())
      throw Error(Fault::input, file + ": a network of at least one primitive is expected, found an empty list");
  }
  for (const auto& file : options.nets) {
    items.push_back({"net", file, {}, {}});
    for (const auto& layer : hwprof::load_net(file).layers) items.back().prims.push_back(layer.prim);
  }
  for (const auto& file : options.onnx) items.push_back({"onnx", file, {}, {}, hwprof::read_onnx(file)});
  for (const auto& file : options.caffe) items.push_back({"caffe", file, {}, {}, hwprof::read_caffe(file)});
  if (options.archs.empty() && options.sample == 0) return items;

  const auto space = open_space(options.space, choice);
  const bool by_arch = !model.arch_options().empty();
  if (!space && by_arch && options.sample == 0) {
    for (const auto& text : options.archs) items.push_back({"arch", text, {}, arch_of(text, model)});
    return items;
  }
  if (!space)
    throw Error(Fault::usage, "architectures need the search space: give --space, or as --model a run folder");
  if (by_arch) check_space(*space->space, model);
  const auto add = [&](const hwprof::Arch& arch) {
    items.push_back({"arch", hwprof::to_string(arch), {}, arch});
    if (!by_arch) items.back().prims = space->space->primitives(arch);
  };
  for (const auto& text : options.archs) add(hwprof::parse_arch(*space->space, text));
  std::mt19937_64 rng(options.seed);
  for (std::size_t i = 0; i < options.sample; ++i) add(space->space->sample(rng));
  return items;
}

std::string estimated_text(const hwprof::Prediction& prediction, const std::string& unit) {
  if (prediction.estimated == 0) return "";
  std::string text = "  (" + count(static_cast<std::size_t>(prediction.estimated), unit) + " estimated, not measured";
  if (prediction.extrapolated > 0)
    text += "; " + std::to_string(prediction.extrapolated) + " outside the range of what was measured";
  if (prediction.unseen > 0) text += "; " + std::to_string(prediction.unseen) + " of a kind never measured";
  return text + ")";
}

/// Blocks that the model does not know, as the modules that they consist of, where it knows those.
struct ByModules {
  std::size_t blocks = 0;
  std::map<std::string, std::size_t> rest;  ///< ops that no module stands for
};

ByModules replace_by_modules(const hwprof::Model& model, std::vector<hwprof::Prim>& prims) {
  const auto missing = model.missing(prims);
  if (missing.empty()) return {};
  const std::set<hwprof::Prim> unknown(missing.begin(), missing.end());
  ByModules by;
  std::vector<hwprof::Prim> out;
  for (const auto& prim : prims) {
    if (unknown.count(prim) == 0) {
      out.push_back(prim);
      continue;
    }
    const auto types = hwprof::list_prim_types();
    if (!std::binary_search(types.begin(), types.end(), prim.prim_type)) return {};
    const auto parts = hwprof::split_modules(hwprof::lower(prim), {1, prim.C, prim.spatial_size, prim.spatial_size});
    if (parts.prims.empty() || !model.missing(parts.prims).empty()) return {};
    out.insert(out.end(), parts.prims.begin(), parts.prims.end());
    for (const auto& kind : parts.rest) ++by.rest[kind];
    ++by.blocks;
  }
  prims = std::move(out);
  return by;
}

std::string modules_text(const ByModules& by) {
  if (by.blocks == 0) return "";
  std::string text = "  (" + count(by.blocks, "block") + " as the sum of modules";
  for (const auto& [kind, n] : by.rest) text += ", without " + std::to_string(n) + " " + kind;
  return text + ")";
}

void predict_with_fingerprint(const Options& options, const std::string& file, bool json) {
  if (options.sample > 0 || !options.prims.empty())
    throw hwprof::Error(hwprof::Fault::usage, "--sample and --prims do not go with a fingerprint model");
  CostRequest request = options.costs;
  request.model = file;
  request.nets = options.nets;
  request.onnx = options.onnx;
  request.caffe = options.caffe;
  request.archs = options.archs;
  request.space = options.space.file;
  request.hardware = options.space.hardware;
  request.image_size = options.space.image_size;
  predict_costs(request, json);
}

void predict(const Cli& cli, const Options& options) {
  const ModelChoice choice(options.model);
  if (is_fingerprint(choice.file)) return predict_with_fingerprint(options, choice.file, cli.json);
  const CostRequest& costs = options.costs;
  if (!costs.mode.empty() || !costs.batches.empty() || !costs.limits.empty())
    throw hwprof::Error(hwprof::Fault::usage, "--mode, --batch and --limit belong to a fingerprint model");
  const auto model = hwprof::load_model(choice.file);
  Json rows = Json::array();
  for (auto& item : items_of(options, choice, model)) {
    hwprof::Prediction prediction;
    ByModules by;
    const bool by_arch = item.key == "arch" && !model.arch_options().empty();
    try {
      try {
        prediction = item.graph ? hwprof::predict_graph(model, item.graph->graph, item.graph->input)
                     : by_arch  ? model.predict_arch(item.arch)
                                : model.predict_with_error(item.prims);
      } catch (const hwprof::Error& error) {
        if (error.fault() != hwprof::Fault::missing || item.graph || by_arch) throw;
        by = replace_by_modules(model, item.prims);
        if (by.blocks == 0) throw;
        prediction = model.predict_with_error(item.prims);
      }
    } catch (const hwprof::Error& error) {
      throw hwprof::Error(error.fault(), item.key + " " + item.name + ": " + error.what());
    }
    const std::string parts = item.graph ? "kernels" : "prims";
    if (cli.json) {
      rows.push_back({{item.key, item.name},
                      {"value", prediction.value},
                      {"standard_error", prediction.standard_error > 0 ? Json(prediction.standard_error) : Json()},
                      {"estimated_" + parts, prediction.estimated},
                      {"extrapolated_" + parts, prediction.extrapolated},
                      {"unseen_" + parts, prediction.unseen}});
      if (item.graph) rows.back()["notes"] = item.graph->notes;
      if (by.blocks > 0) rows.back()["blocks_by_modules"] = by.blocks;
      if (by.blocks > 0) rows.back()["ops_left_out"] = by.rest;
    } else {
      std::cout << item.name << "  " << value_text(model.metric(), prediction.value);
      if (prediction.standard_error > 0) std::cout << " ± " << value_text(model.metric(), prediction.standard_error);
      std::cout << estimated_text(prediction, item.graph ? "kernel" : "primitive") << modules_text(by) << '\n';
      if (item.graph)
        for (const auto& note : item.graph->notes) std::cerr << item.name << ": " << note << '\n';
    }
  }
  if (cli.json)
    print_json({{"schema", "hwprof.prediction/1"},
                {"metric", hwprof::to_string(model.metric())},
                {"unit", hwprof::unit(model.metric())},
                {"model", choice.file},
                {"device", model.from().device},
                {"predictions", std::move(rows)}});
}

}  // namespace

void add_predict(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      add_verb(cli, "predict", "Predict the cost of architectures", [&cli, options] { predict(cli, *options); });
  verb->add_option("ARCH", options->archs, "Architectures as text");
  verb->add_option("--model", options->model, "Model file or run folder")->required();
  add_space_options(verb, options->space);
  add_repeatable(verb, "--prims", options->prims, "YAML list of primitives that make one network");
  add_repeatable(verb, "--net", options->nets, "Network file, as in prof_nets");
  add_repeatable(verb, "--onnx", options->onnx, "ONNX file; needs a model of kind 'kernel' or a fingerprint model");
  add_repeatable(verb, "--caffe", options->caffe,
                 "Caffe's prototxt; needs a model of kind 'kernel' or a fingerprint model");
  verb->add_option("--sample", options->sample, "Predict so many random architectures")->check(number_from_zero());
  verb->add_option("--seed", options->seed, "Seed of --sample")->check(number_from_zero());
  verb->add_option("--mode", options->costs.mode, "train or inference, of a fingerprint model");
  verb->add_option("--batch", options->costs.batches, "Images at a time, of a fingerprint model")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(positive_number());
  add_repeatable(verb, "--limit", options->costs.limits, "NAME=VALUE: the largest batch that keeps it");
  verb->add_option("--largest", options->costs.largest, "Largest batch that --limit asks for")
      ->check(CLI::Range(1, 1 << 20));
  verb->add_flag("--json", cli.json, "Print one JSON document");
}

}  // namespace hwprof_cli
