// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hwprof::format {

/// Names of the layers that a prototxt has, its inputs apart, in their order. @throws as parse_caffe.
[[nodiscard]] std::vector<std::string> caffe_layer_names(std::string_view prototxt, const std::string& source);

}  // namespace hwprof::format
