// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>

#include "hwprof/error.hpp"
#include "measure/energy.hpp"
#include "measure/process.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof::measuring;
using hwprof::Fault;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

void zone(const TempFolder& root, const std::string& dir, const std::string& name, long energy_uj, long range_uj) {
  root.write(dir + "/name", name + "\n");
  root.write(dir + "/energy_uj", std::to_string(energy_uj) + "\n");
  root.write(dir + "/max_energy_range_uj", std::to_string(range_uj) + "\n");
}

}  // namespace

TEST_CASE("RAPL: packages and memory are added, parts of packages and second views are not") {
  const TempFolder root;
  zone(root, "intel-rapl:0", "package-0", 1000, 1000000);
  zone(root, "intel-rapl:0:0", "core", 1000, 1000000);
  zone(root, "intel-rapl:0:1", "dram", 50, 1000000);
  zone(root, "intel-rapl:1", "package-1", 900000, 1000000);
  zone(root, "intel-rapl-mmio:0", "package-0", 1000, 1000000);
  std::filesystem::create_directories(root.file("intel-rapl"));
  RaplCounter counter(root.path());
  CHECK(counter.reason().empty());
  CHECK(counter.text() == "RAPL package-0, dram, package-1");
  CHECK(counter.joules() == 0);
  zone(root, "intel-rapl:0", "package-0", 251000, 1000000);
  zone(root, "intel-rapl:0:0", "core", 999000, 1000000);
  zone(root, "intel-rapl:0:1", "dram", 100050, 1000000);
  CHECK(counter.joules() == doctest::Approx(0.35));
  zone(root, "intel-rapl:1", "package-1", 100000, 1000000);  // wrapped around
  CHECK(counter.joules() == doctest::Approx(0.55));
  std::filesystem::remove(root.file("intel-rapl:1/energy_uj"));
  CHECK(has(error_of(Fault::device, [&] { (void)counter.joules(); }), "energy_uj"));
}

TEST_CASE("RAPL: no counter is a reason, not a number") {
  const TempFolder root;
  CHECK(has(RaplCounter(root.file("none")).reason(), "no such folder"));
  CHECK(has(RaplCounter(root.path()).reason(), "no counter"));
  zone(root, "intel-rapl:0", "package-0", 1000, 1000000);
  root.write("intel-rapl:0/energy_uj", "soon\n");
  CHECK(has(RaplCounter(root.path()).reason(), "found 'soon'"));
  std::filesystem::remove(root.file("intel-rapl:0/energy_uj"));
  CHECK(has(RaplCounter(root.path()).reason(), "energy_uj"));
}

TEST_CASE("NVML is loaded when it is there, and says why it gives nothing") {
  CHECK(has(NvmlCounter("0000:65:00.0", "libno-such-thing.so.1").reason(), "is not here"));
  CHECK(has(NvmlCounter("0000:65:00.0", "libm.so.6").reason(), "too old"));
  CHECK(has(NvmlCounter("0000:01:00.0", NVML_STANDIN).reason(), "Invalid Argument"));
  NvmlCounter old("0000:66:00.0", NVML_STANDIN);
  CHECK(has(old.reason(), "Not Supported"));
  CHECK(old.state().at("gpu_clock_mhz") == "1410");
  NvmlCounter counter("0000:65:00.0", NVML_STANDIN);
  CHECK(counter.reason().empty());
  CHECK(counter.joules() == 2.5);
  CHECK(counter.joules() == 5);
  const auto state = counter.state();
  CHECK(state.at("gpu_memory_clock_mhz") == "1215");
  CHECK(state.at("gpu_power_limit_w") == "250");
  CHECK(state.count("gpu_temperature_c") == 0);  // the driver does not tell
}

TEST_CASE("the process' memory and its peak") {
  const auto before = process_memory();
  REQUIRE(before);
  CHECK(before->now > 1e5);
  CHECK(before->peak >= before->now);
  REQUIRE(available_memory());
  CHECK(*available_memory() > 1e6);
  if (!reset_process_peak()) return;
  constexpr std::size_t bytes = std::size_t{64} << 20;
  const double start = process_memory()->peak;
  {
    std::vector<char> block(bytes);
    for (std::size_t i = 0; i < bytes; i += 512) block[i] = 1;
  }
  const double grown = process_memory()->peak - start;
  CHECK(grown > 0.9 * static_cast<double>(bytes));
  CHECK(grown < 1.2 * static_cast<double>(bytes));
}
