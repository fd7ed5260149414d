// SPDX-License-Identifier: Apache-2.0
#include "transfer/base.hpp"

#include <algorithm>

namespace hwprof {

TransferBase::Contents::Contents(const MixinProfilingSearchSpace& search_space, const std::vector<TransferSource>& from,
                                 Metric metric)
    : space(search_space), features(search_space) {
  for (std::size_t c = 0; c < features.size(); ++c) groups.push_back(features.group(c));
  cells = std::count(groups.begin(), groups.end(), transfer::Group::paths) > 0;
  sources = transfer::fit_sources(space, features, from, metric, archs, notes);
}

TransferBase::TransferBase(const MixinProfilingSearchSpace& space, const std::vector<TransferSource>& sources,
                           Metric metric)
    : contents_(std::make_shared<Contents>(space, sources, metric)) {}

}  // namespace hwprof
