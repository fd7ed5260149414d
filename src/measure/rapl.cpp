// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "measure/energy.hpp"

namespace hwprof::measuring {
namespace fs = std::filesystem;
namespace {

/// The number in a file, or below 0 with the reason.
double read_number(const std::string& file, std::string& reason) {
  std::string text;
  try {
    text = base::read_file(file);
  } catch (const Error& error) {
    reason = error.what();
    return -1;
  }
  const auto value = base::to_double(base::trim(text));
  if (value && *value >= 0) return *value;
  reason = file + ": a number is expected, found " + base::in_quotes(base::trim(text).substr(0, 40));
  return -1;
}

std::string name_of(const fs::path& zone) {
  try {
    return std::string(base::trim(base::read_file((zone / "name").string())));
  } catch (const Error&) {
    return {};
  }
}

/// Packages, and the memory below them, which packages do not count; cores and graphics they do.
bool counts(const std::string& name) {
  return base::starts_with(name, "package") || name == "dram";
}

}  // namespace

EnergyCounter::~EnergyCounter() = default;

RaplCounter::RaplCounter(const std::string& root) {
  if (!base::is_folder(root)) {
    reason_ = root + ": there is no such folder";
    return;
  }
  std::vector<std::string> names;
  for (const auto& entry : base::list_folder(root)) {
    const fs::path path = fs::path(root) / entry;
    const std::string name = name_of(path);
    // The memory-mapped zones count what the others do.
    if (!counts(name) || base::starts_with(entry, "intel-rapl-mmio")) continue;
    std::string why;
    Zone zone{(path / "energy_uj").string(), 0, 0};
    zone.last_uj = read_number(zone.file, why);
    if (zone.last_uj >= 0) zone.range_uj = read_number((path / "max_energy_range_uj").string(), why);
    if (!why.empty()) {
      reason_ = why;
      zones_.clear();
      return;
    }
    zones_.push_back(zone);
    names.push_back(name);
  }
  if (zones_.empty())
    reason_ = root + ": holds no counter of a processor";
  else
    text_ = "RAPL " + base::join(names, ", ");
}

double RaplCounter::joules() {
  constexpr double per_joule = 1e6;
  for (Zone& zone : zones_) {
    std::string why;
    const double now = read_number(zone.file, why);
    if (!why.empty()) throw Error(Fault::device, why);
    double gone = now - zone.last_uj;
    if (gone < 0) gone += zone.range_uj;
    if (gone < 0) throw Error(Fault::device, zone.file + ": went back by more than its range");
    zone.last_uj = now;
    joules_ += gone / per_joule;
  }
  return joules_;
}

}  // namespace hwprof::measuring
