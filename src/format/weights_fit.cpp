// SPDX-License-Identifier: Apache-2.0
#include "format/weights_fit.hpp"

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::format {

void check_weights_fit(const Graph& graph, const Shape& input, const std::string& kind) {
  constexpr double most = 2147483648.0 - 67108864.0;  // 2 GiB, less room for everything but weights
  double bytes = 0;
  for (const Work& work : count_work(graph, input)) bytes += work.weight_bytes;
  if (bytes > most)
    throw Error(Fault::unsupported, "graph " + base::in_quotes(graph.name) + ": its weights take " +
                                        base::format_number(bytes) + " bytes, " + kind + " holds 2 GB");
}

}  // namespace hwprof::format
