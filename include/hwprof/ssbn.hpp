// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "hwprof/net.hpp"
#include "hwprof/prim.hpp"

// Search-space base networks of ssprofile (Zeng et al., Black Box Search Space Profiling for Accelerator-Aware NAS,
// ASP-DAC 2020): whole families of blocks are compared by networks of which one cell group at a time is changed.
namespace hwprof {

/// "Resblock_3" taken apart: the family ("Res", "Mobile", "VGG") and the number of the block in it.
struct SsbnBlock {
  std::string family;
  int index = 0;
};
/// @throws Error(Fault::input) for a name that is not <family>block_<number> of a block that exists.
[[nodiscard]] SsbnBlock parse_ssbn_block(const std::string& name);
[[nodiscard]] std::string to_string(const SsbnBlock& block);

/// The block as a primitive: ss_res_block (expansion 1, 2, 4; within each kernel 3, 5, 7), ss_mobile_block (kernel
/// 3, 5, 7; within each expansion 1, 3, 6), ss_vgg_block (thirteen lists of kernels, Vgg 0 [1] to 12 [1,3,3,3]).
[[nodiscard]] Prim ssbn_prim(const SsbnBlock& block, int spatial_size, int C, int C_out, int stride);

/// Whether b does all that a does and more, so that no device should run it faster: same family and, of Mobile, no
/// smaller kernel and expansion; of Res, no smaller kernel and no larger expansion (which narrows); of VGG, a's kernels
/// are found in b's list in order, none of them larger. Whether b then computes more depends on the channels as well;
/// compare count_work(). False for a == b.
[[nodiscard]] bool ssbn_contains(const SsbnBlock& b, const SsbnBlock& a);

/// One layer of a space; layers of one group always hold the same block.
struct SsbnLayer {
  std::size_t group = 0;
  int C = 0, C_out = 0, stride = 1;
};

struct SsbnSpec {
  int image_size = 32, image_channels = 3;    ///< of the input
  int stem_channels = 0, stem_stride = 1;     ///< conv 3x3, batch norm, relu in front of the layers; 0: none
  int num_classes = 10;                       ///< global mean and a linear layer without bias at the end
  std::size_t groups = 0;                     ///< cell groups
  std::vector<SsbnLayer> layers;              ///< at least one per group
  std::vector<std::string> shared;            ///< shared_primitives: what every group may hold; or
  std::vector<std::vector<std::string>> own;  ///< cell_shared_primitives: what each may, as a selection leaves it

  [[nodiscard]] const std::vector<std::string>& options(std::size_t group) const {
    return own.empty() ? shared : own.at(group);
  }
};

/// The space of a YAML file of ssprofile or aw_nas (search_space_cfg, weights_manager_cfg), or of hwprof's kind `ssbn`,
/// which is the same with the key `kind`. image_size > 0 replaces the file's own.
/// @throws Error(Fault::input) with file:line.
[[nodiscard]] SsbnSpec load_ssbn(const std::string& file, int image_size = 0);

/// A base network, or one with the block of one group exchanged.
struct SsbnNet {
  std::string id;  ///< "Res_1_1_3_1_1": the family, then the number of the block in each group
  std::string family;
  std::vector<int> blocks;  ///< number of the block in each group
  int group = -1;           ///< the group that differs from the base network's; -1: it is the base network
};

/// All networks that ssprofile trains and measures: for each family, in the order in which they are first named, its
/// base network (in every group the second of its blocks by number, or the only one), then each other block in each
/// group; 1 + groups * (blocks - 1) networks.
/// @throws Error(Fault::input) when the space names no shared primitives.
[[nodiscard]] std::vector<SsbnNet> list_ssbn(const SsbnSpec& spec);

/// The network that can be run; its id is the given one's. layers, if given, gets for every layer of the spec the index
/// of its primitive in the network. @throws Error(Fault::input) naming the layer that cannot be built.
[[nodiscard]] Net ssbn_network(const SsbnSpec& spec, const SsbnNet& net, std::vector<std::size_t>* layers = nullptr);

}  // namespace hwprof
