// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "hwprof/device_log.hpp"
#include "record/lines.hpp"
#include "record/tally.hpp"

namespace hwprof::record {

/// As read_node_tables, from any lines.
void read_tables(Lines& lines, const std::function<void(const NodeTable&)>& take, Complaints& complaints);

/// Many tables, of many runs of several kernels, made into a record per kernel: medians of each node and of the total,
/// with the number of runs. A table of other nodes than the kernel's first is counted and left out.
class TableFold {
 public:
  void add(const NodeTable& table, const std::string& source, Complaints& complaints);
  [[nodiscard]] bool empty() const noexcept { return kernels_.empty(); }
  /// Checks rows against totals and utilisation against one peak, too.
  [[nodiscard]] std::vector<NetRecord> records(Notes& notes) const;

 private:
  struct Node {
    std::string name;
    double operations = 0;
    Tally runtime_s;
  };
  struct Kernel {
    std::string source;
    std::vector<Node> nodes;
    Tally total_s;
    double least_peak = 0, most_peak = 1e30;    ///< operations a second that all rows agree with
    std::map<std::string, std::size_t> broken;  ///< invariant -> tables
    double largest_gap_s = 0;
  };
  static void check(const NodeTable& table, Kernel& kernel);

  std::map<std::string, Kernel> kernels_;
  std::size_t nodes_ = 0;
};

}  // namespace hwprof::record
