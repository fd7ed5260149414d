// SPDX-License-Identifier: Apache-2.0
// Takes the place of the onnx_*.cpp files in a build without ONNX.
#include "hwprof/error.hpp"
#include "hwprof/format.hpp"

namespace hwprof {
namespace {

[[noreturn]] void refuse() {
  throw Error(Fault::unsupported,
              "this hwprof was built without ONNX; install the ONNX library and protobuf (Debian: libonnx-dev, "
              "libprotobuf-dev) and configure with -DHWPROF_ONNX=ON");
}

}  // namespace

bool has_onnx() noexcept {
  return false;
}
void write_onnx(const std::string&, const Graph&, const Shape&, const OnnxOptions&) {
  refuse();
}
std::string to_onnx(const Graph&, const Shape&, const OnnxOptions&) {
  refuse();
}
OnnxNet read_onnx(const std::string&) {
  refuse();
}
OnnxNet parse_onnx(std::string_view, const std::string&) {
  refuse();
}

}  // namespace hwprof
