// SPDX-License-Identifier: Apache-2.0
// The kinds whose blocks are chosen by name from a list: mobilenet (nnabla-nas), proxyless and fbnet.
#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/graph.hpp"
#include "space/read.hpp"

namespace hwprof::space {
namespace {

using base::Yaml;

std::string block_name(std::size_t stage, int block) {
  return "stage" + std::to_string(stage) + ".block" + std::to_string(block);
}

std::vector<std::string> read_names(const Yaml& node, const std::vector<std::string>& known) {
  auto names = node.texts();
  if (names.empty()) node.fail("at least one candidate is expected, found none");
  for (auto at = names.begin(); at != names.end(); ++at) {
    if (std::find(known.begin(), known.end(), *at) == known.end())
      node.fail("unknown candidate " + base::in_quotes(*at) + base::suggest(*at, known));
    if (std::find(names.begin(), at, *at) != at) node.fail("the candidate " + base::in_quotes(*at) + " is there twice");
  }
  return names;
}

/// What a MobileNetV2-like space is made of; the defaults differ between the two that ship.
struct MobileSpec {
  std::vector<StageSetting> settings;
  std::vector<std::string> candidates;
  int stem_channels = 32, first_channels = 16, last_channels = 1280, num_classes = 1000;
  double width_mult = 1;
  bool skip_connect = true;
  bool round_up = false;  ///< widths are rounded up to a multiple of 8 (nnabla-nas), else to the nearest
};

/// "MB6 5x5": expansion and kernel.
Prim mobile_block(const std::string& name, int channels, int stride) {
  return make_prim("mobilenet_v2_block", channels, stride,
                   {{"expansion", std::int64_t{name[2] - '0'}},
                    {"kernel_size", std::int64_t{name[4] - '0'}},
                    {"activation", std::string("relu6")}});
}

std::vector<std::string> mobile_names() {
  std::vector<std::string> names;
  for (const char* kernel : {"3x3", "5x5", "7x7"})
    for (const char* expansion : {"1", "2", "3", "4", "6"})
      names.push_back(std::string("MB") + expansion + " " + kernel);
  return names;
}

Chain mobile_chain(const MobileSpec& spec, const Common& common) {
  const auto scaled = [&spec](double channels, double factor) {
    const double width = channels * factor;
    return spec.round_up ? static_cast<int>(std::ceil(width / 8)) * 8 : make_divisible(width);
  };
  Chain chain;
  chain.image_sizes = {common.image_size};
  chain.image_channels = common.image_channels;
  int channels = scaled(spec.stem_channels, spec.width_mult);
  Prim stem = make_prim("stem", channels, 2, {{"activation", std::string("relu6")}});
  channels = scaled(spec.first_channels, spec.width_mult);
  chain.stages.push_back(fixed_stage("stem", {std::move(stem), mobile_block("MB1 3x3", channels, 1)}));
  for (std::size_t s = 0; s < spec.settings.size(); ++s) {
    const auto& setting = spec.settings[s];
    const int out = scaled(setting.channels, spec.width_mult);
    Stage stage{"stage" + std::to_string(s), {}, {}};
    for (int b = 0; b < setting.blocks; ++b) {
      const int stride = b == 0 ? setting.stride : 1;
      std::vector<std::string> options = spec.candidates;
      std::vector<std::vector<Prim>> prims;
      for (const auto& name : options) prims.push_back({mobile_block(name, out, stride)});
      if (spec.skip_connect && stride == 1 && channels == out) {
        options.emplace_back("skip_connect");
        prims.emplace_back();
      }
      stage.positions.push_back(choice(block_name(s, b), std::move(options), std::move(prims)));
      channels = out;
    }
    chain.stages.push_back(std::move(stage));
  }
  const Head head{scaled(spec.last_channels, std::max(1.0, spec.width_mult)), 0, spec.num_classes, "relu6"};
  chain.stages.push_back(fixed_stage("head", head_prims(head)));
  return chain;
}

Space read_mobile(const Yaml& node, Common& common, MobileSpec spec) {
  node.only({"kind", "name", "image_size", "image_channels", "max_layers", "num_sample", "settings", "candidates",
             "num_classes", "width_mult", "skip_connect", "stem_channels", "first_channels", "last_channels"});
  if (const auto settings = node.find("settings")) spec.settings = read_settings(*settings);
  if (const auto names = node.find("candidates")) spec.candidates = read_names(*names, mobile_names());
  const auto read_width = [&node](const char* key, int& value) {
    if (const auto given = node.find(key)) value = given->integer(1, max_width);
  };
  read_width("num_classes", spec.num_classes);
  read_width("stem_channels", spec.stem_channels);
  read_width("first_channels", spec.first_channels);
  read_width("last_channels", spec.last_channels);
  if (const auto skip = node.find("skip_connect")) spec.skip_connect = skip->boolean();
  if (const auto mult = node.find("width_mult")) {
    spec.width_mult = mult->number();
    if (!(spec.width_mult >= 0.01 && spec.width_mult <= 16)) mult->fail("a number within 0.01 to 16 is expected");
  }
  return make_chain(node, [&] { return mobile_chain(spec, common); });
}

/// "k5_e1_g2": kernel, expansion, groups; or "skip".
std::vector<std::string> fbnet_names() {
  return {"k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip"};
}

std::vector<Prim> fbnet_candidate(const std::string& name, int in, int out, int stride) {
  if (name == "skip") {
    if (stride == 1 && in == out) return {};
    return {make_prim("conv_bn_relu_1x1", out, stride, {})};
  }
  const std::int64_t groups = name.size() > 5 ? name[7] - '0' : 1;
  return {make_prim("fbnet_block", out, stride,
                    {{"kernel_size", std::int64_t{name[1] - '0'}},
                     {"expansion", std::int64_t{name[4] - '0'}},
                     {"groups", groups},
                     {"activation", std::string("relu")}})};
}

}  // namespace

Space read_mobilenet(const Yaml& node, Common& common) {
  MobileSpec spec;
  spec.settings = {{24, 4, 2}, {32, 4, 2}, {64, 4, 2}, {96, 4, 1}, {160, 4, 2}, {320, 1, 1}};
  spec.candidates = {"MB3 3x3", "MB6 3x3", "MB3 5x5", "MB6 5x5", "MB3 7x7", "MB6 7x7"};
  spec.round_up = true;
  return read_mobile(node, common, std::move(spec));
}

Space read_proxyless(const Yaml& node, Common& common) {
  MobileSpec spec;
  spec.settings = {{24, 4, 2}, {40, 4, 2}, {80, 4, 2}, {96, 4, 1}, {192, 4, 2}, {320, 1, 1}};
  spec.candidates = {"MB3 3x3", "MB6 3x3", "MB3 5x5", "MB6 5x5", "MB3 7x7", "MB6 7x7"};
  return read_mobile(node, common, std::move(spec));
}

Space read_fbnet(const Yaml& node, Common& common) {
  node.only({"kind", "name", "image_size", "image_channels", "max_layers", "num_sample", "settings", "candidates",
             "num_classes", "stem_channels", "stem_stride", "last_channels"});
  std::vector<StageSetting> settings = {{16, 1, 1},  {24, 4, 1},  {32, 4, 2}, {64, 4, 2},
                                        {112, 4, 1}, {184, 4, 2}, {352, 1, 1}};
  if (const auto given = node.find("settings")) settings = read_settings(*given);
  std::vector<std::string> names = fbnet_names();
  if (const auto given = node.find("candidates")) names = read_names(*given, names);
  const auto width = [&node](const char* key, int fallback) {
    const auto given = node.find(key);
    return given ? given->integer(1, max_width) : fallback;
  };
  const auto stride = node.find("stem_stride");
  int channels = width("stem_channels", 16);

  Chain chain;
  chain.image_sizes = {common.image_size};
  chain.image_channels = common.image_channels;
  chain.stages.push_back(fixed_stage("stem", {make_prim("stem", channels, stride ? stride->integer(1, 4) : 1,
                                                        {{"activation", std::string("relu")}})}));
  for (std::size_t s = 0; s < settings.size(); ++s) {
    Stage stage{"stage" + std::to_string(s), {}, {}};
    for (int b = 0; b < settings[s].blocks; ++b) {
      std::vector<std::vector<Prim>> prims;
      for (const auto& name : names)
        prims.push_back(fbnet_candidate(name, channels, settings[s].channels, b == 0 ? settings[s].stride : 1));
      stage.positions.push_back(choice(block_name(s, b), names, std::move(prims)));
      channels = settings[s].channels;
    }
    chain.stages.push_back(std::move(stage));
  }
  chain.stages.push_back(
      fixed_stage("head", head_prims({width("last_channels", 1504), 0, width("num_classes", 100), "relu"})));
  return make_chain(node, [&] { return std::move(chain); });
}

}  // namespace hwprof::space
