// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "hwprof/prim.hpp"

namespace hwprof::prim {

/// Negative, 0 or positive as a is less than, equal to or greater than b. A total order by value: booleans
/// are 0 and 1, integers and reals compare exactly, NaN comes after all numbers, texts come last.
[[nodiscard]] int compare(const Attr& a, const Attr& b) noexcept;

/// The value in words for a message: "true", "3", "0.5", "'relu'".
[[nodiscard]] std::string describe(const Attr& value);

}  // namespace hwprof::prim
