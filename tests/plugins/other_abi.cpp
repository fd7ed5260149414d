// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

extern "C" __attribute__((visibility("default"))) int hwprof_plugin_abi() {
  return 4711;
}
/// Must not be reached: what it would do to our classes is anybody's guess.
extern "C" __attribute__((visibility("default"))) void hwprof_plugin_init() {
  std::abort();
}
