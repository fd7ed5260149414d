// SPDX-License-Identifier: Apache-2.0
#include <sys/utsname.h>
#include <unistd.h>

#include <string>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "measure/settings.hpp"

namespace hwprof::measuring {
namespace {

using Map = std::map<std::string, std::string>;

/// First line of a small file of the system; empty when there is none.
std::string first_line(const std::string& file) {
  try {
    const std::string text = base::read_file(file, std::uint64_t{1} << 22);
    return std::string(base::trim(text.substr(0, text.find_first_of(std::string("\n\0", 2)))));
  } catch (const Error&) {
    return {};
  }
}

/// "key : value" lines of one processor in /proc/cpuinfo.
Map cpuinfo() {
  Map fields;
  std::string text;
  try {
    text = base::read_file("/proc/cpuinfo");
  } catch (const Error&) {
    return fields;
  }
  for (const std::string& line : base::split(text, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    fields.emplace(base::trim(std::string_view(line).substr(0, colon)),
                   base::trim(std::string_view(line).substr(colon + 1)));
  }
  return fields;
}

void note(Map& into, const std::string& key, const std::string& value) {
  if (!value.empty()) into[key] = value;
}

/// kHz in a file to Hz as text.
std::string hertz(const std::string& file) {
  const auto khz = base::to_double(first_line(file));
  return khz && *khz > 0 ? base::format_number(*khz * 1e3) : std::string();
}

}  // namespace

Map describe_host() {
  Map out;
  const Map cpu = cpuinfo();
  const auto field = [&cpu](const std::string& key) {
    const auto found = cpu.find(key);
    return found == cpu.end() ? std::string() : found->second;
  };
  note(out, "cpu", field("model name"));
  if (out.count("cpu") == 0) note(out, "cpu", first_line("/proc/device-tree/model"));
  if (out.count("cpu") == 0) note(out, "cpu", field("Hardware"));
  if (out.count("cpu") == 0 && cpu.count("CPU part") != 0)
    out["cpu"] = "implementer " + field("CPU implementer") + " part " + field("CPU part");
  out["cores"] = std::to_string(::sysconf(_SC_NPROCESSORS_ONLN));
  out["cores_allowed"] = std::to_string(allowed_processors().size());
  const std::string cpufreq = "/sys/devices/system/cpu/cpu0/cpufreq/";
  note(out, "governor", first_line(cpufreq + "scaling_governor"));
  note(out, "frequency_hz", hertz(cpufreq + "scaling_cur_freq"));
  note(out, "frequency_max_hz", hertz(cpufreq + "cpuinfo_max_freq"));
  if (out.count("frequency_hz") == 0)
    if (const auto mhz = base::to_double(field("cpu MHz"))) out["frequency_hz"] = base::format_number(*mhz * 1e6);
  note(out, "boost", first_line("/sys/devices/system/cpu/cpufreq/boost"));
  if ((" " + field("flags") + " ").find(" hypervisor ") != std::string::npos) out["virtual_machine"] = "yes";
  note(out, "transparent_hugepages", first_line("/sys/kernel/mm/transparent_hugepage/enabled"));
  utsname system{};
  if (::uname(&system) == 0) {
    out["kernel"] = std::string(system.sysname) + " " + system.release;
    out["architecture"] = system.machine;
  }
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGE_SIZE);
  if (pages > 0 && page > 0)
    out["memory_bytes"] = base::format_number(static_cast<double>(pages) * static_cast<double>(page));
  note(out, "load_at_start", first_line("/proc/loadavg"));
  return out;
}

}  // namespace hwprof::measuring
