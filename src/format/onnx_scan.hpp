// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace hwprof::format {

/// scan_proto() of a model; refuses control flow, sparse tensors, functions and training information.
/// @throws as scan_proto.
void scan_onnx(std::string_view bytes, const std::string& source);

}  // namespace hwprof::format
