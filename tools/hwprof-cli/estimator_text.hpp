// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "hwprof/model.hpp"

namespace hwprof_cli {

/// The estimator as source text without dependencies: scale, bias and the cost of every primitive by its canonical
/// text. For the kinds table and linear. @throws Error(Fault::unsupported) for another kind, and for one with a term
/// beside scale and bias.
[[nodiscard]] std::string cpp_header(const hwprof::Model& model);
[[nodiscard]] std::string python_module(const hwprof::Model& model);

}  // namespace hwprof_cli
