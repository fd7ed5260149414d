// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace hwprof::format {

/// Walks through the bytes of a model without building anything, because protobuf would make a hundred bytes of memory
/// from two of a hostile file, and because its own errors have no place.
/// @throws Error(Fault::input) with the offset, for a message that is cut short or has absurdly many parts;
/// Error(Fault::unsupported) for control flow, sparse tensors, functions and training information.
void scan_onnx(std::string_view bytes, const std::string& source);

}  // namespace hwprof::format
