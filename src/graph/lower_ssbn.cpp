// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.hpp"
#include "graph/blocks.hpp"
#include "hwprof/error.hpp"

// The blocks of Zeng et al., Black Box Search Space Profiling, ASP-DAC 2020, as their program ssprofile numbers them.
namespace hwprof::graph {
namespace {

constexpr int max_expansion = 64;
constexpr std::size_t max_convolutions = 16;

/// 1x1, depthwise, 1x1 and a relu behind the residual. ssprofile's own port convolves fully where the networks that
/// its authors measured were depthwise.
Graph ss_mobile_block(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  const int inner = prim.C * int_attr(prim, "expansion", 1, max_expansion);
  int at = builder.activation(conv_bn(builder, builder.input(), inner, 1, 1, prim.affine, "expand"), "relu");
  at =
      builder.activation(conv_bn(builder, at, inner, kernel_attr(prim), prim.stride, prim.affine, "dw", inner), "relu");
  at = conv_bn(builder, at, prim.C_out, 1, 1, prim.affine, "project");
  if (prim.stride == 1 && prim.C == prim.C_out) at = builder.add(at, builder.input());
  return std::move(builder).finish(builder.activation(at, "relu"));
}

/// A bottleneck of C / expansion channels beside a branch of C channels, added.
Graph ss_res_block(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  const int inner = std::max(1, prim.C / int_attr(prim, "expansion", 1, max_expansion));
  const int kernel = kernel_attr(prim);
  int a = builder.activation(conv_bn(builder, builder.input(), inner, 1, 1, prim.affine, "reduce"), "relu");
  a = builder.activation(conv_bn(builder, a, inner, kernel, prim.stride, prim.affine, "conv"), "relu");
  a = conv_bn(builder, a, prim.C_out, 1, 1, prim.affine, "project");
  int b =
      builder.activation(conv_bn(builder, builder.input(), prim.C, kernel, prim.stride, prim.affine, "side"), "relu");
  b = conv_bn(builder, b, prim.C_out, 1, 1, prim.affine, "side_project");
  return std::move(builder).finish(builder.activation(builder.add(a, b), "relu"));
}

/// "k1-3-3": kernels of the convolutions in their order.
std::vector<int> kernels_of(const Prim& prim) {
  const std::string& text = text_attr(prim, "kernels");
  std::vector<int> kernels;
  if (base::starts_with(text, "k")) {
    for (const auto& part : base::split(text.substr(1), '-')) {
      const auto kernel = base::to_int(part);
      if (!kernel || *kernel < 1 || *kernel > 15 || *kernel % 2 == 0) {
        kernels.clear();
        break;
      }
      kernels.push_back(static_cast<int>(*kernel));
    }
  }
  require(!kernels.empty() && kernels.size() <= max_convolutions,
          "kernels must be one to " + std::to_string(max_convolutions) + " odd sizes up to 15 as in k1-3-3, found " +
              base::in_quotes(text));
  return kernels;
}

/// Convolutions at stride 1; the stride is a pool behind them.
Graph ss_vgg_block(const Prim& prim) {
  require(prim.stride <= 2, "the stride must be 1 or 2 (a pool), found " + std::to_string(prim.stride));
  GraphBuilder builder(prim.prim_type);
  int at = builder.input();
  int number = 0;
  for (const int kernel : kernels_of(prim))
    at = builder.activation(conv_bn(builder, at, prim.C_out, kernel, 1, prim.affine, "conv" + std::to_string(++number)),
                            "relu");
  if (prim.stride == 2) at = max_pool(builder, at, 2, 2, 0);
  return std::move(builder).finish(at);
}

}  // namespace

void add_ssbn_lowerings(LoweringTable& table) {
  table["ss_mobile_block"] = ss_mobile_block;
  table["ss_res_block"] = ss_res_block;
  table["ss_vgg_block"] = ss_vgg_block;
}

}  // namespace hwprof::graph
