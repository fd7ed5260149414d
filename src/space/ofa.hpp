// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "space/read.hpp"

namespace hwprof::space {

/// aw_nas' ofa_mixin: stages of inverted residuals whose depth, expansion ("width") and kernel are chosen.
/// Stage 0 is one block with kernel 3 and expansion 1.
struct OfaSpec {
  std::vector<int> image_sizes{224};
  int image_channels = 3;
  std::vector<int> base_channels;  ///< stem, stages; then perhaps the head's one or two
  double mult_ratio = 1;
  std::vector<int> strides;       ///< one per stage
  std::vector<std::string> acts;  ///< one per stage, or none: the type's own
  std::vector<bool> use_ses;      ///< one per stage, or none
  std::string stem_type = "conv_3x3", stem_activation;
  int stem_stride = 2;
  std::string primitive_type = "mobilenet_v2_block";
  std::vector<double> widths{4, 5, 6};
  std::vector<int> depths{2, 3, 4}, kernels{3, 5, 7};
  std::vector<int> blocks;   ///< most per stage (num_cell_groups); none: as deep as the deepest choice
  std::optional<Head> head;  ///< none: from the surplus of base_channels
  int num_classes = 1000;    ///< of the derived head
  std::vector<Prim> fixed_primitives;
};

/// What ssd_ofa has in place of a classifier, our own model of an SSDLite head: a chain of extra blocks of
/// stride 2 behind the backbone, whose expansion and kernel are chosen, and a 3x3 convolution to
/// anchors * (classes + 4) channels on the last map of each of the two smallest sizes of the backbone and on
/// each extra block's.
struct SsdSpec {
  std::vector<double> widths{0.25, 0.5, 0.75};
  std::vector<int> kernels{3};
  std::vector<int> channels{512, 256, 256, 64};  ///< of the extra blocks, one per head
  int num_classes = 21, anchors = 6;
};

[[nodiscard]] Chain ofa_chain(const OfaSpec& spec);  ///< @throws Error(Fault::input) without a place
[[nodiscard]] Chain ssd_ofa_chain(const OfaSpec& spec, const SsdSpec& ssd);

/// Keys that both of aw_nas' files and hwprof's own share; absent ones leave the spec as it is.
void read_choices_of(const base::Yaml& node, OfaSpec& spec);      ///< width_choice, depth_choice, …
void read_shape_of(const base::Yaml& node, OfaSpec& spec);        ///< base_channels, strides, acts, …
void read_head_choices_of(const base::Yaml& node, SsdSpec& ssd);  ///< num_head, head_width_choice, …

}  // namespace hwprof::space
