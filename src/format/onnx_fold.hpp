// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "format/onnx_node.hpp"

namespace hwprof::format {

/// The result of a node all of whose inputs are constants (null: not given), as exporters leave them around Reshape:
/// Identity, Cast, Gather, Concat, Slice, Squeeze, Unsqueeze, Reshape, Transpose, Floor, Ceil, ConstantOfShape and
/// arithmetic of equal sizes or with a single value.
/// @throws Error(Fault::unsupported) naming the node for anything else, Error(Fault::input) for what makes no sense.
[[nodiscard]] Constant fold(const NodeView& node, const std::vector<const Constant*>& inputs, Budget& budget);

/// With its dimensions in another order. @throws as fold().
[[nodiscard]] Constant transposed(const Constant& constant, const Dims& order, const std::string& place,
                                  Budget& budget);

/// axis of a value of this rank, counted from the back where negative. @throws Error(Fault::input).
[[nodiscard]] std::size_t axis_of(std::int64_t axis, std::size_t rank, const NodeView& node);

/// dims without, or with new, ones at these axes. @throws Error(Fault::input).
[[nodiscard]] Dims squeezed(const Dims& dims, const Dims& axes, const NodeView& node);
[[nodiscard]] Dims unsqueezed(const Dims& dims, const Dims& axes, const NodeView& node);

/// The dimensions that Reshape's target asks for; 0 keeps one and -1 is what is left. @throws Error(Fault::input).
[[nodiscard]] Dims reshaped(const Dims& dims, const Dims& target, const NodeView& node);

}  // namespace hwprof::format
