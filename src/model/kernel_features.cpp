// SPDX-License-Identifier: Apache-2.0
#include "model/kernel_features.hpp"

#include <cmath>

namespace hwprof::model {
namespace {

double log2_of(double value) {
  return value > 0 ? std::log2(value) : -1;
}

double log2_of(std::int64_t value) {
  return log2_of(static_cast<double>(value));
}

double power_of_two_in(std::int64_t channels) {
  double power = 0;
  while (power < 6 && channels > 0 && channels % 2 == 0) {
    channels /= 2;
    ++power;
  }
  return power;
}

}  // namespace

KernelRow features_of(const Kernel& kernel) {
  const Work& work = kernel.work;
  const std::array<double, kernel_features> values{
      log2_of(kernel.in_channels),
      log2_of(kernel.out_channels),
      log2_of(kernel.in_size[0]) + log2_of(kernel.in_size[1]),
      log2_of(kernel.out_size[0]) + log2_of(kernel.out_size[1]),
      log2_of(std::int64_t{kernel.kernel[0]}) + log2_of(std::int64_t{kernel.kernel[1]}),
      log2_of(std::int64_t{kernel.stride[0]}) + log2_of(std::int64_t{kernel.stride[1]}),
      log2_of(std::int64_t{kernel.dilation[0]}) + log2_of(std::int64_t{kernel.dilation[1]}),
      log2_of(kernel.groups),
      log2_of(work.macs),
      log2_of(work.weight_bytes),
      log2_of(work.input_bytes),
      log2_of(work.output_bytes),
      log2_of(work.intensity()),
      log2_of(kernel.batch),
      static_cast<double>(kernel.ops.size()),
      power_of_two_in(kernel.in_channels),
      power_of_two_in(kernel.out_channels)};
  KernelRow row{};
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<float>(values[i]);
  return row;
}

}  // namespace hwprof::model
