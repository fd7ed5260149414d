// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hwprof_caffe.pb.h>

#include <string>
#include <string_view>

namespace hwprof::format {

/// @throws Error(Fault::input) with line and column for a text that is no prototxt, is longer than 16 MB or absurdly
/// nested; Error(Fault::unsupported) for a field that might change what is computed and is not known here.
[[nodiscard]] hwprof_caffe::NetParameter parse_prototxt(std::string_view text, const std::string& source);

/// The same for the text of one layer, "name: … type: …", whatever unknown fields it has.
[[nodiscard]] hwprof_caffe::LayerParameter parse_layer(std::string_view text, const std::string& source);

/// @throws Error(Fault::input) for bytes that are no caffemodel.
[[nodiscard]] hwprof_caffe::NetParameter parse_caffemodel(std::string_view bytes, const std::string& source);

[[nodiscard]] std::string to_prototxt(const hwprof_caffe::NetParameter& net);

}  // namespace hwprof::format
