// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "hwprof/error.hpp"

namespace hwprof_cli {

/// Thrown behind a report that says all: a sentence and the exit code are left, and no second JSON document.
struct Reported {
  hwprof::Fault fault;
  std::string message;
};

}  // namespace hwprof_cli
