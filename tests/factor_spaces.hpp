// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "hwprof/space.hpp"
#include "model/additive.hpp"

namespace hwprof_test {

/// A space in the manner of once-for-all: an image size, and stages of which each has a depth and blocks
/// with a width and a kernel; blocks beyond the depth are not there.
class StageSpace : public hwprof::MixinProfilingSearchSpace {
 public:
  StageSpace(int stages, int blocks, std::vector<int> images)
      : stages_(stages), blocks_(blocks), images_(std::move(images)) {}

  [[nodiscard]] std::vector<hwprof::Decision> decisions() const override {
    std::vector<hwprof::Decision> out{{"image", {}}};
    for (const int image : images_) out[0].options.push_back(std::to_string(image));
    for (int s = 0; s < stages_; ++s) {
      const std::string stage = "stage" + std::to_string(s) + ".";
      out.push_back({stage + "depth", {}});
      for (int depth = blocks_ > 2 ? blocks_ - 2 : 1; depth <= blocks_; ++depth)
        out.back().options.push_back(std::to_string(depth));
      for (int b = 0; b < blocks_; ++b) {
        out.push_back({stage + std::to_string(b) + ".width", {"3", "4", "6"}});
        out.push_back({stage + std::to_string(b) + ".kernel", {"3", "5", "7"}});
      }
    }
    return out;
  }

  [[nodiscard]] std::vector<hwprof::Prim> primitives(const hwprof::Arch& arch) const override {
    hwprof::check_arch(*this, arch);
    int size = images_[arch[0]] / 2;
    std::vector<hwprof::Prim> prims{{"conv_3x3", images_[arch[0]], 3, 16, 2, true, {}}};
    for (int s = 0; s < stages_; ++s) {
      const auto at = static_cast<std::size_t>(1 + s * (1 + 2 * blocks_));
      const int depth = (blocks_ > 2 ? blocks_ - 2 : 1) + arch[at];
      for (int b = 0; b < depth; ++b) {
        const auto block = at + 1 + 2 * static_cast<std::size_t>(b);
        const std::int64_t expansion[] = {3, 4, 6};
        prims.push_back({"mobilenet_v2_block",
                         size,
                         16 + 8 * (b == 0 ? s : s + 1),
                         16 + 8 * (s + 1),
                         b == 0 ? 2 : 1,
                         true,
                         {{"activation", std::string("relu")},
                          {"expansion", expansion[arch[block]]},
                          {"kernel_size", std::int64_t{3 + 2 * arch[block + 1]}}}});
        if (b == 0) size = (size + 1) / 2;
      }
    }
    return prims;
  }

  [[nodiscard]] std::vector<std::vector<std::size_t>> factors() const override {
    std::vector<std::vector<std::size_t>> out{{0}};
    for (int s = 0; s < stages_; ++s) {
      const auto at = static_cast<std::size_t>(1 + s * (1 + 2 * blocks_));
      for (int b = 0; b < blocks_; ++b) {
        const auto block = at + 1 + 2 * static_cast<std::size_t>(b);
        out.push_back({0, at, block, block + 1});
      }
    }
    return out;
  }

 private:
  int stages_, blocks_;
  std::vector<int> images_;
};

/// Positions with any choice of as many primitives each, which have nothing to do with each other.
class PositionSpace : public hwprof::MixinProfilingSearchSpace {
 public:
  PositionSpace(int positions, int choices) : positions_(positions), choices_(choices) {}
  [[nodiscard]] std::vector<hwprof::Decision> decisions() const override {
    std::vector<hwprof::Decision> out;
    for (int p = 0; p < positions_; ++p) {
      out.push_back({"position" + std::to_string(p), {}});
      for (int c = 0; c < choices_; ++c) out.back().options.push_back(std::to_string(c));
    }
    return out;
  }
  [[nodiscard]] std::vector<hwprof::Prim> primitives(const hwprof::Arch& arch) const override {
    std::vector<hwprof::Prim> prims;
    for (int p = 0; p < positions_; ++p)
      prims.push_back({"conv_1x1", 8 + p, 8, 8 + arch[static_cast<std::size_t>(p)], 1, true, {}});
    return prims;
  }
  [[nodiscard]] std::vector<std::vector<std::size_t>> factors() const override {
    std::vector<std::vector<std::size_t>> out;
    for (int p = 0; p < positions_; ++p) out.push_back({static_cast<std::size_t>(p)});
    return out;
  }

 private:
  int positions_, choices_;
};

/// A cost of some hundred microseconds for each primitive, drawn by its hash.
inline double made_up_cost(const hwprof::Prim& prim) {
  return 1e-4 * (1 + static_cast<double>(hwprof::hash(prim) % 1000003) / 250000.0);
}

/// A model that knows these primitives with made_up_cost.
inline hwprof::Model made_up_model(const std::vector<hwprof::Prim>& prims, hwprof::model::Line line = {},
                                   hwprof::Metric metric = hwprof::Metric::latency) {
  hwprof::model::PrimTable table;
  for (const auto& prim : prims) {
    hwprof::Measured cost;
    cost.value = made_up_cost(prim);
    table.add(prim, cost);
  }
  hwprof::model::Info info;
  info.metric = metric;
  info.summary.kind = line.scale == 1 && line.bias == 0 ? "table" : "linear";
  return hwprof::Model(std::make_shared<hwprof::model::Additive>(std::move(info), std::move(table), line));
}

/// Every primitive of the space, found by changing one decision at a time around many architectures.
inline std::vector<hwprof::Prim> all_prims(const hwprof::MixinProfilingSearchSpace& space, int rounds = 30) {
  std::vector<hwprof::Prim> prims;
  const auto decisions = space.decisions();
  std::mt19937_64 rng(5);
  for (int round = 0; round < rounds; ++round) {
    auto arch = space.sample(rng);
    for (std::size_t d = 0; d < decisions.size(); ++d)
      for (std::size_t o = 0; o < decisions[d].options.size(); ++o) {
        arch[d] = static_cast<std::uint16_t>(o);
        const auto more = space.primitives(arch);
        prims.insert(prims.end(), more.begin(), more.end());
      }
  }
  return prims;
}

/// The architecture with this number, the first decision varying fastest.
inline hwprof::Arch arch_number(std::uint64_t number, const std::vector<std::size_t>& options) {
  hwprof::Arch arch;
  for (const auto count : options) {
    arch.push_back(static_cast<std::uint16_t>(number % count));
    number /= count;
  }
  return arch;
}

inline std::uint64_t num_archs(const std::vector<std::size_t>& options) {
  std::uint64_t product = 1;
  for (const auto count : options) product *= count;
  return product;
}

inline std::vector<hwprof::Arch> sampled(const hwprof::MixinProfilingSearchSpace& space, int n,
                                         std::uint64_t seed = 11) {
  std::mt19937_64 rng(seed);
  std::vector<hwprof::Arch> archs;
  for (int i = 0; i < n; ++i) archs.push_back(space.sample(rng));
  return archs;
}

/// The architectures as bytes, row-major.
inline std::vector<std::uint8_t> rows_of(const std::vector<hwprof::Arch>& archs) {
  std::vector<std::uint8_t> rows;
  for (const auto& arch : archs)
    for (const auto option : arch) rows.push_back(static_cast<std::uint8_t>(option));
  return rows;
}

/// All architectures of a small space, each with two costs.
template <class Number>
struct Everything {
  std::vector<hwprof::Arch> archs;
  std::vector<Number> first, second;
};

/// By the sums over their primitives, without a Predictor.
template <class Number>
Everything<Number> enumerate(const hwprof::MixinProfilingSearchSpace& space, Number (*first)(const hwprof::Prim&),
                             Number (*second)(const hwprof::Prim&)) {
  std::vector<std::size_t> options;
  for (const auto& decision : space.decisions()) options.push_back(decision.options.size());
  Everything<Number> out;
  for (std::uint64_t number = 0; number < num_archs(options); ++number) {
    out.archs.push_back(arch_number(number, options));
    out.first.push_back(0);
    out.second.push_back(0);
    for (const auto& prim : space.primitives(out.archs.back())) {
      out.first.back() += first(prim);
      out.second.back() += second(prim);
    }
  }
  return out;
}

}  // namespace hwprof_test
