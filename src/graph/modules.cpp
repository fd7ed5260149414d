// SPDX-License-Identifier: Apache-2.0
#include "hwprof/modules.hpp"

#include <algorithm>
#include <optional>

#include "graph/kinds.hpp"

namespace hwprof {
namespace {

bool is_square(const std::array<int, 2>& pair) {
  return pair[0] == pair[1];
}

/// The same on all four sides, or nothing.
std::optional<int> padding_of(const Op& op) {
  if (std::any_of(op.pad.begin(), op.pad.end(), [&op](int pad) { return pad != op.pad[0]; })) return {};
  return op.pad[0];
}

bool add_window(const Op& op, Prim& prim) {
  const auto padding = padding_of(op);
  if (!padding || !is_square(op.kernel) || !is_square(op.stride) || !is_square(op.dilation)) return false;
  const int kernel = op.kernel[0];
  prim.stride = op.stride[0];
  prim.attrs["kernel_size"] = std::int64_t{kernel};
  if (op.kind == OpKind::conv2d) {
    const bool same = *padding == op.dilation[0] * (kernel / 2);
    prim.prim_type = "conv";
    prim.attrs["groups"] = op.groups;
    prim.attrs["dilation"] = std::int64_t{op.dilation[0]};
    prim.attrs["padding"] = std::int64_t{same ? -1 : *padding};
    prim.attrs["bias"] = op.bias;
    return true;
  }
  if (op.dilation[0] != 1) return false;
  prim.attrs["padding"] = std::int64_t{*padding};
  prim.attrs["ceil_mode"] = op.ceil_mode;
  if (op.kind == OpKind::avg_pool) prim.attrs["count_include_pad"] = op.count_include_pad;
  return true;
}

std::optional<Prim> module_of(const Op& op, const Shape& in, const Shape& out) {
  if (in[2] != in[3]) return {};
  Prim prim;
  prim.prim_type = to_string(op.kind);
  prim.spatial_size = static_cast<int>(in[2]);
  prim.C = static_cast<int>(in[1]);
  prim.C_out = static_cast<int>(out[1]);
  switch (op.kind) {
    case OpKind::conv2d:
    case OpKind::max_pool:
    case OpKind::avg_pool:
      if (!add_window(op, prim)) return {};
      break;
    case OpKind::linear:
      prim.attrs = {{"activation", std::string("identity")}, {"bias", op.bias}};
      break;
    case OpKind::batch_norm:
      prim.affine = op.affine;
      break;
    case OpKind::add:
    case OpKind::mul:
    case OpKind::concat:
    case OpKind::split:
    case OpKind::pad:
    case OpKind::channel_shuffle:
    case OpKind::upsample_nearest:
      return {};
    default: {
      const auto types = list_prim_types();
      if (!std::binary_search(types.begin(), types.end(), prim.prim_type)) return {};
    }
  }
  return normalized(std::move(prim));
}

}  // namespace

Modules split_modules(const Graph& graph, const Shape& input) {
  const auto shapes = infer_shapes(graph, input);
  Modules modules;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    if (graph::only_renames(op.kind)) continue;
    auto prim = module_of(op, shapes[static_cast<std::size_t>(op.inputs.at(0))], shapes[i]);
    if (prim)
      modules.prims.push_back(std::move(*prim));
    else
      modules.rest.emplace_back(to_string(op.kind));
  }
  return modules;
}

}  // namespace hwprof
