// SPDX-License-Identifier: Apache-2.0
#include "measure/process.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::measuring {
namespace {

/// "VmHWM:     5120 kB" of /proc/self/status.
std::optional<double> field(const std::string& status, const std::string& name) {
  const auto at = status.find(name + ":");
  if (at == std::string::npos) return {};
  auto text = base::trim(std::string_view(status).substr(at + name.size() + 1));
  const auto end = text.find(' ');
  const auto value = base::to_double(text.substr(0, end));
  constexpr double kibi = 1024;
  return value ? std::optional<double>(*value * kibi) : std::nullopt;
}

}  // namespace

std::optional<ProcessMemory> process_memory() {
  try {
    const std::string status = base::read_file("/proc/self/status");
    const auto now = field(status, "VmRSS"), peak = field(status, "VmHWM");
    if (now && peak) return ProcessMemory{*now, *peak};
  } catch (const Error&) {
    return {};
  }
  return {};
}

std::optional<double> available_memory() {
  try {
    return field(base::read_file("/proc/meminfo"), "MemAvailable");
  } catch (const Error&) {
    return {};
  }
}

bool reset_process_peak() {
  const int file = ::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool done = ::write(file, "5", 1) == 1;
  ::close(file);
  return done;
}

}  // namespace hwprof::measuring
