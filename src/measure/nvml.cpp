// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include "hwprof/error.hpp"
#include "measure/energy.hpp"

namespace hwprof::measuring {
namespace {

// What is used of NVML, whose ABI is stable: every function returns 0 when it worked.
using Init = int (*)();
using HandleByBus = int (*)(const char* bus, void** device);
using TotalEnergy = int (*)(void* device, unsigned long long* millijoules);
using OneNumber = int (*)(void* device, unsigned* value);
using TypedNumber = int (*)(void* device, int type, unsigned* value);
using ErrorText = const char* (*)(int code);

template <typename Function>
Function symbol(void* library, const char* name) {
  return reinterpret_cast<Function>(::dlsym(library, name));
}

std::string failure(void* library, const std::string& what, int code) {
  const auto text = symbol<ErrorText>(library, "nvmlErrorString");
  return "NVML: " + what + ": " + (text != nullptr ? text(code) : "error " + std::to_string(code));
}

}  // namespace

NvmlCounter::NvmlCounter(const std::string& device, const std::string& library) {
  library_ = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library_ == nullptr) {
    reason_ = library + ": is not here";
    return;
  }
  const auto init = symbol<Init>(library_, "nvmlInit_v2");
  const auto find = symbol<HandleByBus>(library_, "nvmlDeviceGetHandleByPciBusId_v2");
  const auto energy = symbol<TotalEnergy>(library_, "nvmlDeviceGetTotalEnergyConsumption");
  if (init == nullptr || find == nullptr || energy == nullptr) {
    reason_ = library + ": is too old to count energy";
    return;
  }
  if (const int code = init(); code != 0) {
    reason_ = failure(library_, "cannot be started", code);
    return;
  }
  begun_ = true;
  if (const int code = find(device.c_str(), &device_); code != 0) {
    device_ = nullptr;
    reason_ = failure(library_, "device " + device, code);
    return;
  }
  unsigned long long first = 0;
  if (const int code = energy(device_, &first); code != 0)
    reason_ = failure(library_, "energy of " + device, code);
  else
    first_mj_ = static_cast<double>(first);
  text_ = "NVML " + device;
}

NvmlCounter::~NvmlCounter() {
  if (begun_)
    if (const auto end = symbol<Init>(library_, "nvmlShutdown")) (void)end();
  if (library_ != nullptr) ::dlclose(library_);
}

double NvmlCounter::joules() {
  unsigned long long now = 0;
  const auto energy = symbol<TotalEnergy>(library_, "nvmlDeviceGetTotalEnergyConsumption");
  if (const int code = energy(device_, &now); code != 0) throw Error(Fault::device, failure(library_, "energy", code));
  constexpr double per_joule = 1e3;
  return (static_cast<double>(now) - first_mj_) / per_joule;
}

std::map<std::string, std::string> NvmlCounter::state() const {
  std::map<std::string, std::string> out;
  if (device_ == nullptr) return out;
  const auto typed = [&](const char* key, const char* name, int type) {
    unsigned value = 0;
    const auto get = symbol<TypedNumber>(library_, name);
    if (get != nullptr && get(device_, type, &value) == 0) out[key] = std::to_string(value);
  };
  const auto plain = [&](const char* key, const char* name, unsigned per_unit) {
    unsigned value = 0;
    const auto get = symbol<OneNumber>(library_, name);
    if (get != nullptr && get(device_, &value) == 0) out[key] = std::to_string(value / per_unit);
  };
  constexpr int sm_clock = 1, memory_clock = 2, core_sensor = 0;
  constexpr unsigned milli = 1000;
  typed("gpu_clock_mhz", "nvmlDeviceGetClockInfo", sm_clock);
  typed("gpu_memory_clock_mhz", "nvmlDeviceGetClockInfo", memory_clock);
  typed("gpu_max_clock_mhz", "nvmlDeviceGetMaxClockInfo", sm_clock);
  typed("gpu_temperature_c", "nvmlDeviceGetTemperature", core_sensor);
  plain("gpu_performance_state", "nvmlDeviceGetPerformanceState", 1);
  plain("gpu_power_limit_w", "nvmlDeviceGetEnforcedPowerLimit", milli);
  return out;
}

}  // namespace hwprof::measuring
