// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hwprof/record.hpp"

namespace hwprof::record {

// Latency tables of ProxylessNAS and Once-for-all: a YAML map from keys such as
//   expanded_conv-input:112x112x16-output:56x56x24-expand:3-kernel:3-stride:2-idskip:0
// (with -se:0-hs:0 behind it for MobileNetV3) to {mean, count, var}, in ms and ms². The sizes are height x width x
// channels. `expand` is the ratio in ProxylessNAS' tables and the channels in the middle in Once-for-all's, which are
// told apart by their size: channels in the middle are at least those of the input.

/// Whether the first key of the text is one of those.
[[nodiscard]] bool is_ofa_table(std::string_view text);

/// One record without an overall cost: expanded_conv is mobilenet_v2_block (relu6), or mobilenet_v3_block where the key
/// has se and hs; Conv is stem, Conv_1 conv_bn_act, AvgPool2D global_avg_pool, Conv_2 conv_act, Logits linear. Their
/// activation is h_swish in a MobileNetV3 table, else relu6. What follows the last block is also given as one
/// `head`, the sum of its parts, which is how the spaces have it. What no primitive stands for goes to the notes.
/// @throws Error(Fault::input) with file:line.
[[nodiscard]] std::vector<NetRecord> parse_ofa_table(const std::string& text, const std::string& source, Notes& notes);

/// The key of a primitive; nothing for one that the format cannot express. v3: the table is one of MobileNetV3.
[[nodiscard]] std::optional<std::string> ofa_key(const Prim& prim, bool v3);

}  // namespace hwprof::record
