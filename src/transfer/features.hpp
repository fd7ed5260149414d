// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "hwprof/predictor.hpp"
#include "model/transfer.hpp"

namespace hwprof::transfer {

/// What a column says: the groups that priors are set for.
enum class Group {
  counts,    ///< of operations and primitives, in the whole network
  work,      ///< multiply-accumulates and parameters; sums of options that are numbers
  traffic,   ///< bytes of activations
  depth,     ///< operations on the longest path of a cell
  paths,     ///< other sizes of a cell's live paths
  classes,   ///< counts, work and traffic by class of operation; how often each option stands
  stages,    ///< the same by output channels
  decisions  ///< one column per option of a decision
};
inline constexpr std::size_t num_groups = 8;

/// Numbers that describe an architecture, computed from the primitives' graphs, or from the options where these are all
/// that is known; each a sum over the factors of the space, so that whatever is linear in them becomes a table per
/// factor. Standardised over architectures drawn from the space, and each divided by the root of the number of columns
/// in its group.
class Features {
 public:
  /// @throws Error(Fault::unsupported) for spaces whose factors are too large, Error(Fault::usage) for one
  /// without decisions.
  explicit Features(const MixinProfilingSearchSpace& space);

  [[nodiscard]] const std::vector<std::size_t>& options() const noexcept { return options_; }
  [[nodiscard]] std::size_t size() const noexcept { return columns_.size(); }
  [[nodiscard]] Group group(std::size_t column) const noexcept { return columns_[column].group; }

  /// Writes size() numbers.
  void fill(const Arch& arch, double* out) const;
  /// One row per architecture.
  [[nodiscard]] Eigen::MatrixXd rows(const std::vector<Arch>& archs) const;

  /// What each factor puts into an architecture, as a number over all factors: combinations with equal primitives have
  /// the same. Nothing where a factor has too many combinations.
  [[nodiscard]] std::vector<std::uint32_t> parts(const Arch& arch) const;
  [[nodiscard]] std::size_t num_parts() const noexcept { return num_parts_; }
  /// Tables of a number per part.
  [[nodiscard]] std::vector<model::ArchTable> part_tables(const Eigen::VectorXd& costs) const;

  /// Sums of counts, work (MACs) and traffic, or of options that are numbers, as they are, for scaling: raw value =
  /// mean + column / scale. Columns that do not vary over the space are not there.
  struct Total {
    std::size_t column;
    double mean, scale;
  };
  [[nodiscard]] const std::vector<Total>& totals() const noexcept { return totals_; }

  /// Tables for constant(k) + row · weights.col(k); the constant comes back with what the columns' means take off.
  [[nodiscard]] std::vector<model::ArchTable> fold(const Eigen::MatrixXd& weights, std::vector<double>& constant) const;

 private:
  struct Column {
    Group group;
    bool option = false;  ///< whether a decision takes an option, else a channel of the factors' rows
    std::size_t channel = 0;
    std::size_t factor = 0, place = 0, decision = 0;  ///< place: of the decision in its factor
    std::uint16_t value = 0;
    bool masked = false;  ///< only where the decision matters
    double mean = 0, scale = 1;
  };

  void decompose(const MixinProfilingSearchSpace& space);
  /// compared: how many of a row's numbers tell combinations apart.
  void add_columns(const std::vector<Group>& groups, std::size_t compared);
  void add_option_columns();
  void number_parts(std::size_t compared);
  void standardise(const MixinProfilingSearchSpace& space);
  [[nodiscard]] std::vector<std::uint64_t> active_decisions(const Predictor::Factor& factor,
                                                            std::size_t compared) const;
  void raw(const Arch& arch, double* out) const;

  std::vector<std::size_t> options_;
  std::vector<Predictor::Factor> factors_;          ///< cost: a row of channels per combination
  std::vector<std::vector<std::uint64_t>> active_;  ///< of each factor and combination, a bit per decision of it
  std::vector<std::vector<std::uint32_t>> parts_;   ///< of each factor and combination
  std::size_t num_parts_ = 0;
  std::vector<double> constant_;  ///< of the channels
  std::vector<Column> columns_;
  std::vector<Total> totals_;
};

}  // namespace hwprof::transfer
