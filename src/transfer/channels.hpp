// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "transfer/features.hpp"

namespace hwprof::transfer {

/// What a primitive adds to an architecture's numbers, by name: its operations, batch norm and activations apart,
/// counted as a whole, by class and by output channels.
class Channels {
 public:
  explicit Channels(const std::vector<Prim>& prims);

  [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
  [[nodiscard]] const std::vector<Group>& groups() const noexcept { return groups_; }
  /// False for a primitive with numbers that none of prims had.
  [[nodiscard]] bool numbers(const Prim& prim, double* out) const;

  static constexpr const char *ops = "total.ops", *macs = "total.macs", *bytes = "total.bytes";

 private:
  [[nodiscard]] std::string stage(int channels) const;
  [[nodiscard]] std::map<std::string, double> count(const Prim& prim) const;

  bool by_size_ = false;  ///< too many output channels for one stage each
  std::map<std::string, std::size_t> index_;
  std::vector<std::string> names_;
  std::vector<Group> groups_;
};

/// The single factor of a cell space, with numbers of the cell's live paths behind the channels of its primitives.
struct CellFactor {
  Predictor::Factor factor;
  std::vector<double> constant;
  std::vector<Group> groups;  ///< of the numbers added
};

/// Nothing to be done for other spaces: false.
[[nodiscard]] bool cell_factor(const MixinProfilingSearchSpace& space, const Channels& channels, CellFactor& out);

}  // namespace hwprof::transfer
