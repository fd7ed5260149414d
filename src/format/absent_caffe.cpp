// SPDX-License-Identifier: Apache-2.0
// Takes the place of the caffe_*.cpp files in a build without Caffe.
#include "hwprof/caffe.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

[[noreturn]] void refuse() {
  throw Error(Fault::unsupported,
              "this hwprof was built without Caffe; install protobuf and its compiler (Debian: libprotobuf-dev, "
              "protobuf-compiler) and configure with -DHWPROF_CAFFE=ON");
}

}  // namespace

bool has_caffe() noexcept {
  return false;
}
CaffeText to_caffe(const Graph&, const Shape&, const CaffeOptions&) {
  refuse();
}
CaffeFiles write_caffe(const std::string&, const Graph&, const Shape&, const CaffeOptions&) {
  refuse();
}
std::size_t write_image_list(const std::string&, const std::string&, std::size_t) {
  refuse();
}
CaffeNet read_caffe(const std::string&, const std::string&) {
  refuse();
}
CaffeNet parse_caffe(std::string_view, std::string_view, const std::string&) {
  refuse();
}
std::string clean_prototxt(std::string_view, const std::string&, std::vector<std::string>*) {
  refuse();
}

}  // namespace hwprof
