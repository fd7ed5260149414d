// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "hwprof/fingerprint.hpp"

namespace hwprof_test {

using hwprof::CostedNet;
using hwprof::Graph;
using hwprof::GraphBuilder;
using hwprof::Op;
using hwprof::OpKind;

inline std::int64_t kept(std::int64_t channels, int level) {
  return std::max<std::int64_t>(2, channels * (100 - level) / 100);
}

inline int pool(GraphBuilder& b, int from, OpKind kind, int kernel, int stride) {
  Op op;
  op.kind = kind;
  op.name = "pool";
  op.inputs = {from};
  op.kernel = {kernel, kernel};
  op.stride = {stride, stride};
  return b.op(std::move(op));
}

inline Graph classify(GraphBuilder&& b, int from) {
  Op gap;
  gap.kind = OpKind::global_avg_pool;
  gap.name = "gap";
  gap.inputs = {from};
  const int pooled = b.op(std::move(gap));
  Op fc;
  fc.kind = OpKind::linear;
  fc.name = "fc";
  fc.inputs = {pooled};
  fc.out_channels = 10;
  fc.bias = true;
  const int out = b.op(std::move(fc));
  return std::move(b).finish(out);
}

inline int unit(GraphBuilder& b, int from, std::int64_t out, int kernel, int stride = 1, std::int64_t groups = 1,
                const char* activation = "relu") {
  return b.activation(b.batch_norm(b.conv(from, out, kernel, stride, groups)), activation);
}

/// Networks of five shapes, as wide as the pruning level [%] leaves them.
inline Graph make_graph(const std::string& family, int level) {
  GraphBuilder b(family);
  const auto w = [level](std::int64_t channels) { return kept(channels, level); };
  int at = b.input();
  if (family == "plain") {
    for (const int c : {32, 64, 128, 256}) {
      at = unit(b, at, w(c), 3);
      at = unit(b, at, w(c), 3);
      at = pool(b, at, OpKind::max_pool, 2, 2);
    }
  } else if (family == "residual") {
    at = unit(b, at, w(32), 3);
    for (const int c : {32, 64, 128}) {
      at = unit(b, at, w(c), 3, c == 32 ? 1 : 2);
      for (int i = 0; i < 2; ++i) {
        const int inner = b.batch_norm(b.conv(unit(b, at, w(c), 3), w(c), 3));
        at = b.activation(b.add(at, inner), "relu");
      }
    }
  } else if (family == "mobile") {
    at = unit(b, at, w(16), 3, 2, 1, "relu6");
    for (const int c : {24, 32, 64, 96})
      for (int i = 0; i < 2; ++i) {
        const int wide = unit(b, at, w(6 * c), 1, 1, 1, "relu6");
        const int deep = unit(b, wide, w(6 * c), 3, i == 0 && c != 32 ? 2 : 1, w(6 * c), "relu6");
        at = b.batch_norm(b.conv(deep, w(c), 1));
      }
  } else if (family == "fire") {
    at = unit(b, at, w(48), 3, 2);
    for (const int c : {16, 32, 48, 64}) {
      const int squeezed = b.activation(b.conv(at, w(c), 1, 1, 1, true), "relu");
      Op join;
      join.kind = OpKind::concat;
      join.name = "join";
      join.inputs = {b.activation(b.conv(squeezed, w(4 * c), 1, 1, 1, true), "relu"),
                     b.activation(b.conv(squeezed, w(4 * c), 3, 1, 1, true), "relu")};
      at = b.op(std::move(join));
      if (c < 48) at = pool(b, at, OpKind::max_pool, 2, 2);
    }
  } else {  // bottleneck
    at = unit(b, at, w(64), 5, 2);
    for (const int c : {48, 96, 160}) {
      at = unit(b, at, w(2 * c), 1, 1);
      at = unit(b, at, w(c), 1);
      at = unit(b, at, w(c), 3, 2);
      at = unit(b, at, w(3 * c), 1);
    }
  }
  return classify(std::move(b), at);
}

inline const std::vector<std::string>& families() {
  static const std::vector<std::string> all{"plain", "residual", "mobile", "fire", "bottleneck"};
  return all;
}

inline CostedNet make_net(const std::string& family, int level, int size = 32) {
  CostedNet net;
  net.id = family + "_" + std::to_string(level);
  net.family = family;
  net.level = level;
  net.parts.push_back({make_graph(family, level), {1, 3, size, size}});
  return net;
}

/// A device whose law is not the models': time is the larger of computing and moving, op by op.
struct MadeUpDevice {
  double macs_per_s = 4e10, bytes_per_s = 8e9, launch_s = 2e-5, idle_bytes = 1.5e8;

  [[nodiscard]] double latency(const CostedNet& net, int batch, bool training) const {
    double sum = 1e-4;
    for (const auto& part : net.parts) {
      auto input = part.input;
      input[0] = batch;
      const auto shapes = hwprof::infer_shapes(part.graph, input);
      for (std::size_t i = 1; i < shapes.size(); ++i) {
        const Op& op = part.graph.ops[i];
        const auto size = [&](std::size_t j) {
          return static_cast<double>(shapes[j][0] * shapes[j][1] * shapes[j][2] * shapes[j][3]);
        };
        double in = 0;
        for (const int j : op.inputs) in += size(static_cast<std::size_t>(j));
        const double channels = static_cast<double>(shapes[static_cast<std::size_t>(op.inputs[0])][1]);
        double macs = 0, params = 0;
        if (op.kind == OpKind::conv2d) {
          params = static_cast<double>(op.out_channels) * channels / static_cast<double>(op.groups) * op.kernel[0] *
                   op.kernel[1];
          macs = size(i) / static_cast<double>(op.out_channels) * params;
        } else if (op.kind == OpKind::linear) {
          params = static_cast<double>(op.out_channels) * channels;
          macs = params * batch;
        } else if (op.kind == OpKind::batch_norm) {
          params = 2 * channels;
        }
        const double rate = op.groups > 1 ? macs_per_s / 8 : op.kernel[0] > 1 ? macs_per_s : macs_per_s * 0.7;
        const double passes = !training ? 1 : macs > 0 ? 3 : op.kind == OpKind::batch_norm ? 3.5 : 2;
        const double move = 4 * (in + size(i) + params) / bytes_per_s;
        sum += passes * (launch_s + std::max(macs / rate, move));
        if (training && params > 0) sum += 5e-6 + 20 * params / bytes_per_s;
      }
    }
    return sum;
  }

  /// All outputs of convolutions, batch norms and linear layers live, weights three times, and a scratch buffer.
  [[nodiscard]] double memory(const CostedNet& net, int batch, bool training) const {
    double kept = 0, params = 0, scratch = 0, largest = 0;
    for (const auto& part : net.parts) {
      auto input = part.input;
      input[0] = batch;
      const auto shapes = hwprof::infer_shapes(part.graph, input);
      for (std::size_t i = 0; i < shapes.size(); ++i) {
        const Op& op = part.graph.ops[i];
        const double bytes = 4.0 * static_cast<double>(shapes[i][0] * shapes[i][1] * shapes[i][2] * shapes[i][3]);
        largest = std::max(largest, bytes);
        if (op.kind == OpKind::conv2d || op.kind == OpKind::relu || op.kind == OpKind::input) kept += bytes;
        if (op.kind == OpKind::conv2d) {
          const double channels = static_cast<double>(shapes[static_cast<std::size_t>(op.inputs[0])][1]);
          const double window = channels / static_cast<double>(op.groups) * op.kernel[0] * op.kernel[1];
          params += 4 * window * static_cast<double>(op.out_channels);
          scratch = std::max(scratch, std::min(3.2e7, bytes / static_cast<double>(op.out_channels) * window));
        }
      }
    }
    return idle_bytes + (training ? 3 * params + kept + 2 * largest : params + 2 * largest) + scratch;
  }
};

inline double noisy(double value, double share, std::mt19937_64& rng) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += hwprof::base::draw_unit(rng);  // about normal
  return value * (1 + share * sum);
}

/// Families x levels x batches, training memory and latency, with noise.
inline hwprof::CostData measure(const MadeUpDevice& device, const std::vector<std::string>& which,
                                const std::vector<int>& levels, const std::vector<int>& batches, double noise,
                                std::uint64_t seed) {
  hwprof::CostData data;
  std::mt19937_64 rng(seed);
  data.from.device = "made up";
  for (const auto& family : which)
    for (const int level : levels) {
      data.nets.push_back(make_net(family, level));
      for (const int batch : batches) {
        const std::size_t net = data.nets.size() - 1;
        data.samples.push_back({net, batch, hwprof::Stage::training, hwprof::Metric::latency,
                                noisy(device.latency(data.nets[net], batch, true), noise, rng)});
        data.samples.push_back({net, batch, hwprof::Stage::training, hwprof::Metric::memory,
                                noisy(device.memory(data.nets[net], batch, true), noise / 4, rng)});
      }
    }
  return data;
}

/// Of a family's networks at all of these levels and batches, whose cost may be so many times the device's.
inline double mean_error(const hwprof::FingerprintModel& model, const MadeUpDevice& device, const std::string& family,
                         const std::vector<int>& levels, const std::vector<int>& batches, hwprof::Metric quantity,
                         double times = 1) {
  using namespace hwprof;
  double sum = 0;
  std::size_t n = 0;
  for (const int level : levels)
    for (const int batch : batches) {
      const auto net = make_net(family, level);
      const double truth =
          quantity == Metric::latency ? device.latency(net, batch, true) : device.memory(net, batch, true);
      sum += std::abs(model.predict(net, batch, Stage::training, quantity).value / (times * truth) - 1);
      ++n;
    }
  return sum / static_cast<double>(n);
}

inline const hwprof::FingerprintFit& fit_of(const hwprof::FingerprintModel& model, hwprof::Metric quantity) {
  for (const auto& fit : model.fits())
    if (fit.quantity == quantity) return fit;
  throw std::runtime_error("no such fit");
}

const hwprof::FingerprintFit& fit_of(hwprof::FingerprintModel&& model,
                                     hwprof::Metric quantity) = delete;  // it would be gone

inline double error_of_kind(const std::vector<hwprof::KindError>& errors, const std::string& kind) {
  for (const auto& one : errors)
    if (one.kind == kind) return one.mean;
  throw std::runtime_error("no such kind");
}

}  // namespace hwprof_test
