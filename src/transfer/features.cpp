// SPDX-License-Identifier: Apache-2.0
#include "transfer/features.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "hwprof/error.hpp"
#include "predictor/compile.hpp"
#include "transfer/channels.hpp"
#include "transfer/options.hpp"

namespace hwprof::transfer {
namespace {

constexpr std::size_t population = 1024;
constexpr double same = 0.99999;  ///< correlation at which a column says nothing new

}  // namespace

Features::Features(const MixinProfilingSearchSpace& space) {
  for (const auto& decision : space.decisions()) options_.push_back(decision.options.size());
  if (options_.empty()) throw Error(Fault::usage, "the search space has no decisions, so there is nothing to transfer");
  decompose(space);
  standardise(space);
}

void Features::decompose(const MixinProfilingSearchSpace& space) {
  if (const auto* const options = dynamic_cast<const OptionSpace*>(&space)) {
    OptionFactors described = option_factors(*options);
    factors_ = std::move(described.factors);
    constant_.assign(described.groups.size(), 0.0);
    for (const std::size_t sum : described.sums) totals_.push_back({sum, 0, 0});
    add_columns(described.groups, described.groups.size());
    return;
  }
  const Channels channels(space.generate_profiling_primitives());
  if (channels.size() == 0)
    throw Error(
        Fault::unsupported,
        "the search space has no primitives to describe architectures by; one of options alone is an OptionSpace");
  std::vector<Group> groups = channels.groups();
  CellFactor cell;
  if (cell_factor(space, channels, cell)) {
    factors_ = {std::move(cell.factor)};
    constant_ = std::move(cell.constant);
    groups.insert(groups.end(), cell.groups.begin(), cell.groups.end());
  } else {
    predictor::PrimNumbers prims(channels.size(),
                                 [&](const Prim& prim, double* out) { return channels.numbers(prim, out); });
    predictor::ArchSum sum(space, prims);
    factors_ = predictor::decompose(space, options_, sum, constant_);
    prims.refuse_missing();
    predictor::verify(factors_, constant_, space, options_, sum);
  }
  for (const char* name : {Channels::macs, Channels::bytes, Channels::ops}) {
    const auto at = std::find(channels.names().begin(), channels.names().end(), name);
    totals_.push_back({static_cast<std::size_t>(at - channels.names().begin()), 0, 0});
  }
  add_columns(groups, channels.size());
}

void Features::add_columns(const std::vector<Group>& groups, std::size_t compared) {
  for (std::size_t i = 0; i < groups.size(); ++i) {
    Column column;
    column.group = groups[i];
    column.channel = i;
    columns_.push_back(column);
  }
  for (const auto& factor : factors_) active_.push_back(active_decisions(factor, compared));
  add_option_columns();
  number_parts(compared);
}

void Features::number_parts(std::size_t compared) {
  constexpr std::size_t most = 2000;
  const std::size_t width = constant_.size();
  for (const auto& factor : factors_)
    if (factor.cost.size() / width > most) return;
  for (const auto& factor : factors_) {
    std::map<std::vector<double>, std::uint32_t> numbers;
    std::vector<std::uint32_t> parts;
    for (std::size_t at = 0; at < factor.cost.size(); at += width) {
      const auto row = factor.cost.begin() + static_cast<std::ptrdiff_t>(at);
      const auto next = static_cast<std::uint32_t>(num_parts_ + numbers.size());
      parts.push_back(
          numbers.emplace(std::vector<double>(row, row + static_cast<std::ptrdiff_t>(compared)), next).first->second);
    }
    num_parts_ += numbers.size();
    parts_.push_back(std::move(parts));
  }
}

std::vector<std::uint32_t> Features::parts(const Arch& arch) const {
  std::vector<std::uint32_t> out;
  for (std::size_t f = 0; f < parts_.size(); ++f)
    out.push_back(parts_[f][predictor::combination_of(factors_[f].decisions, options_, arch)]);
  return out;
}

std::vector<model::ArchTable> Features::part_tables(const Eigen::VectorXd& costs) const {
  std::vector<model::ArchTable> out;
  for (std::size_t f = 0; f < parts_.size(); ++f) {
    model::ArchTable table{factors_[f].decisions, {}};
    for (const auto part : parts_[f]) table.rows.push_back(costs[static_cast<Eigen::Index>(part)]);
    out.push_back(std::move(table));
  }
  return out;
}

/// A decision matters in a combination where some other option of it gives other numbers.
std::vector<std::uint64_t> Features::active_decisions(const Predictor::Factor& factor, std::size_t compared) const {
  const std::size_t width = constant_.size(), count = factor.cost.size() / width;
  std::vector<std::uint64_t> active(count, 0);
  std::size_t stride = 1;
  for (std::size_t place = 0; place < factor.decisions.size() && place < 64; ++place) {
    const std::size_t options = options_[factor.decisions[place]];
    for (std::size_t index = 0; index < count; ++index) {
      const std::size_t first = index - index / stride % options * stride;
      const double* const row = &factor.cost[index * width];
      for (std::size_t option = 0; option < options; ++option) {
        const double* const other = &factor.cost[(first + option * stride) * width];
        if (std::equal(row, row + compared, other)) continue;
        active[index] |= std::uint64_t{1} << place;
        break;
      }
    }
    stride *= options;
  }
  return active;
}

void Features::add_option_columns() {
  std::vector<std::size_t> uses(options_.size(), 0);
  for (const auto& factor : factors_)
    for (const std::size_t decision : factor.decisions) ++uses[decision];
  std::vector<bool> done(options_.size(), false);
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    const auto& decisions = factors_[f].decisions;
    for (std::size_t place = 0; place < decisions.size(); ++place) {
      const std::size_t decision = decisions[place];
      if (done[decision]) continue;
      done[decision] = true;
      const bool mask = uses[decision] == 1 && place < 64;
      for (std::size_t value = 0; value < options_[decision]; ++value) {
        Column column;
        column.group = Group::decisions;
        column.option = true;
        column.factor = f;
        column.place = place;
        column.decision = decision;
        column.value = static_cast<std::uint16_t>(value);
        column.masked = mask;
        columns_.push_back(column);
      }
    }
  }
}

void Features::raw(const Arch& arch, double* out) const {
  std::size_t at = 0;
  const std::size_t width = constant_.size();
  std::vector<double> sums = constant_;
  std::vector<std::size_t> combination(factors_.size());
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    combination[f] = predictor::combination_of(factors_[f].decisions, options_, arch);
    const double* const row = &factors_[f].cost[combination[f] * width];
    for (std::size_t i = 0; i < width; ++i) sums[i] += row[i];
  }
  for (const auto& column : columns_) {
    if (!column.option)
      out[at++] = sums[column.channel];
    else
      out[at++] =
          arch[column.decision] == column.value &&
                  (!column.masked || (active_[column.factor][combination[column.factor]] >> column.place & 1) != 0)
              ? 1
              : 0;
  }
}

void Features::standardise(const MixinProfilingSearchSpace& space) {
  std::mt19937_64 rng(1);
  const auto n = static_cast<Eigen::Index>(population);
  Eigen::MatrixXd sample(n, static_cast<Eigen::Index>(columns_.size()));
  std::vector<double> row(columns_.size());
  for (Eigen::Index i = 0; i < n; ++i) {
    raw(space.sample(rng), row.data());
    sample.row(i) = Eigen::Map<const Eigen::RowVectorXd>(row.data(), sample.cols());
  }
  std::vector<Column> kept;
  std::vector<Eigen::Index> from;
  for (Eigen::Index c = 0; c < sample.cols(); ++c) {
    Column column = columns_[static_cast<std::size_t>(c)];
    column.mean = sample.col(c).mean();
    sample.col(c).array() -= column.mean;
    const double deviation = std::sqrt(sample.col(c).squaredNorm() / static_cast<double>(n));
    if (!(deviation > 1e-9 * (1 + std::abs(column.mean)))) continue;
    sample.col(c) /= deviation * std::sqrt(static_cast<double>(n));
    bool twin = false;
    if (!column.option)
      for (const Eigen::Index other : from) twin = twin || std::abs(sample.col(other).dot(sample.col(c))) > same;
    const auto total = std::find_if(totals_.begin(), totals_.end(), [&](const Total& t) {
      return !column.option && t.scale == 0 && t.column == column.channel;
    });
    if (twin && total == totals_.end()) continue;
    column.scale = 1 / deviation;
    if (total != totals_.end()) {
      total->mean = column.mean;
      total->scale = column.scale;
    }
    kept.push_back(column);
    from.push_back(c);
  }
  std::array<double, num_groups> sizes{};
  for (const auto& column : kept) sizes[static_cast<std::size_t>(column.group)] += 1;
  for (auto& column : kept) column.scale /= std::sqrt(sizes[static_cast<std::size_t>(column.group)]);
  std::vector<Total> totals;
  for (auto& total : totals_) {
    const auto at =
        std::find_if(kept.begin(), kept.end(), [&](const Column& c) { return !c.option && c.channel == total.column; });
    if (total.scale == 0 || at == kept.end()) continue;
    totals.push_back({static_cast<std::size_t>(at - kept.begin()), at->mean, at->scale});
  }
  totals_ = std::move(totals);
  columns_ = std::move(kept);
}

void Features::fill(const Arch& arch, double* out) const {
  raw(arch, out);
  for (std::size_t c = 0; c < columns_.size(); ++c) out[c] = (out[c] - columns_[c].mean) * columns_[c].scale;
}

Eigen::MatrixXd Features::rows(const std::vector<Arch>& archs) const {
  Eigen::MatrixXd out(static_cast<Eigen::Index>(columns_.size()), static_cast<Eigen::Index>(archs.size()));
  for (std::size_t i = 0; i < archs.size(); ++i) fill(archs[i], out.col(static_cast<Eigen::Index>(i)).data());
  return out.transpose();
}

std::vector<model::ArchTable> Features::fold(const Eigen::MatrixXd& weights, std::vector<double>& constant) const {
  const std::size_t width = constant.size(), channels = constant_.size();
  std::vector<model::ArchTable> tables;
  for (std::size_t c = 0; c < columns_.size(); ++c)
    for (std::size_t k = 0; k < width; ++k) {
      const double weight = weights(static_cast<Eigen::Index>(c), static_cast<Eigen::Index>(k)) * columns_[c].scale;
      constant[k] += weight * ((columns_[c].option ? 0 : constant_[columns_[c].channel]) - columns_[c].mean);
    }
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    const auto& factor = factors_[f];
    const std::size_t count = factor.cost.size() / channels;
    model::ArchTable table{factor.decisions, std::vector<double>(count * width, 0.0)};
    Arch arch(options_.size(), 0);
    for (std::size_t index = 0; index < count; ++index) {
      predictor::set_combination(factor.decisions, options_, index, arch);
      double* const out = &table.rows[index * width];
      const double* const row = &factor.cost[index * channels];
      for (std::size_t c = 0; c < columns_.size(); ++c) {
        const Column& column = columns_[c];
        double value = 0;
        if (!column.option)
          value = row[column.channel];
        else if (column.factor == f && arch[column.decision] == column.value &&
                 (!column.masked || (active_[f][index] >> column.place & 1) != 0))
          value = 1;
        if (value == 0) continue;
        value *= column.scale;
        for (std::size_t k = 0; k < width; ++k)
          out[k] += value * weights(static_cast<Eigen::Index>(c), static_cast<Eigen::Index>(k));
      }
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace hwprof::transfer
