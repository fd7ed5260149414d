// SPDX-License-Identifier: Apache-2.0
#include "transfer/base.hpp"

#include <algorithm>

#include "transfer/exact.hpp"

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

bool TransferBase::exact_sums(std::vector<NetRecord> records, Metric metric) const {
  for (auto& record : records) record.purpose.clear();
  const auto& features = contents_->features;
  const auto labels = transfer::labels_of(contents_->space, features.options(), records, metric);
  if (labels.archs.empty()) return false;
  return transfer::Regression(features, labels.archs).exact_sum(labels.costs).has_value() ||
         transfer::ExactSums(features, labels.archs).find(labels.costs).has_value();
}

}  // namespace hwprof
