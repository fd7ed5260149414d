// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/util/Exception.h>

#include <string>

#include "hwprof/graph.hpp"

namespace hwprof {

/// Throws libtorch's error as ours: std::bad_alloc where memory was short, otherwise Error(Fault::device)
/// with place and libtorch's reason.
[[noreturn]] void rethrow(const std::string& place, const c10::Error& error);

template <typename Action>
void translated(const std::string& place, Action&& action) {
  try {
    action();
  } catch (const c10::Error& error) {
    rethrow(place, error);
  }
}

/// @throws std::bad_alloc for a graph whose weights, or the values around one op, exceed the memory of the
/// machine: the system would grant them and then kill the process.
void require_memory(const Graph& graph, const Shape& input);

}  // namespace hwprof
