// SPDX-License-Identifier: Apache-2.0
// A management library with one device, "0000:65:00.0", that has used 2500 mJ more at every question. Another device
// counts no energy.
#include <cstring>

namespace {
int device = 0, old_device = 0;
unsigned long long used_mj = 1000;
constexpr int invalid = 2, unsupported = 3;
}  // namespace

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED int nvmlInit_v2();
EXPORTED int nvmlInit_v2() {
  return 0;
}

EXPORTED int nvmlShutdown();
EXPORTED int nvmlShutdown() {
  return 0;
}

EXPORTED int nvmlDeviceGetHandleByPciBusId_v2(const char* bus, void** handle);
EXPORTED int nvmlDeviceGetHandleByPciBusId_v2(const char* bus, void** handle) {
  if (std::strcmp(bus, "0000:65:00.0") == 0) return *handle = &device, 0;
  if (std::strcmp(bus, "0000:66:00.0") == 0) return *handle = &old_device, 0;
  return invalid;
}

EXPORTED int nvmlDeviceGetTotalEnergyConsumption(void* handle, unsigned long long* millijoules);
EXPORTED int nvmlDeviceGetTotalEnergyConsumption(void* handle, unsigned long long* millijoules) {
  if (handle != &device) return unsupported;
  constexpr unsigned long long step = 2500;
  *millijoules = used_mj += step;
  return 0;
}

EXPORTED int nvmlDeviceGetClockInfo(void* handle, int type, unsigned* mhz);
EXPORTED int nvmlDeviceGetClockInfo(void*, int type, unsigned* mhz) {
  constexpr unsigned sm = 1410, memory = 1215;
  *mhz = type == 1 ? sm : memory;
  return 0;
}

EXPORTED int nvmlDeviceGetEnforcedPowerLimit(void* handle, unsigned* milliwatts);
EXPORTED int nvmlDeviceGetEnforcedPowerLimit(void*, unsigned* milliwatts) {
  constexpr unsigned limit = 250000;
  *milliwatts = limit;
  return 0;
}

EXPORTED const char* nvmlErrorString(int code);
EXPORTED const char* nvmlErrorString(int code) {
  return code == unsupported ? "Not Supported" : "Invalid Argument";
}
