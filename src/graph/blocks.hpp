// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hwprof/graph.hpp"

// What the lowerings of several families share.
namespace hwprof::graph {

using LoweringTable = std::map<std::string, Lowering>;

// One table, written down by family.
void add_conv_lowerings(LoweringTable& table);
void add_mobile_lowerings(LoweringTable& table);
void add_residual_lowerings(LoweringTable& table);
void add_cell_lowerings(LoweringTable& table);
void add_branch_lowerings(LoweringTable& table);
void add_op_lowerings(LoweringTable& table);
void add_ssbn_lowerings(LoweringTable& table);

// Attributes of a normalised primitive. @throws Error(Fault::input) for a value out of range.
[[nodiscard]] int int_attr(const Prim& prim, const std::string& name, int least, int most);
[[nodiscard]] double real_attr(const Prim& prim, const std::string& name, double least, double most);
[[nodiscard]] bool flag_attr(const Prim& prim, const std::string& name);
[[nodiscard]] const std::string& text_attr(const Prim& prim, const std::string& name);
[[nodiscard]] int kernel_attr(const Prim& prim);

/// @throws Error(Fault::input, what) unless it holds.
void require(bool holds, const std::string& what);
void require_same_channels(const Prim& prim);
void require_stride(const Prim& prim, int stride);

// Ops without parameters, and the runs of ops that blocks repeat. All return the index of the last op.
int max_pool(GraphBuilder& builder, int from, int kernel, int stride, int pad, bool ceil_mode = false);
int avg_pool(GraphBuilder& builder, int from, int kernel, int stride, int pad, bool ceil_mode = false,
             bool count_include_pad = true);
int simple_op(GraphBuilder& builder, OpKind kind, std::vector<int> inputs, const std::string& name = {});
/// Positive pads add zeros, negative ones crop: top, left, bottom, right.
int pad(GraphBuilder& builder, int from, const std::array<int, 4>& pads, const std::string& name = "pad");
int linear(GraphBuilder& builder, int from, std::int64_t out_channels, bool bias, const std::string& name);
int conv_bn(GraphBuilder& builder, int from, std::int64_t out_channels, int kernel, int stride, bool affine,
            const std::string& name = "conv", std::int64_t groups = 1);
/// Squeeze and excitation: global mean, 1x1, relu, 1x1, h_sigmoid, multiply; middle width
/// make_divisible(channels / reduction, 8), both convolutions with bias.
int squeeze_excite(GraphBuilder& builder, int from, int channels, int reduction);
/// Zeros in the shape of a map of this size that went through a stride: one `pad` op that crops everything
/// and pads it anew. It multiplies nothing and has no parameters, but its output must be written.
int zeros(GraphBuilder& builder, int from, int size, int stride);

}  // namespace hwprof::graph
