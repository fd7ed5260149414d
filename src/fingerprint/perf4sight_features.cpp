// SPDX-License-Identifier: Apache-2.0
// Memory and operations of one convolution under the algorithms that a library may choose, as perf4sight counts them
// (values and operations, not bytes). Maps that are not square go in with both sides where perf4sight takes one.
#include <array>
#include <cmath>

#include "fingerprint/features.hpp"

namespace hwprof::fingerprint {
namespace {

/// What the formulas have in common.
struct Terms {
  double B, C, O, E;  // batch; input, output and input channels per group
  double k2, n2, m2;  // kernel, input and output area
  double n1, m1;      // n(n+1), m(m+1): half spectra
  double side_n, log_n, log_m;
  std::array<double, 2> n, m, k;

  explicit Terms(const ConvShape& c)
      : B(c.batch),
        C(c.in),
        O(c.out),
        E(c.in / c.groups),
        k2(c.kernel[0] * c.kernel[1]),
        n2(c.size[0] * c.size[1]),
        m2(c.map[0] * c.map[1]),
        n1(c.size[0] * (c.size[1] + 1)),
        m1(c.map[0] * (c.map[1] + 1)),
        side_n(std::sqrt(n2)),
        log_n(std::log2(n2) / 2),
        log_m(std::log2(m2) / 2),
        n{c.size[0], c.size[1]},
        m{c.map[0], c.map[1]},
        k{c.kernel[0], c.kernel[1]} {}
};

double tiles(const std::array<double, 2>& extent, double of) {
  return std::ceil(extent[0] / of) * std::ceil(extent[1] / of);
}

/// All sums of two, and of all three.
void sums(Sink& sink, const std::array<const char*, 7>& names, double forward, double input, double weight) {
  sink(names[0], forward);
  sink(names[1], input);
  sink(names[2], weight);
  sink(names[3], forward + input);
  sink(names[4], forward + weight);
  sink(names[5], input + weight);
  sink(names[6], forward + input + weight);
}

void tensors(const Terms& t, bool training, Sink& sink) {
  const double weights = t.O * t.E * t.k2, input = t.B * t.C * t.n2, output = t.B * t.O * t.m2;
  sink("tensors.weights", weights);
  if (training) {
    const double gradient = t.B * t.O * t.E * t.k2;
    sink("tensors.weight_gradient", gradient);
    sink("tensors.input_and_gradient", 2 * input);
    sink("tensors.output_and_gradient", 2 * output);
    sink("tensors.all", weights + gradient + 2 * input + 2 * output);
  } else {
    sink("tensors.input", input);
    sink("tensors.output", output);
    sink("tensors.all", weights + input + output);
  }
}

void gemm(const Terms& t, bool training, Sink& sink) {
  const double index = t.B * t.m2, columns = t.B * t.m2 * t.k2 * t.C;
  const double F = t.B * t.O * t.m2 * t.k2 * t.E;
  sink("gemm.index_forward", index);
  sink("gemm.im2col_forward", columns);
  if (!training) {
    sink("gemm.operations", F);
    return;
  }
  const double index_input = t.B * t.n2, columns_input = t.B * t.n2 * t.k2 * t.C;
  const double columns_weight = t.B * t.m2 * t.k2 * t.E;
  sink("gemm.index_input_gradient", index_input);
  sink("gemm.im2col_input_gradient", columns_input);
  sink("gemm.im2col_weight_gradient", columns_weight);
  sink("gemm.im2col_all", columns + columns_input + columns_weight);
  sink("gemm.index_all", 2 * index + index_input);
  const double X = t.B * t.C * t.n2 * t.k2 * t.O;
  sink("gemm.operations_forward", F);
  sink("gemm.operations_input_gradient", X);
  sink("gemm.operations", 2 * F + X);
}

void fft(const Terms& t, bool training, Sink& sink) {
  const double weights = t.n1 * t.O * t.E, input = t.n1 * t.B * t.C;
  const double values = t.B * t.C + t.B * t.O + t.O * t.E;
  const double forward = t.n2 * t.log_n * values + t.B * t.O * t.C * t.n2;
  sink("fft.weights_forward", weights);
  sink("fft.input_forward", input);
  sink("fft.memory_forward", weights + input);
  if (training) {
    const double output_weight = t.n1 * t.B * t.O, weights_input = t.m1 * t.O * t.E, output_input = t.m1 * t.B * t.O;
    sink("fft.output_weight_gradient", output_weight);
    sink("fft.weights_input_gradient", weights_input);
    sink("fft.output_input_gradient", output_input);
    sink("fft.memory_input_gradient", weights_input + output_input);
    sink("fft.memory_weight_gradient", input + output_weight);
    sink("fft.memory", weights + input + weights_input + output_input + input + output_weight);
  }
  sink("fft.operations_forward", forward);
  if (training) {
    const double input_gradient = t.m2 * t.log_m * values + t.B * t.O * t.C * t.m2;
    const double weight_gradient = t.side_n * 2 * t.log_n * values + t.B * t.O * t.C * t.n2;
    sink("fft.operations_input_gradient", input_gradient);
    sink("fft.operations_weight_gradient", weight_gradient);
    sink("fft.operations", forward + input_gradient + weight_gradient);
  }
}

/// Tiles of t x t outputs for windows of r x r.
void winograd(const Terms& f, double t, double r, bool training, const std::array<const char*, 7>& memory_names,
              const std::array<const char*, 7>& operation_names, Sink& sink) {
  const double area = (t + r - 1) * (t + r - 1);
  const double memory = 3 * f.B * f.O * area * tiles(f.n, t);
  const double operations = f.B * f.O * f.E * tiles(f.n, t) * tiles(f.k, r) * area;
  if (!training) {
    sink(memory_names[0], memory);
    sink(operation_names[0], operations);
    return;
  }
  sums(sink, memory_names, memory, 3 * f.B * f.C * area * tiles(f.m, t), 3 * f.B * f.O * f.E * area * tiles(f.n, t));
  sums(sink, operation_names, operations, f.B * f.C * f.O * tiles(f.m, t) * tiles(f.k, r) * area,
       f.B * f.O * f.E * tiles(f.n, t) * tiles(f.m, r) * area);
}

constexpr std::array<const char*, 7> memory_43{"winograd43.memory_forward",
                                               "winograd43.memory_input_gradient",
                                               "winograd43.memory_weight_gradient",
                                               "winograd43.memory_forward_and_input",
                                               "winograd43.memory_forward_and_weight",
                                               "winograd43.memory_input_and_weight",
                                               "winograd43.memory"};
constexpr std::array<const char*, 7> operations_43{"winograd43.operations_forward",
                                                   "winograd43.operations_input_gradient",
                                                   "winograd43.operations_weight_gradient",
                                                   "winograd43.operations_forward_and_input",
                                                   "winograd43.operations_forward_and_weight",
                                                   "winograd43.operations_input_and_weight",
                                                   "winograd43.operations"};
constexpr std::array<const char*, 7> memory_32{"winograd32.memory_forward",
                                               "winograd32.memory_input_gradient",
                                               "winograd32.memory_weight_gradient",
                                               "winograd32.memory_forward_and_input",
                                               "winograd32.memory_forward_and_weight",
                                               "winograd32.memory_input_and_weight",
                                               "winograd32.memory"};
constexpr std::array<const char*, 7> operations_32{"winograd32.operations_forward",
                                                   "winograd32.operations_input_gradient",
                                                   "winograd32.operations_weight_gradient",
                                                   "winograd32.operations_forward_and_input",
                                                   "winograd32.operations_forward_and_weight",
                                                   "winograd32.operations_input_and_weight",
                                                   "winograd32.operations"};

}  // namespace

void perf4sight_features(const ConvShape& conv, Stage stage, Sink& sink) {
  const bool training = stage == Stage::training;
  const Terms t(conv);
  tensors(t, training, sink);
  gemm(t, training, sink);
  fft(t, training, sink);
  winograd(t, 4, 3, training, memory_43, operations_43, sink);
  winograd(t, 3, 2, training, memory_32, operations_32, sink);
}

std::size_t perf4sight_count(Stage stage) {
  std::vector<std::string> names;
  Sink sink(&names, nullptr);
  perf4sight_features({}, stage, sink);
  return names.size();
}

}  // namespace hwprof::fingerprint
