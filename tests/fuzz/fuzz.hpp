// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "hwprof/error.hpp"

/// What a parser may do with any bytes: take them, or refuse them as input. Anything else ends the program.
template <typename Parse>
int try_parse(const std::uint8_t* data, std::size_t size, const Parse& parse) {
  try {
    parse(std::string_view(reinterpret_cast<const char*>(data), size));
  } catch (const hwprof::Error& error) {
    if (error.fault() != hwprof::Fault::input && error.fault() != hwprof::Fault::unsupported) std::abort();
  }
  return 0;
}
