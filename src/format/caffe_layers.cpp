// SPDX-License-Identifier: Apache-2.0
#include "format/caffe_layers.hpp"

#include "format/caffe_proto.hpp"

namespace hwprof::format {

std::vector<std::string> caffe_layer_names(std::string_view prototxt, const std::string& source) {
  const auto net = parse_prototxt(prototxt, source);
  std::vector<std::string> names;
  for (const auto& layer : net.layer())
    if (layer.bottom_size() > 0) names.push_back(layer.name());
  return names;
}

}  // namespace hwprof::format
