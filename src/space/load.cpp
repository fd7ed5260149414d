// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string_view>

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "hwprof/error.hpp"
#include "space/read.hpp"
#include "space/ssbn.hpp"

namespace hwprof {
namespace {

using base::Yaml;
using space::Common;

struct Kind {
  const char* name;
  space::Space (*read)(const Yaml& node, Common& common);
  int image_size;  ///< where the file names none
};

constexpr Kind kinds[] = {{"chain", space::read_chain, 224},
                          {"fbnet", space::read_fbnet, 32},
                          {"listed", space::read_listed, 224},
                          {"mobilenet", space::read_mobilenet, 224},
                          {"nasbench201", space::read_nasbench201, 32},
                          {"ofa", space::read_ofa, 224},
                          {"options", space::read_options, 224},
                          {"proxyless", space::read_proxyless, 224},
                          {"ssbn", space::read_ssbn, 32},
                          {"ssd_ofa", space::read_ssd_ofa, 300}};

const Kind& find_kind(const Yaml& root) {
  const auto node = root.find("kind");
  const auto named = [](const char* name) -> const Kind& {
    return *std::find_if(std::begin(kinds), std::end(kinds),
                         [name](const Kind& kind) { return kind.name == std::string_view(name); });
  };
  if (!node && space::looks_like_ssbn(root)) return named("ssbn");
  if (!node && root.find("search_space_type"))
    root.fail(
        "this is a file of aw_nas, which needs its second file (mixin_search_space_type, prof_prims_cfg) beside it");
  if (!node) root.fail("key 'kind' is missing (one of " + base::join(list_spaces(), ", ") + ")");
  const std::string name = node->text();
  for (const auto& kind : kinds)
    if (name == kind.name) return kind;
  node->fail("unknown kind of space " + base::in_quotes(name) + base::suggest(name, list_spaces()));
}

void check_image_size(int image_size) {
  if (image_size < 0 || image_size > space::max_image_size)
    throw Error(Fault::usage, "an image size within 1 to " + std::to_string(space::max_image_size) +
                                  " is expected, found " + std::to_string(image_size));
}

Common read_common(const Yaml& root, const Kind& kind, int image_size) {
  Common common;
  common.image_size = kind.image_size;
  common.resized = image_size > 0;
  if (const auto size = root.find("image_size")) common.image_size = size->integer(1, space::max_image_size);
  if (common.resized) common.image_size = image_size;
  if (const auto channels = root.find("image_channels"))
    common.image_channels = channels->integer(1, space::max_image_channels);
  return common;
}

SpaceFile read_own(const Yaml& root, int image_size) {
  const Kind& kind = find_kind(root);
  Common common = read_common(root, kind, image_size);
  SpaceFile out;
  out.kind = kind.name;
  if (const auto name = root.find("name")) out.name = name->text();
  if (const auto layers = root.find("max_layers")) out.assemble.max_layers = layers->integer(1, 100000);
  if (const auto sample = root.find("num_sample")) out.num_sample = sample->integer(0, 1000000);
  out.space = kind.read(root, common);
  out.assemble.image_size = common.image_size;
  out.assemble.image_channels = common.image_channels;
  return out;
}

}  // namespace

SsbnSpec load_ssbn(const std::string& file, int image_size) {
  check_image_size(image_size);
  const Yaml root = Yaml::load(file);
  const Kind& kind = find_kind(root);
  if (kind.name != std::string_view("ssbn"))
    root.fail(std::string("a space of kind ssbn is expected, found kind ") + kind.name);
  Common common = read_common(root, kind, image_size);
  return space::read_ssbn_spec(root, common);
}

std::vector<std::string> list_spaces() {
  std::vector<std::string> names;
  for (const auto& kind : kinds) names.emplace_back(kind.name);
  return names;
}

SpaceFile load_space(const std::string& file, const std::string& hardware_file, int image_size) {
  check_image_size(image_size);
  const bool built_in = file == "fbnet" || file == "nasbench201";
  const Yaml root = built_in ? Yaml::parse("kind: " + file, file) : Yaml::load(file);
  SpaceFile out;
  if (hardware_file.empty()) {
    out = read_own(root, image_size);
  } else {
    if (root.find("kind"))
      throw Error(Fault::usage, file + " describes a space of hwprof's own, which takes no hardware file");
    out = space::read_awnas(root, Yaml::load(hardware_file), image_size);
  }
  if (out.name.empty()) out.name = std::filesystem::path(file).stem().string();
  return out;
}

}  // namespace hwprof
