// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "measure/host.hpp"
#include "measure/settings.hpp"
#include "throws.hpp"

using namespace hwprof::measuring;

TEST_CASE("affinity confines the thread and gives its processors back") {
  const auto before = allowed_processors();
  REQUIRE_FALSE(before.empty());
  {
    const Affinity affinity(1);
    if (affinity.text().find("refused") != std::string::npos) return;
    CHECK(allowed_processors().size() == 1);
    CHECK(hwprof_test::has(affinity.text(), "processor " + std::to_string(allowed_processors()[0])));
  }
  CHECK(allowed_processors() == before);
  {
    const Affinity affinity(static_cast<int>(before.size()));
    CHECK(allowed_processors() == before);
  }
}

TEST_CASE("more threads than processors are refused") {
  const auto count = static_cast<int>(allowed_processors().size());
  const std::string message = hwprof_test::error_of(hwprof::Fault::usage, [&] { const Affinity a(count + 1); });
  CHECK(hwprof_test::has(message, std::to_string(count + 1) + " threads"));
}

TEST_CASE("quiet processors are allowed ones, none twice") {
  const auto allowed = allowed_processors();
  auto quiet = quiet_processors(1000000);
  std::sort(quiet.begin(), quiet.end());
  CHECK(std::includes(allowed.begin(), allowed.end(), quiet.begin(), quiet.end()));
  CHECK(std::adjacent_find(quiet.begin(), quiet.end()) == quiet.end());
  CHECK(quiet_processors(1).size() == 1);
  CHECK(allowed_processors() == allowed);
}

TEST_CASE("the host describes itself") {
  const auto host = describe_host();
  CHECK(host.count("kernel") == 1);
  CHECK(host.count("cores") == 1);
  for (const auto& [key, value] : host) {
    CHECK_FALSE(key.empty());
    CHECK_FALSE(value.empty());
  }
}

TEST_CASE("clock and counters only grow") {
  for (const int threads : {1, 2}) {
    ThisHost host(threads);
    const Usage before = host.usage();
    volatile double sum = 0;
    for (int i = 0; i < 1000000; ++i) sum = sum + i;
    const Usage after = host.usage();
    CHECK(after.wall_s > before.wall_s);
    CHECK(after.cpu_s > before.cpu_s);
    CHECK(after.preemptions >= before.preemptions);
    CHECK(after.stolen_s >= before.stolen_s);
  }
  CHECK(steal_seconds() >= 0);
  CHECK(steal_seconds(999999) == 0);
}

TEST_CASE("what was done with the allocator is told") {
  CHECK_FALSE(keep_freed_memory().empty());
}
