// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.hpp"
#include "record/device_log.hpp"

namespace hwprof::record {

void join_compiled(const std::vector<DpuKernel>& kernels, NetRecord& record, Notes& notes) {
  const auto at = std::find_if(kernels.begin(), kernels.end(),
                               [&record](const DpuKernel& kernel) { return safe_id(kernel.name) == record.net_id; });
  if (at == kernels.end()) return;
  const std::string where = "net " + base::in_quotes(record.net_id) + ": ";
  std::map<std::string, const DpuNode*> compiled;
  std::size_t on_dpu = 0;
  for (const auto& node : at->nodes) {
    compiled.emplace(node.name, &node);
    on_dpu += node.on_cpu ? 0 : 1;
  }
  std::vector<std::string> absent;
  std::vector<std::string> other;
  for (auto& node : record.nodes) {
    const auto found = compiled.find(node.name);
    if (found == compiled.end()) {
      absent.push_back(base::in_quotes(node.name));
      continue;
    }
    const double macs = found->second->operations / 2;
    constexpr double printed = 501;  // workloads are printed in thousandths of a million operations
    if (node.macs > 0 && std::abs(node.macs - macs) > printed) other.push_back(base::in_quotes(node.name));
    if (node.macs == 0) node.macs = macs;
  }
  const auto say = [&](const std::vector<std::string>& names, const std::string& what) {
    if (!names.empty()) notes.push_back(where + std::to_string(names.size()) + what + names.front());
  };
  say(absent, " nodes of the log are not in the compiled file, the first is ");
  say(other, " nodes have another workload in the compiled file, the first is ");
  if (record.nodes.size() != on_dpu)
    notes.push_back(where + "the log has " + std::to_string(record.nodes.size()) + " nodes, the compiled file " +
                    std::to_string(on_dpu));
  const auto line = at->compiler.substr(0, at->compiler.find('\n'));
  if (!line.empty()) record.from.environment["dpu_compiler"] = line;
}

}  // namespace hwprof::record
