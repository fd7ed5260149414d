// SPDX-License-Identifier: Apache-2.0
#include "fake_compiler.hpp"

HWPROF_PLUGIN {
  hwprof_test::register_fake_compiler();
}
