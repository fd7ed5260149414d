// SPDX-License-Identifier: Apache-2.0
// Takes the place of http.cpp in a build without libcurl.
#include "base/http.hpp"
#include "hwprof/error.hpp"

namespace hwprof::base {

bool has_http() noexcept {
  return false;
}

HttpAnswer post_form(const HttpForm&) {
  throw Error(Fault::unsupported,
              "this hwprof was built without HTTP; install libcurl (Debian: libcurl4-openssl-dev) and configure with "
              "-DHWPROF_HTTP=ON");
}

}  // namespace hwprof::base
