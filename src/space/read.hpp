// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/yaml.hpp"
#include "hwprof/space.hpp"
#include "space/chain.hpp"

// Reading spaces from YAML. All throw Error(Fault::input) with file:line.
namespace hwprof::space {

inline constexpr int max_image_size = 16384, max_image_channels = 4096, max_width = 65536, max_blocks = 1000;
inline constexpr int max_classes = 65536;
inline constexpr std::size_t max_choices = 1000, max_positions = 10000, max_candidates = 100000;  ///< in all of a space

/// What all kinds have in common. A kind that offers several image sizes leaves the largest here.
struct Common {
  int image_size = 224;
  int image_channels = 3;
  bool resized = false;  ///< image_size replaces the file's
};

/// A primitive of a list, without what follows from its neighbours. Keys spatial_size and C are only checked.
struct PrimTemplate {
  Prim prim;  ///< spatial_size and C are 0; C_out 0: as many as come in
  bool has_stride = false;
  int spatial_size = 0, C = 0;  ///< as given; 0: not given
};
[[nodiscard]] PrimTemplate read_template(const base::Yaml& node, const std::vector<std::string>& extra_keys = {});

/// A name that stands in the text of an architecture. @throws Error otherwise.
void check_name(const base::Yaml& node, const std::string& name);

/// A list of positive numbers, none twice, not empty.
[[nodiscard]] std::vector<int> read_choices(const base::Yaml& node, int least, int most);

/// A primitive of this type with those attributes that it declares.
[[nodiscard]] Prim make_prim(const std::string& type, int C_out, int stride, const std::map<std::string, Attr>& attrs);

/// What the head of a classifier is made of; no classes: there is no head.
struct Head {
  int last_channels = 0, feature_channels = 0, num_classes = 0;
  std::string activation = "relu6";
};
[[nodiscard]] std::vector<Prim> head_prims(const Head& head);

/// Stages as lists of [channels, blocks, stride].
struct StageSetting {
  int channels = 0, blocks = 0, stride = 1;
};
[[nodiscard]] std::vector<StageSetting> read_settings(const base::Yaml& node);

using Space = std::unique_ptr<MixinProfilingSearchSpace>;
// One per kind.
[[nodiscard]] Space read_chain(const base::Yaml& node, Common& common);
[[nodiscard]] Space read_listed(const base::Yaml& node, Common& common);
[[nodiscard]] Space read_ofa(const base::Yaml& node, Common& common);
[[nodiscard]] Space read_options(const base::Yaml& node, Common& common);
[[nodiscard]] Space read_ssd_ofa(const base::Yaml& node, Common& common);
[[nodiscard]] Space read_mobilenet(const base::Yaml& node, Common& common);
[[nodiscard]] Space read_proxyless(const base::Yaml& node, Common& common);
[[nodiscard]] Space read_fbnet(const base::Yaml& node, Common& common);
[[nodiscard]] Space read_nasbench201(const base::Yaml& node, Common& common);
[[nodiscard]] Space read_ssbn(const base::Yaml& node, Common& common);

/// aw_nas' two files.
[[nodiscard]] SpaceFile read_awnas(const base::Yaml& config, const base::Yaml& hardware, int image_size);

/// A space from the chain that `make` returns; errors, which have no place of their own, get that of the node.
[[nodiscard]] Space make_chain(const base::Yaml& node, const std::function<Chain()>& make);

}  // namespace hwprof::space
