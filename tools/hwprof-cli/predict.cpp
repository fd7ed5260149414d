// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <optional>
#include <random>

#include "cli.hpp"
#include "hwprof/format.hpp"
#include "hwprof/run.hpp"
#include "inputs.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  std::string model;
  SpaceChoice space;
  std::vector<std::string> archs, prims, nets, onnx;
  std::size_t sample = 0;
  std::uint64_t seed = 0;
};

/// A network to predict: what it is called in the answer, and what it is made of.
struct Item {
  std::string key, name;  // "arch", "prims", "net" or "onnx"
  std::vector<hwprof::Prim> prims;
  std::optional<hwprof::OnnxNet> graph = {};  // instead of primitives
};

std::vector<Item> items_of(const Options& options, const ModelChoice& model) {
  using hwprof::Error;
  using hwprof::Fault;
  constexpr std::size_t most = 10000000;
  if (options.archs.empty() && options.prims.empty() && options.nets.empty() && options.onnx.empty() &&
      options.sample == 0)
    throw Error(Fault::usage,
                "what to predict is expected: architectures, --prims, --net, --onnx or --sample; see "
                "hwprof-cli predict --help");
  if (options.sample > most) throw Error(Fault::usage, "--sample must be at most " + std::to_string(most));
  std::vector<Item> items;
  for (const auto& file : options.prims) items.push_back({"prims", file, hwprof::load_prims(file)});
  for (const auto& file : options.nets) {
    items.push_back({"net", file, {}});
    for (const auto& layer : hwprof::load_net(file).layers) items.back().prims.push_back(layer.prim);
  }
  for (const auto& file : options.onnx) items.push_back({"onnx", file, {}, hwprof::read_onnx(file)});
  if (options.archs.empty() && options.sample == 0) return items;

  const auto space = open_space(options.space, model);
  if (!space)
    throw Error(Fault::usage, "architectures need the search space: give --space, or as --model a run folder");
  for (const auto& text : options.archs) {
    const auto arch = hwprof::parse_arch(*space->space, text);
    items.push_back({"arch", hwprof::to_string(arch), space->space->primitives(arch)});
  }
  std::mt19937_64 rng(options.seed);
  for (std::size_t i = 0; i < options.sample; ++i) {
    const auto arch = space->space->sample(rng);
    items.push_back({"arch", hwprof::to_string(arch), space->space->primitives(arch)});
  }
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

void predict(const Cli& cli, const Options& options) {
  const ModelChoice choice(options.model);
  const auto model = hwprof::load_model(choice.file);
  Json rows = Json::array();
  for (const auto& item : items_of(options, choice)) {
    hwprof::Prediction prediction;
    try {
      prediction = item.graph ? hwprof::predict_graph(model, item.graph->graph, item.graph->input)
                              : model.predict_with_error(item.prims);
    } catch (const hwprof::Error& error) {
      throw hwprof::Error(error.fault(), item.key + " " + item.name + ": " + error.what());
    }
    const std::string parts = item.graph ? "kernels" : "prims";
    if (cli.json) {
      rows.push_back({{item.key, item.name},
                      {"value", prediction.value},
                      {"standard_error", prediction.standard_error},
                      {"estimated_" + parts, prediction.estimated},
                      {"extrapolated_" + parts, prediction.extrapolated},
                      {"unseen_" + parts, prediction.unseen}});
      if (item.graph) rows.back()["notes"] = item.graph->notes;
    } else {
      std::cout << item.name << "  " << value_text(model.metric(), prediction.value) << " ± "
                << value_text(model.metric(), prediction.standard_error)
                << estimated_text(prediction, item.graph ? "kernel" : "primitive") << '\n';
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
  add_repeatable(verb, "--onnx", options->onnx, "ONNX file; needs a model of kind 'kernel'");
  verb->add_option("--sample", options->sample, "Predict so many random architectures")->check(CLI::NonNegativeNumber);
  verb->add_option("--seed", options->seed, "Seed of --sample")->check(CLI::NonNegativeNumber);
  verb->add_flag("--json", cli.json, "Print one JSON document");
}

}  // namespace hwprof_cli
