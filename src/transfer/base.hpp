// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/transfer.hpp"
#include "transfer/sources.hpp"

namespace hwprof {

struct TransferBase::Contents {
  Contents(const MixinProfilingSearchSpace& search_space, const std::vector<TransferSource>& sources, Metric metric);

  const MixinProfilingSearchSpace& space;
  transfer::Features features;
  std::vector<transfer::Group> groups;  ///< of the columns
  bool cells = false;                   ///< the columns tell a cell's live paths
  std::vector<std::string> notes;
  std::vector<Arch> archs;  ///< of the sources, each once, sorted
  std::vector<transfer::SourceModel> sources;
};

}  // namespace hwprof
