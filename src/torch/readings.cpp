// SPDX-License-Identifier: Apache-2.0
#include "torch/readings.hpp"

#include <algorithm>

#include "hwprof/error.hpp"
#include "measure/process.hpp"
#include "torch/clock.hpp"
#include "torch/cuda.hpp"

namespace hwprof {
namespace {

using measuring::Readings;

/// The peak of libtorch's allocator above what is allocated when it begins.
class AllocatorPeak {
 public:
  explicit AllocatorPeak(const torch::Device& device) : device_(device) {
    if (device.is_cuda()) {
      cuda::empty_cache();
      cuda::reset_peak(device);
      const auto now = cuda::memory(device);
      allocated_ = now.allocated;
      reserved_ = now.reserved;
    } else if (const auto use = arena_use()) {
      reset_arena_peak();
      allocated_ = static_cast<double>(use->allocated);
      reserved_ = static_cast<double>(use->reserved);
    }
  }

  /// own: bytes that count besides.
  void read(Readings& readings, const std::string& name, double own) const {
    double allocated = 0, reserved = 0;
    if (device_.is_cuda()) {
      const auto now = cuda::memory(device_);
      allocated = now.peak_allocated;
      reserved = now.peak_reserved;
    } else if (const auto use = arena_use()) {
      allocated = static_cast<double>(use->peak_allocated);
      reserved = static_cast<double>(use->peak_reserved);
    } else {
      const std::string why = "tensors do not come from an allocator that counts";
      readings.absent.insert({{name, why}, {"reserved_memory_bytes", why}});
      return;
    }
    readings.values[name] = own + allocated - allocated_;
    readings.values["reserved_memory_bytes"] = own + std::max(reserved - reserved_, 0.0);
  }

 private:
  torch::Device device_;
  double allocated_ = 0, reserved_ = 0;
};

}  // namespace

std::unique_ptr<measuring::EnergyCounter> make_counter(const torch::Device& device) {
  if (device.is_cuda()) return std::make_unique<measuring::NvmlCounter>(cuda::pci_bus(device));
  return std::make_unique<measuring::RaplCounter>();
}

Readings take_readings(TorchSubject& subject, std::size_t parts, const torch::Device& device, bool train,
                       measuring::EnergyCounter& counter, double energy_s) {
  constexpr int forwards = 2;  // the second finds what the first one leaves, such as the optimiser's state
  Readings readings;
  std::vector<double> seconds(parts + 1);
  subject.forward(seconds.data(), false);  // what libraries set up once is nobody's
  subject.rest();
  release_arena();
  const bool fresh = measuring::reset_process_peak();
  const auto before = measuring::process_memory();
  const AllocatorPeak peak(device);
  for (int i = 0; i < forwards; ++i) subject.forward(seconds.data(), false);
  peak.read(readings, train ? "train_memory_bytes" : "memory_bytes", subject.own_bytes());
  const auto after = measuring::process_memory();
  if (fresh && before && after)
    readings.values["process_memory_bytes"] = std::max(after->peak - before->now, 0.0) + subject.own_bytes();
  else
    readings.absent["process_memory_bytes"] = "the kernel does not let the peak of the process begin anew";

  const std::string energy = train ? "train_energy_j" : "energy_j";
  if (!counter.reason().empty()) {
    readings.absent[energy] = counter.reason();
  } else if (energy_s > 0) {
    const std::int64_t earlier = subject.runs();
    const double first = counter.joules(), begin = wall_time();
    do subject.forward(seconds.data(), false);
    while (wall_time() - begin < energy_s);
    const std::int64_t runs = subject.runs() - earlier;
    readings.values[energy] = std::max(counter.joules() - first, 0.0) / static_cast<double>(runs);
  } else {
    readings.absent[energy] = "was not asked for";
  }
  subject.rest();
  return readings;
}

}  // namespace hwprof
