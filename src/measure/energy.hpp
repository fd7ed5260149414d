// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

namespace hwprof::measuring {

/// A counter of energy, or the reason why there is none.
class EnergyCounter {
 public:
  virtual ~EnergyCounter();
  /// Joules since the counter was made. @throws Error(Fault::device) when it stopped answering.
  [[nodiscard]] virtual double joules() = 0;
  /// Empty, or why there is no counter; joules() must not be called then.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
  /// What is counted: "RAPL package-0, dram".
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 protected:
  std::string reason_, text_;
};

/// Linux' powercap counters of processors and memory (Intel and AMD), all packages together; a counter that wrapped
/// around between two calls is put right, so call it more often than that (some minutes). The time of the whole machine
/// is in it, idle share included.
class RaplCounter : public EnergyCounter {
 public:
  explicit RaplCounter(const std::string& root = "/sys/class/powercap");
  [[nodiscard]] double joules() override;

 private:
  struct Zone {
    std::string file;
    double last_uj = 0, range_uj = 0;
  };
  std::vector<Zone> zones_;
  double joules_ = 0;
};

/// NVIDIA's management library, loaded when it is there. device: the PCI bus of the device, "0000:65:00.0".
class NvmlCounter : public EnergyCounter {
 public:
  explicit NvmlCounter(const std::string& device, const std::string& library = "libnvidia-ml.so.1");
  ~NvmlCounter() override;
  NvmlCounter(const NvmlCounter&) = delete;
  NvmlCounter& operator=(const NvmlCounter&) = delete;
  [[nodiscard]] double joules() override;
  /// Clocks [MHz], performance state, power limit [W] and temperature [°C], as far as the driver tells.
  [[nodiscard]] std::map<std::string, std::string> state() const;

 private:
  void* library_ = nullptr;
  void* device_ = nullptr;
  bool begun_ = false;
  double first_mj_ = 0;
};

}  // namespace hwprof::measuring
