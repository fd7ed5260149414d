// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

// What is asked of CUDA beyond libtorch's tensors. In a build against a libtorch without CUDA there are no CUDA tensors
// either, and everything here throws Error(Fault::unsupported).
namespace hwprof::cuda {

/// Bytes in libtorch's caching allocator.
struct Memory {
  double allocated = 0, reserved = 0;
  double peak_allocated = 0, peak_reserved = 0;  ///< since reset_peak()
};
[[nodiscard]] Memory memory(const torch::Device& device);
void reset_peak(const torch::Device& device);
/// Gives back what the allocator only keeps in store.
void empty_cache();

/// "0000:65:00.0", as NVML calls the device.
[[nodiscard]] std::string pci_bus(const torch::Device& device);

/// Marks in the current stream, which cost it nothing to pass.
class Marks {
 public:
  explicit Marks(std::size_t count);
  ~Marks();
  void set(std::size_t mark);
  /// Waits for the last mark that was set.
  void wait(std::size_t mark);
  [[nodiscard]] double seconds(std::size_t from, std::size_t to) const;  ///< behind wait()

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Work that was recorded once and is launched as one; its tensors must stay where they are.
class Recording {
 public:
  /// Runs work a few times on a stream of its own, then records it there.
  Recording(const torch::Device& device, const std::function<void()>& work);
  ~Recording();
  void replay();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hwprof::cuda
