// SPDX-License-Identifier: Apache-2.0
#include "run/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "hwprof/graph.hpp"

namespace hwprof::run {
namespace {

enum class Block { plain, normed, depthwise, mobile, residual, fire, branches };
constexpr Block all_blocks[] = {Block::plain,    Block::normed, Block::depthwise, Block::mobile,
                                Block::residual, Block::fire,   Block::branches};

constexpr double most_macs = 6e7;  ///< of an image of 32 x 32 pixels: no layer is added beyond
constexpr double usual_image = 32;
constexpr double least_layers = 3, most_layers = 24;
/// Channels of a map of the image's size; twice as many where it is half as high. Narrower beyond 10 layers.
constexpr double least_full_width = 8, most_full_width = 64, usual_layers = 10;
constexpr double width_range = 8;
constexpr int least_width = 8, most_width = 1024;

class Drawer {
 public:
  Drawer(int image_size, std::uint64_t seed) : rng_(seed), size_(image_size) {
    net_.image_size = image_size;
    macs_ = most_macs * std::pow(image_size / usual_image, 2);
    layers_ = static_cast<int>(between(least_layers, most_layers));
    full_width_ = between(least_full_width, most_full_width) * std::min(1.0, std::sqrt(usual_layers / layers_));
    rounded_ = below(2) == 0;
  }

  Net draw(int turn) {
    constexpr int kinds = static_cast<int>(std::size(all_blocks));
    const int kind = turn % calibration_kinds;  // those beyond the blocks: all mixed
    // One drawing a statement: arguments are evaluated in an order that differs between compilers.
    const int stride = 1 + below(2), stem = width(64);
    add(conv(kind == 0 ? "conv_act" : "conv_bn_act", one_of({3, 3, 5, 7}), stem, stride));
    int halvings = 0;
    while (size_ >> (halvings + 1) > 0) ++halvings;
    halvings = std::max(below(halvings + 1), below(halvings + 1));  // most networks end in small maps
    for (int layer = 0, halved = 0; layer < layers_ && macs_ > 0; ++layer) {
      const Block block = all_blocks[kind < kinds ? kind : below(kinds)];
      for (; halved * layers_ < halvings * layer && size_ > 1; ++halved) shrink(block);
      body(block);
    }
    add(block("global_avg_pool", channels_));
    add(block("linear", one_of({10, 100, 1000})));
    return std::move(net_);
  }

 private:
  int below(int n) { return static_cast<int>(base::draw_below(rng_, static_cast<std::size_t>(n))); }
  int one_of(const std::vector<int>& values) {
    return values[static_cast<std::size_t>(below(static_cast<int>(values.size())))];
  }
  /// Uniform in the logarithm.
  double between(double least, double most) { return least * std::pow(most / least, base::draw_unit(rng_)); }

  /// Wider where the map is small, as networks are; half the networks keep to multiples of 8, as pruned ones do not.
  int width(int most = most_width) {
    const double share = static_cast<double>(net_.image_size) / size_;
    const double limit = std::clamp(full_width_ * share, 2.0 * least_width, static_cast<double>(most));
    const auto drawn = static_cast<int>(between(std::max<double>(limit / width_range, least_width), limit));
    return rounded_ ? drawn / least_width * least_width : drawn;
  }

  Prim block(const char* type, int out, int stride = 1) const {
    Prim prim;
    prim.prim_type = type;
    prim.spatial_size = size_;
    prim.C = channels_;
    prim.C_out = out;
    prim.stride = stride;
    return prim;
  }

  Prim conv(const char* type, int kernel, int out, int stride = 1) {
    Prim prim = block(type, out, stride);
    prim.attrs = {{"kernel_size", std::int64_t{kernel}}, {"activation", std::string(below(2) == 0 ? "relu" : "relu6")}};
    return prim;
  }

  void add(Prim prim) {
    prim = normalized(std::move(prim));
    macs_ -= count_work(prim).macs;
    size_ = out_size(prim);
    channels_ = prim.C_out;
    net_.layers.push_back({std::move(prim), false, {}});
  }

  /// Halves the map.
  void shrink(Block kind) {
    if (kind == Block::mobile) return add(mobile(width(), 2));
    if (kind == Block::residual) return add(block("resnet_block", width(), 2));
    if (kind == Block::depthwise) return depthwise(2);
    if (kind == Block::normed) {
      const int out = width();
      return add(conv("conv_bn_act", one_of({1, 3, 5}), out, 2));
    }
    Prim pool = block("max_pool", channels_, 2);
    pool.attrs = {{"kernel_size", std::int64_t{3}}, {"padding", std::int64_t{1}}};
    add(std::move(pool));
  }

  Prim mobile(int out, int stride) {
    Prim prim = conv("mobilenet_v2_block", one_of({3, 5}), out, stride);
    prim.attrs["expansion"] = static_cast<double>(one_of({2, 3, 6}));
    return prim;
  }

  void depthwise(int stride) {
    Prim prim = conv("conv_bn_act", one_of({3, 5, 7}), channels_, stride);
    prim.attrs["groups"] = std::int64_t{channels_};
    add(std::move(prim));
    add(conv("conv_bn_act", 1, width()));
  }

  void body(Block kind) {
    const int out = kind == Block::residual && below(2) == 0 ? channels_ : width();
    switch (kind) {
      case Block::plain:
        return add(conv("conv_act", one_of({1, 3, 5}), out));
      case Block::normed:
        return add(conv("conv_bn_act", one_of({1, 3, 5}), out));
      case Block::depthwise:
        return depthwise(1);
      case Block::mobile:
        return add(mobile(below(2) == 0 ? channels_ : out, 1));
      case Block::residual:
        return add(block("resnet_block", out));
      case Block::fire: {
        Prim prim = block("fire", std::max(2, out / 2 * 2));
        prim.attrs = {{"squeeze_channels", std::int64_t{std::max(2, out / 4)}}};
        return add(std::move(prim));
      }
      case Block::branches: {
        const int parts[] = {std::max(2, out / 4), std::max(2, out / 2), std::max(2, out / 8), std::max(2, out / 8)};
        Prim prim = block("inception", parts[0] + parts[1] + parts[2] + parts[3]);
        prim.attrs = {
            {"branch1x1", std::int64_t{parts[0]}}, {"branch3x3_reduce", std::int64_t{width()}},
            {"branch3x3", std::int64_t{parts[1]}}, {"branch5x5_reduce", std::int64_t{std::max(2, width() / 4)}},
            {"branch5x5", std::int64_t{parts[2]}}, {"branch_pool", std::int64_t{parts[3]}}};
        return add(std::move(prim));
      }
    }
  }

  std::mt19937_64 rng_;
  Net net_;
  int size_, channels_ = 3, layers_ = 0;
  double macs_ = 0;  ///< that are left
  double full_width_ = 0;
  bool rounded_ = false;
};

}  // namespace

Net draw_calibration_net(int number, int image_size, std::uint64_t seed) {
  constexpr std::uint64_t stride = 0x9e3779b97f4a7c15;  // seeds of neighbours have nothing in common
  Net net = Drawer(image_size, (seed + 1) * stride ^ static_cast<std::uint64_t>(number)).draw(number);
  net.arch = std::string(calibration_name) + "/" + std::to_string(number);
  return net;
}

}  // namespace hwprof::run
