// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "hwprof/error.hpp"

namespace hwprof_test {

/// Runs f, which must throw hwprof::Error of this fault, and returns the message.
template <typename F>
std::string error_of(hwprof::Fault fault, F&& f) {
  try {
    f();
  } catch (const hwprof::Error& error) {
    CHECK_MESSAGE(error.fault() == fault, error.what());
    return error.what();
  }
  FAIL_CHECK("no error was thrown");
  return {};
}

/// text holds part; shown both when not.
inline bool has(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE("'" << part << "' is not in: " << text);
  return found;
}

}  // namespace hwprof_test
