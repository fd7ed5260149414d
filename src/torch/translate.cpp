// SPDX-License-Identifier: Apache-2.0
#include "torch/translate.hpp"

#include <unistd.h>

#include <algorithm>
#include <new>

#include "hwprof/error.hpp"

namespace hwprof {

void rethrow(const std::string& place, const c10::Error& error) {
  std::string reason = error.what_without_backtrace();
  if (reason.find("allocate memory") != std::string::npos || reason.find("out of memory") != std::string::npos)
    throw std::bad_alloc();
  reason = reason.substr(0, reason.find('\n'));
  throw Error(Fault::device, place + ": libtorch: " + reason);
}

void require_memory(const Graph& graph, const Shape& input) {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGE_SIZE);
  if (pages <= 0 || page <= 0) return;
  double weights = 0;
  double values = 0;
  for (const Work& work : count_work(graph, input)) {
    weights += work.weight_bytes;
    values = std::max(values, work.input_bytes + work.output_bytes);
  }
  if (weights + values > static_cast<double>(pages) * static_cast<double>(page)) throw std::bad_alloc();
}

}  // namespace hwprof
